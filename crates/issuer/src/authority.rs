//! The issuer as a whole: one public method, which follows a request from its route to its answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::authenticate::Authenticator;
use crate::authenticate::brake::Brakes;
use crate::authenticate::proven::Proven;
use crate::config::Config;
use crate::config::grant_type::GrantType;
use crate::discovery::metadata::Documents;
use crate::endpoint::answer::{Answer, Refusal};
use crate::endpoint::inspection::Inspector;
use crate::endpoint::{Endpoint, authorization};
use crate::error::TokenError;
use crate::error::code::ErrorCode;
use crate::error::fault::Fault;
use crate::error::grant::GrantError;
use crate::error::request::RequestError;
use crate::grammar::json::Object;
use crate::grant::Grant;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::jose::compact::{MAX_TOKEN, compact};
use crate::jose::signing_key::SigningKey;
use crate::log::event::{Decision, Event};
use crate::log::trail::Trail;
use crate::mint::Mint;
use crate::ports::{
    ApiStore, Brake, ClientStore, Moment, NoBrake, RevocationStore, Signer, SlowHash, Verifier,
};
use crate::registry::Clients;
use crate::registry::revocations::Revocations;
use crate::request::TokenRequest;
use crate::request::credentials::presented_by;

/// The issuer: a configuration, where the clients are, who signs, and what slows down guessing.
pub struct Authority<C, S, B = NoBrake> {
    config: Config,
    documents: Documents,
    clients: Clients<C>,
    crypto: S,
    proven: Proven,
    brakes: Brakes<B>,
    revocations: Revocations,
}

/// An answer, and what happened, if it is worth a line in the log.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// What the client gets.
    pub response: Response<'a>,
    /// What the operator gets.
    pub event: Option<Event>,
}

impl<C, S> Authority<C, S> {
    /// With a random `isolate_key`: 32 bytes that protect what this instance remembers of secrets.
    pub fn new(config: Config, clients: C, crypto: S, isolate_key: [u8; 32]) -> Self {
        Self {
            documents: Documents::new(&config),
            clients: Clients::new(clients, &config),
            proven: Proven::new(isolate_key, config.client_cache),
            brakes: Brakes::new(NoBrake),
            revocations: Revocations::new(),
            crypto,
            config,
        }
    }

    /// The same with a brake on guessing.
    pub fn with_brake<B: Brake>(self, brake: B) -> Authority<C, S, B> {
        let Self { config, documents, clients, crypto, proven, revocations, brakes: _ } = self;
        Authority { config, documents, clients, crypto, proven, revocations, brakes: Brakes::new(brake) }
    }
}

