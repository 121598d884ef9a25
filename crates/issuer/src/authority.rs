//! The issuer as a whole: it takes a request from its route to its answer.

use crate::authenticate::Authenticator;
use crate::authenticate::proven::Proven;
use crate::authenticate::rate_limit::RateLimiter;
use crate::binding::nonce::Nonces;
use crate::config::Config;
use crate::discovery::metadata::Documents;
use crate::endpoint::answer::{Answer, plain, refuse};
use crate::endpoint::health::health;
use crate::endpoint::inspection::Inspector;
use crate::endpoint::token::TokenEndpoint;
use crate::endpoint::{Endpoint, authorization};
use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::error::request::RequestError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::log::event::Event;
use crate::log::trail::Trail;
use crate::ports::{
    ApiStore, ClientStore, ForeignVerifier, IssuerStore, KeySource, LocationCache, Moment, NoRateLimit,
    NoReplay, RateLimit, Replay, RevocationStore, Signer, SlowHash, Verifier,
};
use crate::registry::Registry;
use crate::registry::remote_keys::RemoteKeys;
use crate::registry::replays::Replays;
use crate::registry::revocations::Revocations;
use crate::request::credentials::presented_by;

/// The issuer: a configuration, the store, the keys, and the rate limits.
pub struct Authority<C, S, B = NoRateLimit, R = NoReplay> {
    config: Config,
    documents: Documents,
    clients: Registry<C>,
    crypto: S,
    proven: Proven,
    limiter: RateLimiter<B>,
    revocations: Revocations,
    remote_keys: RemoteKeys,
    replays: Replays<R>,
    nonces: Option<Nonces>,
}

/// An answer, and the event to log, if there is one.
#[derive(Debug)]
pub struct Served<'a> {
    /// The answer for the client.
    pub response: Response<'a>,
    /// The log entry for the operator.
    pub event: Option<Event>,
}

impl<C, S> Authority<C, S> {
    /// Creates an issuer. `isolate_key` is 32 random bytes: they protect what this instance caches about
    /// secrets.
    pub fn new(config: Config, clients: C, crypto: S, isolate_key: [u8; 32]) -> Self {
        Self {
            documents: Documents::new(&config),
            clients: Registry::new(clients, &config),
            proven: Proven::new(isolate_key, config.client_cache),
            limiter: RateLimiter::new(NoRateLimit),
            revocations: Revocations::new(),
            remote_keys: RemoteKeys::new(),
            replays: Replays::new(NoReplay),
            nonces: config.needs_dpop_nonce.then(|| Nonces::new(&config.keys, &config.issuer)),
            crypto,
            config,
        }
    }
}

impl<C, S, B, R> Authority<C, S, B, R> {
    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Adds a rate limit on guesses.
    pub fn with_rate_limit<L: RateLimit>(self, rate_limit: L) -> Authority<C, S, L, R> {
        let Self {
            config,
            documents,
            clients,
            crypto,
            proven,
            revocations,
            remote_keys,
            replays,
            nonces,
            ..
        } = self;
        let limiter = RateLimiter::new(rate_limit);
        Authority {
            config,
            documents,
            clients,
            crypto,
            proven,
            revocations,
            remote_keys,
            replays,
            nonces,
            limiter,
        }
    }

    /// Adds a memory of used assertions that all instances share.
    pub fn with_replay<P: Replay>(self, replay: P) -> Authority<C, S, B, P> {
        let Self {
            config,
            documents,
            clients,
            crypto,
            proven,
            revocations,
            remote_keys,
            limiter,
            nonces,
            ..
        } = self;
        let replays = Replays::new(replay);
        Authority {
            config,
            documents,
            clients,
            crypto,
            proven,
            revocations,
            remote_keys,
            replays,
            nonces,
            limiter,
        }
    }
}

