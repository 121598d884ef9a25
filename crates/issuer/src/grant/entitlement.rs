//! The rights of a client at the APIs of its request: the scopes, and the kind of token that the APIs demand.

use std::rc::Rc;

use crate::config::profile::TokenProfile;
use crate::error::TokenError;
use crate::error::grant::GrantError;
use crate::error::target::TargetError;
use crate::grammar::issuer_scope::IssuerScope;
use crate::grammar::scope::{Scope, ScopeToken};
use crate::jose::algorithm::Algorithm;
use crate::log::trail::Trail;
use crate::ports::{ApiStore, LocationCache};
use crate::records::api::ApiRecord;
use crate::records::api_id::ApiId;
use crate::records::bound::Bound;
use crate::records::client::ClientRecord;
use crate::registry::Registry;

/// How widely a scope is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granted {
    /// At every API of the request.
    Everywhere,
    /// At some of them.
    Somewhere,
    /// At none of them, or there is no API.
    Nowhere,
}

/// The APIs that a token is for. Each is registered, and in the client's grants.
pub(crate) struct Entitlement<'a> {
    client: &'a ClientRecord,
    apis: Vec<Rc<ApiRecord>>,
}

impl<'a> Entitlement<'a> {
    /// Finds the APIs of `targets`. Without targets, finds the client's default API (RFC 9068 §3), if it has
    /// one.
    ///
    /// Looks up only APIs that the client's record grants, so a client without grants cannot cause reads.
    pub(crate) async fn find<C: ApiStore + LocationCache>(
        client: &'a ClientRecord,
        targets: &[ApiId],
        clients: &Registry<C>,
        trail: &Trail,
    ) -> Result<Self, TokenError> {
        let targets = if targets.is_empty() { client.default_api.as_slice() } else { targets };
        if let Some(other) = targets.iter().find(|target| !client.grants.contains_key(target)) {
            return Err(TargetError::TargetNotGranted(other.clone()).into());
        }
        let mut apis = Vec::with_capacity(targets.len());
        for target in targets {
            let api = clients.find_api(target, trail).await?;
            apis.push(api.ok_or_else(|| TokenError::Target(TargetError::UnknownApi(target.clone())))?);
        }
        Ok(Self { client, apis })
    }

    /// The identifiers, in the order of the request.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.apis.iter().map(|api| api.id.as_str())
    }

    /// Whether there is no API at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.apis.is_empty()
    }

    /// The scopes that the client's record grants at `api`, whether the API still defines them or not.
    fn listed(&self, api: &ApiRecord) -> &'a [ScopeToken] {
        self.client.grants.get(&api.id).map_or(&[], Vec::as_slice)
    }

    /// Whether `scope` is granted at `api`: the client's record lists it, and the API's record still defines
    /// it.
    fn grants(&self, api: &ApiRecord, scope: &ScopeToken) -> bool {
        is_of_an_api(scope) && self.listed(api).contains(scope) && api.defines(scope)
    }

    /// Where `scope` is granted.
    pub(crate) fn granted(&self, scope: &ScopeToken) -> Granted {
        let count = self.apis.iter().filter(|api| self.grants(api, scope)).count();
        if count == 0 {
            Granted::Nowhere
        } else if count == self.apis.len() {
            Granted::Everywhere
        } else {
            Granted::Somewhere
        }
    }

    /// All granted scopes, for a request that names no scope (RFC 6749 §3.3), in the order of the client's
    /// record. With several APIs, each must have the same.
    pub(crate) fn every_scope(&self) -> Result<Scope, TokenError> {
        let mut of_each = self.apis.iter().map(|api| {
            let granted = self.listed(api).iter().filter(|scope| self.grants(api, scope));
            Scope::of(granted.cloned()).map_err(|_| TokenError::Grant(GrantError::TooManyScopes))
        });
        let first = of_each.next().transpose()?.unwrap_or_default();
        for other in of_each {
            if !other?.is_the_same_set_as(&first) {
                return Err(GrantError::ScopesDiffer.into());
            }
        }
        Ok(first)
    }

    /// The format of the access token, on which all APIs must agree. An API without a profile has
    /// `of_deployment`.
    pub(crate) fn profile(&self, of_deployment: TokenProfile) -> Result<TokenProfile, TokenError> {
        let profiles = self.apis.iter().map(|api| api.profile.unwrap_or(of_deployment));
        Ok(agreed(profiles)?.unwrap_or(of_deployment))
    }

    /// The signature algorithm, on which all APIs must agree. `None` is that of the active key.
    ///
    /// An API that names no algorithm and one that names the active key's do not agree. If they did, a new
    /// active key could make requests fail that succeeded before.
    pub(crate) fn algorithm(&self) -> Result<Option<Algorithm>, TokenError> {
        Ok(agreed(self.apis.iter().map(|api| api.alg))?.flatten())
    }

    /// What the token must be bound to, so that the client and all APIs get what they demand.
    pub(crate) fn bound(&self) -> Result<Option<Bound>, TokenError> {
        let mut demands = self.apis.iter().filter_map(|api| api.bound).chain(self.client.bound);
        let Some(first) = demands.next() else { return Ok(None) };
        let all = demands.try_fold(first, Bound::and);
        all.map(Some).ok_or(TokenError::Target(TargetError::BoundDiffers))
    }

    /// The smallest of the lifetimes in the records of the client and the APIs, in seconds.
    pub(crate) fn lifetime(&self) -> Option<u64> {
        let of_apis = self.apis.iter().filter_map(|api| api.token_lifetime);
        of_apis.chain(self.client.token_lifetime).min()
    }
}

/// Whether an API may define `scope`.
fn is_of_an_api(scope: &ScopeToken) -> bool {
    IssuerScope::parse(scope.as_str()).is_none() && scope.cross_client_peer().is_none()
}

/// The demand that all `demands` share, or none if there are no demands.
fn agreed<T: PartialEq>(mut demands: impl Iterator<Item = T>) -> Result<Option<T>, TokenError> {
    let Some(first) = demands.next() else { return Ok(None) };
    if demands.all(|other| other == first) { Ok(Some(first)) } else { Err(TargetError::TargetsDiffer.into()) }
}