impl<C: ClientStore + ApiStore + RevocationStore, S: Signer + SlowHash + Verifier, B: Brake>
    Authority<C, S, B>
{
    /// Answers one request. `moment` is that request's alone: its random bytes must be fresh.
    pub async fn handle(&self, request: &Request<'_>, moment: &Moment) -> Outcome<'_> {
        let trail = Trail::new(&request.arrival, moment.now);
        let answer = self.answer(request, moment, &trail).await;
        Self::outcome(answer, request, trail)
    }

    /// Answers a request that the host has no room for. Nothing of it is looked up or computed.
    pub fn overloaded(&self, request: &Request<'_>, moment: &Moment) -> Outcome<'_> {
        let trail = Trail::new(&request.arrival, moment.now);
        let endpoint = Endpoint::route(request.path, self.config.issuer.path());
        let name = endpoint.map_or("none", Endpoint::name);
        let by_header = request.authorization.is_some();
        let answer =
            Self::refuse(&TokenError::Fault(Fault::Overloaded), name, presented_by(request), by_header);
        Self::outcome(answer, request, trail)
    }

    fn outcome<'a>((response, decision): Answer<'a>, request: &Request<'_>, trail: Trail) -> Outcome<'a> {
        Outcome {
            response: response.sealed(&request.arrival),
            event: decision.map(|decision| Event::new(decision, request, trail)),
        }
    }

    async fn answer(&self, request: &Request<'_>, moment: &Moment, trail: &Trail) -> Answer<'_> {
        // 0. Route.
        let endpoint = Endpoint::route(request.path, self.config.issuer.path());
        if request.arrival.is_exposed() {
            return Self::refuse_plain_http(endpoint, request);
        }
        let Some(endpoint) = endpoint else { return Self::plain(Response::not_found()) };
        let cors = &self.config.cors;
        let preflight = !cors.is_none() && endpoint.is_for_pages();
        let methods = endpoint.methods(preflight);
        if preflight && request.method == "OPTIONS" {
            let mut response = cors.preflight(request, methods);
            if endpoint == Endpoint::Token {
                response.no_store();
            }
            return Self::plain(response);
        }
        if let Some(origin) = request.origin
            && endpoint.takes_credentials()
            && request.method == "POST"
            && let Some(error) = cors.refuses(origin, endpoint.is_for_pages())
        {
            let by_header = request.authorization.is_some();
            return Self::refuse(&error, endpoint.name(), presented_by(request), by_header);
        }
        let (mut response, decision) = if !endpoint.takes(request.method) {
            Self::plain(Response::method_not_allowed(methods))
        } else {
            match endpoint {
                Endpoint::Authorization => self.refuse_sign_in(request),
                Endpoint::Token => self.token(request, moment, trail).await,
                Endpoint::Introspection | Endpoint::Revocation => {
                    self.inspect(endpoint, request, trail).await
                }
                Endpoint::OpenIdConfiguration => Self::plain(self.documents.openid.serve(request)),
                Endpoint::OAuthMetadata => {
                    let oauth = &self.documents.oauth;
                    let document = oauth.document(&self.config.keys, &self.crypto, moment.now).await;
                    Self::plain(document.serve(request))
                }
                Endpoint::Keys => {
                    let document = self.documents.jwks(self.config.keys.active_index(moment.now));
                    Self::plain(document.map_or_else(Response::not_found, |jwks| jwks.serve(request)))
                }
                Endpoint::Health => self.health(moment).await,
            }
        };
        if preflight {
            cors.allow(request, &mut response);
        }
        (response, decision)
    }

    fn plain(response: Response<'_>) -> Answer<'_> {
        (response, None)
    }

    /// What came so that others could read along is not judged (RFC 6749 §3.2). It is worth a line where it may have
    /// carried credentials, and the line names the client: its secret must be replaced.
    fn refuse_plain_http(endpoint: Option<Endpoint>, request: &Request<'_>) -> Answer<'static> {
        let name = endpoint.map_or("none", Endpoint::name);
        let (response, decision) =
            Self::refuse(&TokenError::Request(RequestError::PlainHttp), name, presented_by(request), false);
        let carries = request.method == "POST" || request.authorization.is_some();
        (response, decision.filter(|_| carries))
    }

    /// The authorization endpoint (RFC 6749 §3.1). Nothing that a request asks for is read, so that nothing of it can
    /// lead anywhere.
    fn refuse_sign_in(&self, request: &Request<'_>) -> Answer<'_> {
        let endpoint = Endpoint::Authorization.name();
        let (refusal, decision) =
            Self::refuse(&TokenError::Request(RequestError::NoSignIn), endpoint, None, false);
        (authorization::shown(refusal, request, &self.config.issuer), decision)
    }

    async fn health(&self, moment: &Moment) -> Answer<'_> {
        let ready = match self.config.keys.active(moment.now) {
            Some(key) => {
                self.crypto.prepare(key).await.map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))
            }
            None => Err(TokenError::Fault(Fault::NoActiveKey)),
        };
        match ready {
            Ok(()) => Self::plain(Response::text(200, "ok")),
            Err(error) => {
                let decision = Decision::Unhealthy { reason: error.reason(), detail: error.to_string() };
                (Response::text(503, "unavailable"), Some(decision))
            }
        }
    }

    fn authenticator<'a>(&'a self, trail: &'a Trail) -> Authenticator<'a, C, S, B> {
        let Self { clients, crypto: hasher, proven, brakes, .. } = self;
        Authenticator { clients, hasher, proven, brakes, trail }
    }

    /// `POST /token` (RFC 6749 §3.2, §4.4): the one path to a token.
    async fn token(&self, request: &Request<'_>, moment: &Moment, trail: &Trail) -> Answer<'_> {
        let endpoint = Endpoint::Token.name();
        // 1. Read the request.
        let parsed = match TokenRequest::parse(request, &self.config) {
            Ok(parsed) => parsed,
            Err(error) => {
                let by_header = request.authorization.is_some();
                return Self::refuse(&error, endpoint, presented_by(request), by_header);
            }
        };
        let TokenRequest { credentials, asked } = parsed;
        let presented = credentials.presented_id();
        let by_header = credentials.by_header();
        let issued = async {
            // 2, 3. Find the client and let it prove who it is.
            let client = self.authenticator(trail).authenticate(&credentials).await?;
            // 4. Decide what it gets.
            let grant = client.authorize(asked, &self.config, &self.clients, trail).await?;
            // 5, 6. Say it in claims, and sign them.
            self.issue(&grant, moment).await
        };
        // 7. Answer.
        match issued.await {
            Ok((response, decision)) => (response, Some(decision)),
            Err(error) => Self::refuse(&error, endpoint, presented, by_header),
        }
    }

    /// `POST /token/introspect` (RFC 7662 §2) and `POST /token/revoke` (RFC 7009 §2).
    async fn inspect(&self, endpoint: Endpoint, request: &Request<'_>, trail: &Trail) -> Answer<'_> {
        let Self { config, clients, crypto, revocations, .. } = self;
        let authenticator = self.authenticator(trail);
        let inspector = Inspector { config, clients, crypto, revocations, authenticator, trail };
        let answered = if endpoint == Endpoint::Revocation {
            inspector.revoke(request).await
        } else {
            inspector.introspect(request).await
        };
        match answered {
            Ok((response, decision)) => (response, Some(decision)),
            Err(Refusal { error, client, by_header }) => {
                Self::refuse(&error, endpoint.name(), client, by_header)
            }
        }
    }

    fn refuse(
        error: &TokenError,
        endpoint: &'static str,
        client: Option<String>,
        by_header: bool,
    ) -> Answer<'static> {
        let code = ErrorCode::from(error);
        let decision = Decision::Refused {
            endpoint,
            client,
            error: code.code(),
            status: code.status(),
            reason: error.reason(),
            detail: error.to_string(),
        };
        (Response::refusal(error, by_header), Some(decision))
    }

    async fn issue(
        &self,
        grant: &Grant,
        moment: &Moment,
    ) -> Result<(Response<'static>, Decision), TokenError> {
        let keys = &self.config.keys;
        let key = match grant.algorithm() {
            None => keys.active(moment.now).ok_or(TokenError::Fault(Fault::NoActiveKey))?,
            Some(alg) => {
                keys.active_of(alg, moment.now).ok_or(TokenError::Fault(Fault::NoActiveKeyFor(alg)))?
            }
        };
        let (issuer, profile) = (&self.config.issuer, self.config.profile);
        let mint = Mint { issuer, profile, grant, key, iat: moment.now };
        let (first, second) = moment.random.split_at(16);
        let jti = URL_SAFE_NO_PAD.encode(first);

        let access_token = self.sign(key, mint.access_token(&jti, &moment.random)).await?;
        let id_token = if grant.scope().contains("openid") {
            let input = mint.id_token(&URL_SAFE_NO_PAD.encode(second), &access_token);
            Some(self.sign(key, input).await?)
        } else {
            None
        };

        // RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
        let length = access_token.len() + id_token.as_ref().map_or(0, String::len) + 128;
        let mut body = Object::with_capacity(length);
        body.plain("access_token", &access_token);
        body.string("token_type", grant.profile().token_type());
        body.number("expires_in", grant.lifetime());
        body.optional("scope", grant.scope_text().as_deref());
        if let Some(id_token) = &id_token {
            body.plain("id_token", id_token);
        }
        let response = Response::token(body.end());
        let decision = Decision::Issued {
            client: grant.client().id.to_string(),
            secret_id: grant.secret_id().to_owned(),
            grant: GrantType::ClientCredentials.name(),
            scopes: grant.scope().iter().map(|scope| scope.as_str().to_owned()).collect(),
            audience: grant.audience().iter().map(str::to_owned).collect(),
            jti,
            kid: key.kid().to_owned(),
            expires_in: grant.lifetime(),
            profile: grant.profile().name(),
            id_token: id_token.is_some(),
        };
        Ok((response, decision))
    }

    async fn sign(&self, key: &SigningKey, input: String) -> Result<String, TokenError> {
        let signature = self
            .crypto
            .sign(key, input.as_bytes())
            .await
            .map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))?;
        let token = compact(input, &signature);
        // What could not be asked about, or taken back, is not issued.
        if token.len() > MAX_TOKEN { Err(TokenError::Grant(GrantError::TokenTooLong)) } else { Ok(token) }
    }
}
