//! The token endpoint (RFC 6749 §3.2): from a request to signed tokens.

use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::authenticate::Authenticator;
use crate::binding::dpop::ProofJudge;
use crate::binding::nonce::Nonces;
use crate::binding::{Confirmation, Possession};
use crate::config::Config;
use crate::config::grant_type::GrantType;
use crate::endpoint::Endpoint;
use crate::endpoint::answer::{Answer, refuse};
use crate::error::TokenError;
use crate::error::code::ErrorCode;
use crate::error::fault::Fault;
use crate::error::grant::GrantError;
use crate::grammar::json::Object;
use crate::grant::Grant;
use crate::http::certificate::Certificate;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::jose::compact::{MAX_TOKEN, compact};
use crate::jose::signing_key::SigningKey;
use crate::log::event::Decision;
use crate::log::trail::Trail;
use crate::mint::Mint;
use crate::ports::{
    ApiStore, ClientStore, ForeignVerifier, IssuerStore, KeySource, LocationCache, Moment, RateLimit, Replay,
    Signer, SlowHash,
};
use crate::registry::Registry;
use crate::registry::replays::{Replays, Spent};
use crate::request::TokenRequest;
use crate::request::credentials::presented_by;

/// The tools that issue tokens.
pub(crate) struct TokenEndpoint<'a, C, S, B, R> {
    pub(crate) config: &'a Config,
    pub(crate) clients: &'a Registry<C>,
    pub(crate) crypto: &'a S,
    pub(crate) replays: &'a Replays<R>,
    /// The nonces of DPoP proofs, if the deployment requires them.
    pub(crate) nonces: Option<&'a Nonces>,
    pub(crate) authenticator: Authenticator<'a, C, S, B>,
    pub(crate) trail: &'a Trail,
}

impl<C, S, B, R> TokenEndpoint<'_, C, S, B, R>
where
    C: ClientStore + ApiStore + IssuerStore + LocationCache + KeySource,
    S: Signer + SlowHash + ForeignVerifier,
    B: RateLimit,
    R: Replay,
{
    /// Answers `POST /token` (RFC 6749 §3.2, §4.4). This is the only path to a token.
    pub(crate) async fn answer(&self, request: &Request<'_>, moment: &Moment) -> Answer<'static> {
        let endpoint = Endpoint::Token.name();
        // 1. Read the request.
        let parsed = match TokenRequest::parse(request, self.config) {
            Ok(parsed) => parsed,
            Err(error) => {
                let by_header = request.authorization.is_some();
                return refuse(&error, endpoint, presented_by(request), by_header);
            }
        };
        let TokenRequest { grant: grant_type, authentication, asked } = parsed;
        let presented = authentication.presented_id();
        let by_header = authentication.by_header();
        let nonce_is_current = Cell::new(true);
        let issued = async {
            // 2, 3. Find the client and authenticate it.
            let client = self.authenticator.authenticate(&authentication).await?;
            // 4. Verify the proof of possession. Only a proven client can cause this work.
            let possession = self.possession(request, &nonce_is_current).await?;
            // 5. Decide what the client gets.
            let grant = client.authorize(asked, possession, self.config, self.clients, self.trail).await?;
            // 6. Use the assertion, if it may be used only once. A client that is sent back for a nonce may
            // repeat its assertion.
            let spent = self.replays.spend(grant.single_use(), authentication.used_as(), self.trail).await?;
            // 7, 8. Write the claims, and sign them.
            self.issue(&grant, grant_type, &spent, moment).await
        };
        // 9. Answer.
        let (mut response, decision) = match issued.await {
            Ok((response, decision)) => (response, Some(decision)),
            Err(error) => {
                if ErrorCode::from(&error) == ErrorCode::UseDpopNonce {
                    nonce_is_current.set(false);
                }
                refuse(&error, endpoint, presented, by_header)
            }
        };
        if !nonce_is_current.get()
            && let Some(nonces) = self.nonces
            && let Some(nonce) = nonces.current(self.config.keys.active_index(moment.now), moment.now)
        {
            // RFC 9449 §8, §8.2.
            response.header("DPoP-Nonce", nonce);
        }
        (response, decision)
    }

    /// What the sender proves to possess. `nonce_is_current` becomes false if the nonce of its proof is not the
    /// current one.
    async fn possession(
        &self,
        request: &Request<'_>,
        nonce_is_current: &Cell<bool>,
    ) -> Result<Possession, TokenError> {
        let now = self.trail.now;
        let key = match request.dpop {
            None => None,
            Some(header) => {
                let judge =
                    ProofJudge { config: self.config, nonces: self.nonces, verifier: self.crypto, now };
                let accepted = judge.judge(header).await?;
                nonce_is_current.set(accepted.nonce_is_current);
                Some(accepted.thumbprint)
            }
        };
        let certificate = request.certificate.and_then(|report| Certificate::read(report, now).ok());
        Ok(Possession { key, certificate: certificate.map(|certificate| certificate.thumbprint) })
    }

    async fn issue(
        &self,
        grant: &Grant,
        grant_type: GrantType,
        _: &Spent,
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
        let (ids, seed) = moment.random.split_at(32);
        let (first, second) = ids.split_at(16);
        let jti = URL_SAFE_NO_PAD.encode(first);

        let access_token = self.sign(key, mint.access_token(&jti, seed)).await?;
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
        // RFC 9449 §5. A token that is bound to a certificate stays a bearer token (RFC 8705 §3).
        body.string(
            "token_type",
            match grant.confirmation() {
                Some(Confirmation::Key(_)) => "DPoP",
                Some(Confirmation::Certificate(_)) | None => grant.profile().token_type(),
            },
        );
        body.number("expires_in", grant.lifetime());
        body.optional("scope", grant.scope_text().as_deref());
        if let Some(id_token) = &id_token {
            body.plain("id_token", id_token);
        }
        let response = Response::token(body.end());
        let decision = Decision::Issued {
            client: grant.client().id.to_string(),
            proof: grant.proof().clone(),
            grant: grant_type.name(),
            scopes: grant.scope().iter().map(|scope| scope.as_str().to_owned()).collect(),
            audience: grant.audience().iter().map(str::to_owned).collect(),
            jti,
            kid: key.kid().to_owned(),
            expires_in: grant.lifetime(),
            profile: grant.profile().name(),
            id_token: id_token.is_some(),
            bound: grant.confirmation().map(Confirmation::name),
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
        // A longer token could be neither introspected nor revoked, so it is not issued.
        if token.len() > MAX_TOKEN { Err(GrantError::TokenTooLong.into()) } else { Ok(token) }
    }
}