impl<C, S, B, R> Authority<C, S, B, R>
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + LocationCache + KeySource,
    S: Signer + SlowHash + Verifier + ForeignVerifier,
    B: RateLimit,
    R: Replay,
{
    /// Answers one request. Each request needs its own `moment`, because its random bytes must be fresh.
    pub async fn handle(&self, request: &Request<'_>, moment: &Moment) -> Served<'_> {
        let endpoint = Endpoint::route(request.path, self.config.issuer.path());
        let lookups = endpoint.map_or(0, Endpoint::location_lookups);
        let trail = Trail::new(&request.arrival, moment.now).with_location_lookups(lookups);
        let answer = self.answer(endpoint, request, moment, &trail).await;
        Self::served(answer, request, trail)
    }

    /// Answers a request that the host has no room for. Looks nothing up and computes nothing.
    pub fn overloaded(&self, request: &Request<'_>, moment: &Moment) -> Served<'_> {
        let trail = Trail::new(&request.arrival, moment.now);
        let endpoint = Endpoint::route(request.path, self.config.issuer.path());
        let name = endpoint.map_or("none", Endpoint::name);
        let by_header = request.authorization.is_some();
        let answer = refuse(&TokenError::Fault(Fault::Overloaded), name, presented_by(request), by_header);
        Self::served(answer, request, trail)
    }

    fn served<'a>((response, decision): Answer<'a>, request: &Request<'_>, trail: Trail) -> Served<'a> {
        Served {
            response: response.sealed(&request.arrival),
            event: decision.map(|decision| Event::new(decision, request, trail)),
        }
    }

    async fn answer(
        &self,
        endpoint: Option<Endpoint>,
        request: &Request<'_>,
        moment: &Moment,
        trail: &Trail,
    ) -> Answer<'_> {
        if request.arrival.is_exposed() {
            return Self::refuse_plain_http(endpoint, request);
        }
        let Some(endpoint) = endpoint else { return plain(Response::not_found()) };
        let cors = &self.config.cors;
        let preflight = !cors.is_none() && endpoint.is_for_pages();
        let methods = endpoint.methods(preflight);
        if preflight && request.method == "OPTIONS" {
            let mut response = cors.preflight(request, methods, endpoint.takes_dpop());
            if endpoint == Endpoint::Token {
                response.no_store();
            }
            return plain(response);
        }
        if let Some(origin) = request.origin
            && endpoint.takes_credentials()
            && request.method == "POST"
            && let Some(error) = cors.refuses(origin, endpoint.is_for_pages())
        {
            let by_header = request.authorization.is_some();
            return refuse(&error, endpoint.name(), presented_by(request), by_header);
        }
        let (mut response, decision) = if !endpoint.takes(request.method) {
            plain(Response::method_not_allowed(methods))
        } else {
            match endpoint {
                Endpoint::Authorization => authorization::refuse_sign_in(request, &self.config.issuer),
                Endpoint::Token => self.token_endpoint(trail).answer(request, moment).await,
                Endpoint::Introspection | Endpoint::Revocation => {
                    self.inspector(trail).answer(endpoint, request).await
                }
                Endpoint::OpenIdConfiguration => plain(self.documents.openid.serve(request)),
                Endpoint::OAuthMetadata => {
                    let oauth = &self.documents.oauth;
                    let document = oauth.document(&self.config.keys, &self.crypto, moment.now).await;
                    plain(document.serve(request))
                }
                Endpoint::Keys => {
                    let document = self.documents.jwks(self.config.keys.active_index(moment.now));
                    plain(document.map_or_else(Response::not_found, |jwks| jwks.serve(request)))
                }
                Endpoint::Health => health(&self.config, &self.crypto, moment).await,
            }
        };
        if preflight {
            cors.allow(request, &mut response, endpoint.takes_dpop());
        }
        (response, decision)
    }

    /// Refuses a request that others could read on its way (RFC 6749 §3.2). It is logged if it may have
    /// carried credentials. The log line names the client, because its secret must be replaced.
    fn refuse_plain_http(endpoint: Option<Endpoint>, request: &Request<'_>) -> Answer<'static> {
        let name = endpoint.map_or("none", Endpoint::name);
        let (response, decision) =
            refuse(&TokenError::Request(RequestError::PlainHttp), name, presented_by(request), false);
        let carries = request.method == "POST" || request.authorization.is_some();
        (response, decision.filter(|_| carries))
    }

    fn authenticator<'a>(&'a self, trail: &'a Trail) -> Authenticator<'a, C, S, B> {
        let Self { config, clients, remote_keys, crypto: hasher, proven, limiter, .. } = self;
        Authenticator { config, clients, remote_keys, hasher, proven, limiter, trail }
    }

    fn token_endpoint<'a>(&'a self, trail: &'a Trail) -> TokenEndpoint<'a, C, S, B, R> {
        let Self { config, clients, crypto, replays, .. } = self;
        let (nonces, authenticator) = (self.nonces.as_ref(), self.authenticator(trail));
        TokenEndpoint { config, clients, crypto, replays, nonces, authenticator, trail }
    }

    fn inspector<'a>(&'a self, trail: &'a Trail) -> Inspector<'a, C, S, B, R> {
        let Self { config, clients, crypto, revocations, replays, .. } = self;
        let authenticator = self.authenticator(trail);
        Inspector { config, clients, crypto, revocations, replays, authenticator, trail }
    }
}
