//! Authorization: what a proven client asked for, held against what it may have.

use std::rc::Rc;

use serde::Serialize;

use crate::authenticate::AuthenticatedClient;
use crate::client::{ClientId, ClientRecord};
use crate::clients::Clients;
use crate::config::Config;
use crate::error::TokenError;
use crate::ports::ClientStore;
use crate::scope::Scope;

/// The most other clients that one request may name as audiences: each may cost a read of the store.
const MAX_PEERS: usize = 32;

/// What a request asks for. Its scope is judged only once it is known who asks.
#[derive(Debug)]
pub(crate) struct ScopeRequest {
    pub(crate) scope: Result<Scope, TokenError>,
    pub(crate) nonce: Option<String>,
}

/// `aud` (RFC 7519 §4.1.3): a string when single, else an array; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    /// One.
    One(ClientId),
    /// Several.
    Several(Vec<ClientId>),
}

impl Audience {
    /// dex's order: the peers as they were asked for, and the client itself last unless it was named.
    fn new(client: &ClientId, mut peers: Vec<ClientId>) -> Self {
        if !peers.contains(client) {
            peers.push(client.clone());
        }
        match <[ClientId; 1]>::try_from(peers) {
            Ok([only]) => Self::One(only),
            Err(several) => Self::Several(several),
        }
    }

    pub(crate) fn is_several(&self) -> bool {
        matches!(self, Self::Several(_))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ClientId> {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Several(several) => several,
        }
        .iter()
    }
}

/// What was decided: this client, these scopes, this audience, for so long. Made here alone.
#[derive(Debug)]
pub struct Grant {
    client: AuthenticatedClient,
    scope: Scope,
    audience: Audience,
    nonce: Option<String>,
    lifetime: u64,
}

impl Grant {
    pub(crate) fn client(&self) -> &ClientRecord {
        self.client.record()
    }

    pub(crate) fn secret_id(&self) -> &str {
        self.client.secret_id()
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) fn audience(&self) -> &Audience {
        &self.audience
    }

    pub(crate) fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// In seconds.
    pub(crate) fn lifetime(&self) -> u64 {
        self.lifetime
    }
}

impl AuthenticatedClient {
    /// Decides on `asked`. Fails closed: what nothing allows is refused, and with it the whole request.
    pub(crate) async fn authorize<C: ClientStore>(
        self,
        asked: ScopeRequest,
        config: &Config,
        clients: &Clients<C>,
        now: u64,
    ) -> Result<Grant, TokenError> {
        let scope = asked.scope?;
        let mut unrecognized = Vec::new();
        let mut peers = Vec::new();
        let mut untrusted = Vec::new();
        for token in scope.iter() {
            match (token.as_str(), token.cross_client_peer().map(ClientId::parse)) {
                ("openid" | "email" | "profile" | "groups", _) => {}
                ("offline_access", _) => return Err(TokenError::OfflineAccess),
                ("federated:id", _) => return Err(TokenError::FederatedId),
                (_, Some(Ok(peer))) if peers.len() < MAX_PEERS => peers.push((token, peer)),
                (_, Some(Ok(_))) => return Err(TokenError::TooManyScopes),
                (_, None | Some(Err(_))) => unrecognized.push(token.clone()),
            }
        }
        if !unrecognized.is_empty() {
            return Err(TokenError::UnrecognizedScopes(unrecognized));
        }
        for (token, peer) in &peers {
            if !self.is_trusted_by(peer, clients, now).await? {
                untrusted.push((*token).clone());
            }
        }
        if !untrusted.is_empty() {
            return Err(TokenError::UntrustedPeers(untrusted));
        }
        let peers = peers.into_iter().map(|(_, peer)| peer).collect();
        let record = self.record();
        let lifetime = record.token_lifetime.unwrap_or(config.token_lifetime.seconds());
        Ok(Grant {
            audience: Audience::new(&record.id, peers),
            scope,
            nonce: asked.nonce,
            lifetime: lifetime.min(config.max_token_lifetime.seconds()),
            client: self,
        })
    }

    /// Whether `peer` lets this client ask for tokens that name it as audience: itself always, another
    /// client when its record says so. A peer that is not there trusts nobody.
    async fn is_trusted_by<C: ClientStore>(
        &self,
        peer: &ClientId,
        clients: &Clients<C>,
        now: u64,
    ) -> Result<bool, TokenError> {
        let id = &self.record().id;
        if peer == id {
            return Ok(true);
        }
        let peer: Option<Rc<ClientRecord>> = clients.find(peer, now).await?;
        Ok(peer.is_some_and(|peer| peer.trusted_peers.contains(id)))
    }
}
