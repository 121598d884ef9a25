//! Authorization: it compares the request of a proven client with its rights.

pub(crate) mod audience;
pub(crate) mod entitlement;

use std::rc::Rc;

use crate::authenticate::AuthenticatedClient;
use crate::binding::{Confirmation, Possession};
use crate::config::Config;
use crate::config::profile::TokenProfile;
use crate::error::TokenError;
use crate::error::grant::GrantError;
use crate::error::target::TargetError;
use crate::grammar::issuer_scope::IssuerScope;
use crate::grammar::scope::Scope;
use crate::grant::audience::Audience;
use crate::grant::entitlement::{Entitlement, Granted};
use crate::jose::algorithm::Algorithm;
use crate::log::event::Proof;
use crate::log::trail::Trail;
use crate::ports::{ApiStore, ClientStore, LocationCache, SingleUse};
use crate::records::api_id::ApiId;
use crate::records::bound::Bound;
use crate::records::client::ClientRecord;
use crate::records::client_id::ClientId;
use crate::registry::Registry;
use crate::request::asked::ScopeRequest;

/// The most other clients that one request may name as audiences: each may cost a read of the store.
const MAX_PEERS: usize = 32;

/// A decision: this client, these scopes, these audiences, this lifetime, and this format. Only this module
/// can construct it.
#[derive(Debug)]
pub struct Grant {
    client: AuthenticatedClient,
    scope: Scope,
    audience: Audience,
    id_token_audience: Audience,
    nonce: Option<String>,
    lifetime: u64,
    profile: TokenProfile,
    algorithm: Option<Algorithm>,
    is_for_apis: bool,
    confirmation: Option<Confirmation>,
}

impl Grant {
    pub(crate) fn client(&self) -> &ClientRecord {
        self.client.record()
    }

    /// What proved the client's identity.
    pub(crate) fn proof(&self) -> &Proof {
        self.client.proof()
    }

