//! Introspection (RFC 7662): what a protected resource learns about a token, as JSON or as a JWT (RFC 9701).

use serde::Serialize;
use serde_json::Value;

use crate::endpoint::answer::Refusal;
use crate::endpoint::inspection::{AccessToken, Inspector, Question};
use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::grammar::accept::{INTROSPECTION_JWT, prefers_jwt};
use crate::grammar::json;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::jose::compact::{compact, signing_input};
use crate::jose::signing_key::SigningKey;
use crate::log::event::Decision;
use crate::ports::{
    ApiStore, ClientStore, ForeignVerifier, IssuerStore, KeySource, LocationCache, RateLimit, Replay,
    RevocationStore, Signer, SlowHash, Verifier,
};
use crate::verify::Typ;
use crate::verify::inactive::{Inactive, NotActive};

/// The answer for an active token (RFC 7662 §2.2). It has no custom claims: they are in the token.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    iss: Option<&'a Value>,
    sub: Option<&'a Value>,
    aud: Option<&'a Value>,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a Value>,
    exp: u64,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    jti: &'a str,
    token_type: &'a str,
    /// What the token is bound to (RFC 9449 §6.2, RFC 8705 §3.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_use: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ext: Option<Ext<'a>>,
}

/// The data about the subject, where dex's introspection puts it, under dex's names.
#[derive(Serialize)]
struct Ext<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a Value>,
}

impl<'a> Active<'a> {
    fn new(AccessToken { client, token }: &'a AccessToken) -> Self {
        let claim = |name: &str| token.claims.get(name);
        let is_dex = token.typ == Typ::Jwt;
        Self {
            active: true,
            iss: claim("iss"),
            sub: claim("sub"),
            aud: claim("aud"),
            client_id: client.as_str(),
            scope: claim("scope"),
            exp: token.exp,
            iat: token.iat,
            // dex's tokens have no nbf, and its answers use iat.
            nbf: claim("nbf").and_then(Value::as_u64).or(is_dex.then_some(token.iat)),
            jti: &token.jti,
            // The same value as at the token endpoint.
            token_type: match claim("cnf") {
                Some(cnf) if cnf.get("jkt").is_some() => "DPoP",
                _ if is_dex => "bearer",
                _ => "Bearer",
            },
            cnf: claim("cnf"),
            username: claim("preferred_username").or_else(|| claim("name")),
            groups: if is_dex { None } else { claim("groups") },
            token_use: is_dex.then_some("access_token"),
            ext: is_dex.then(|| Ext {
                azp: claim("azp"),
                email_verified: claim("email_verified"),
                groups: claim("groups"),
                name: claim("name"),
                preferred_username: claim("preferred_username"),
            }),
        }
    }
}

/// The answer for any other token. It tells neither why the token is not active, nor what it contains
/// (RFC 7662 §2.2).
const INACTIVE: &str = r#"{"active":false}"#;

impl<C, S, B, R> Inspector<'_, C, S, B, R>
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + LocationCache + KeySource,
    S: Signer + SlowHash + Verifier + ForeignVerifier,
    B: RateLimit,
    R: Replay,
{
    /// Answers `POST /token/introspect` (RFC 7662 §2).
    pub(crate) async fn introspect(
        &self,
        request: &Request<'_>,
    ) -> Result<(Response<'static>, Decision), Refusal> {
        let question = self.read(request).await?;
        let refuse = |error| question.refused(error);
        let caller = question.caller.record();
        let (about, jti, reason) = self.about(&question).await.map_err(refuse)?;
        self.spend(&question).await.map_err(refuse)?;
        let response = if prefers_jwt(request.accept) {
            let jwt = self.signed(&about, caller.id.as_str()).await.map_err(refuse)?;
            Response::uncached(INTROSPECTION_JWT, jwt)
        } else {
            Response::token(about)
        };
        let decision = Decision::Introspected {
            client: caller.id.to_string(),
            proof: question.caller.proof().clone(),
            active: reason.is_none(),
            jti,
            reason: reason.map(Inactive::reason),
        };
        Ok((response, decision))
    }

    /// The object for the caller, the token's `jti` if it is one of ours, and the reason if it is not active.
    async fn about(
        &self,
        question: &Question,
    ) -> Result<(String, Option<String>, Option<Inactive>), TokenError> {
        let read = match self.access_token(&question.token).await {
            Ok(read) => read,
            Err(NotActive::Inactive(why)) => return Ok((INACTIVE.to_owned(), None, Some(why))),
            Err(NotActive::Failed(error)) => return Err(error),
        };
        match self.judge(&read, question.caller.record()).await {
            Ok(()) => {
                let about = json::of(&Active::new(&read));
                Ok((about, Some(read.token.jti), None))
            }
            Err(NotActive::Inactive(why)) => Ok((INACTIVE.to_owned(), Some(read.token.jti), Some(why))),
            Err(NotActive::Failed(error)) => Err(error),
        }
    }

    /// The answer as a JWT (RFC 9701 §5), by the key that signs tokens. It has a type of its own and no `sub`
    /// or `exp` at the top level, so no API takes it for an access token.
    async fn signed(&self, about: &str, caller: &str) -> Result<String, TokenError> {
        #[derive(Serialize)]
        struct IntrospectionClaims<'a> {
            iss: &'a str,
            aud: &'a str,
            iat: u64,
            token_introspection: Value,
        }
        let now = self.trail.now;
        let key: &SigningKey = self.config.keys.active(now).ok_or(TokenError::Fault(Fault::NoActiveKey))?;
        #[expect(clippy::expect_used, reason = "`about` was serialised here")]
        let about = serde_json::from_str(about).expect("it is JSON");
        let answer = IntrospectionClaims {
            iss: self.config.issuer.as_str(),
            aud: caller,
            iat: now,
            token_introspection: about,
        };
        let payload = json::of(&answer);
        let input = signing_input(&key.header_of("token-introspection+jwt"), payload.as_bytes());
        let signature = self.crypto.sign(key, input.as_bytes()).await;
        Ok(compact(input, &signature.map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))?))
    }
}