    /// The assertion that the client presented, if that may be used only once.
    pub(crate) fn single_use(&self) -> Option<&SingleUse> {
        self.client.single_use()
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The scopes as text, if there are any. A `scope` that is empty is omitted (RFC 6749 §3.3).
    pub(crate) fn scope_text(&self) -> Option<String> {
        (!self.scope.is_empty()).then(|| self.scope.to_string())
    }

    /// The audience of the access token.
    pub(crate) fn audience(&self) -> &Audience {
        &self.audience
    }

    /// The audience of the ID token: the client and its peers, never an API.
    pub(crate) fn id_token_audience(&self) -> &Audience {
        &self.id_token_audience
    }

    /// Whether the access token is for APIs. Then it names no client except the requesting one.
    pub(crate) fn is_for_apis(&self) -> bool {
        self.is_for_apis
    }

    /// What the access token is bound to. `None` for a bearer token.
    pub(crate) fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    pub(crate) fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// The lifetime in seconds.
    pub(crate) fn lifetime(&self) -> u64 {
        self.lifetime
    }

    /// The format of the access token.
    pub(crate) fn profile(&self) -> TokenProfile {
        self.profile
    }

    /// The algorithm that must sign the tokens. `None` is that of the active key.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }
}

impl AuthenticatedClient {
    /// Decides on `asked`. Fails closed: if one part is not allowed, the whole request is refused. `possession` is
    /// what the token can be bound to.
    pub(crate) async fn authorize<C: ClientStore + ApiStore + LocationCache>(
        self,
        asked: ScopeRequest,
        possession: Possession,
        config: &Config,
        clients: &Registry<C>,
        trail: &Trail,
    ) -> Result<Grant, TokenError> {
        let (scope, targets) = (asked.scope?, asked.targets?);
        let entitlement = Entitlement::find(self.record(), &targets, clients, trail).await?;
        let (profile, algorithm) = (entitlement.profile(config.profile)?, entitlement.algorithm()?);
        // FAPI 2.0 §5.3.2.1 item 4 allows no bearer token.
        let demand = entitlement.bound()?.or(config.fapi.then_some(Bound::Any));
        let confirmation = possession.confirm(demand)?;
        let scope = if scope.is_empty() { entitlement.every_scope()? } else { scope };
        let (mut peers, mut unrecognized, mut differing) = (Vec::new(), Vec::new(), false);
        for token in scope.iter() {
            match (IssuerScope::parse(token.as_str()), token.cross_client_peer().map(ClientId::parse)) {
                (Some(IssuerScope::OfflineAccess), _) => {
                    return Err(GrantError::OfflineAccess.into());
                }
                (Some(IssuerScope::FederatedId), _) => {
                    return Err(GrantError::FederatedId.into());
                }
                (Some(_), _) => {}
                (None, Some(Ok(peer))) if peers.len() < MAX_PEERS => peers.push((token, peer)),
                (None, Some(Ok(_))) => return Err(GrantError::TooManyScopes.into()),
                (None, None | Some(Err(_))) => match entitlement.granted(token) {
                    Granted::Everywhere => {}
                    Granted::Somewhere => differing = true,
                    Granted::Nowhere => unrecognized.push(token.clone()),
                },
            }
        }
        if !unrecognized.is_empty() {
            return Err(GrantError::UnrecognizedScopes(unrecognized).into());
        }
        if differing {
            return Err(GrantError::ScopesDiffer.into());
        }
        self.check_combination(&entitlement, peers.iter().map(|(_, peer)| peer), clients, trail).await?;
        let mut untrusted = Vec::new();
        for (token, peer) in &peers {
            if !self.is_trusted_by(peer, clients, trail).await? {
                untrusted.push((*token).clone());
            }
        }
        if !untrusted.is_empty() {
            return Err(GrantError::UntrustedPeers(untrusted).into());
        }
        let client = self.record().id.as_str();
        let peers = || peers.iter().map(|(_, peer)| peer.as_str());
        let audience = match profile {
            // In dex's order: the peers as the client named them, then the client itself unless it named
            // itself before.
            TokenProfile::Dex if entitlement.is_empty() => Audience::of(peers().chain([client])),
            // RFC 9068 §3: never empty, and a default if the request has no resource.
            TokenProfile::Rfc9068 if entitlement.is_empty() && peers().next().is_none() => {
                Audience::of([config.issuer.as_str()].into_iter())
            }
            // A token for APIs names the client only if the client asked for that. Otherwise an API could
            // present the token to the client as its own.
            TokenProfile::Dex | TokenProfile::Rfc9068 => Audience::of(entitlement.ids().chain(peers())),
        };
        let id_token_audience = Audience::of(peers().chain([client]));
        let lifetime = entitlement.lifetime().unwrap_or(config.token_lifetime.seconds());
        Ok(Grant {
            audience,
            id_token_audience,
            nonce: asked.nonce,
            lifetime: lifetime.min(config.max_token_lifetime.seconds()),
            profile,
            algorithm,
            is_for_apis: !entitlement.is_empty(),
            confirmation,
            scope,
            client: self,
        })
    }

    /// Checks that no scope of an API reaches an audience other than the APIs that grant it.
    ///
    /// A token has one `scope` for all its audiences. So besides APIs it may only name the client itself, and
    /// only when the client's ID is not the ID of a further API.
    async fn check_combination<C: ApiStore + LocationCache>(
        &self,
        entitlement: &Entitlement<'_>,
        mut peers: impl Iterator<Item = &ClientId>,
        clients: &Registry<C>,
        trail: &Trail,
    ) -> Result<(), TokenError> {
        if entitlement.is_empty() {
            return Ok(());
        }
        let id = &self.record().id;
        let Some(first) = peers.next() else { return Ok(()) };
        if let Some(other) = [first].into_iter().chain(peers).find(|peer| *peer != id) {
            return Err(TargetError::TargetWithPeer(other.clone()).into());
        }
        if entitlement.ids().any(|api| api == id.as_str()) {
            return Ok(());
        }
        let api = match ApiId::parse(id.as_str()) {
            Ok(api) => clients.find_api(&api, trail).await?,
            Err(_) => None,
        };
        if api.is_some() { Err(TargetError::TargetWithPeer(id.clone()).into()) } else { Ok(()) }
    }

    /// Whether `peer` lets this client request tokens that name the peer as audience. A client always trusts
    /// itself, and another client if its record says so. An unknown peer trusts no client.
    async fn is_trusted_by<C: ClientStore + LocationCache>(
        &self,
        peer: &ClientId,
        clients: &Registry<C>,
        trail: &Trail,
    ) -> Result<bool, TokenError> {
        let id = &self.record().id;
        if peer == id {
            return Ok(true);
        }
        let peer: Option<Rc<ClientRecord>> = clients.find(peer, trail).await?;
        Ok(peer.is_some_and(|peer| peer.trusted_peers.contains(id)))
    }
}
