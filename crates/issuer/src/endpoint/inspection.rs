//! The common part of introspection and revocation: it reads a request about a token, and authenticates its
//! sender.

use crate::authenticate::{AuthenticatedClient, Authenticator};
use crate::config::Config;
use crate::config::profile::TokenProfile;
use crate::endpoint::Endpoint;
use crate::endpoint::answer::{Answer, Refusal, refuse};
use crate::error::TokenError;
use crate::error::assertion::AssertionUse;
use crate::error::fault::Fault;
use crate::error::request::RequestError;
use crate::http::request::Request;
use crate::log::trail::Trail;
use crate::ports::{
    ApiStore, ClientStore, ForeignVerifier, IssuerStore, KeySource, LocationCache, RateLimit, Replay,
    RevocationStore, Signer, SlowHash, Verifier,
};
use crate::records::api_id::ApiId;
use crate::records::client::{ClientRecord, Introspect};
use crate::records::client_id::ClientId;
use crate::registry::Registry;
use crate::registry::replays::Replays;
use crate::registry::revocations::Revocations;
use crate::request::authentication::Authentication;
use crate::request::credentials::presented_by;
use crate::request::read_form;
use crate::verify::inactive::{Inactive, NotActive};
use crate::verify::{Typ, VerifiedToken, verify};

/// The tools that answer questions about tokens.
pub(crate) struct Inspector<'a, C, S, B, R> {
    pub(crate) config: &'a Config,
    pub(crate) clients: &'a Registry<C>,
    pub(crate) crypto: &'a S,
    pub(crate) revocations: &'a Revocations,
    pub(crate) replays: &'a Replays<R>,
    pub(crate) authenticator: Authenticator<'a, C, S, B>,
    pub(crate) trail: &'a Trail,
}

/// An access token of ours, within its time. Whether it was revoked is not checked yet.
pub(crate) struct AccessToken {
    /// The client that it was issued to.
    pub(crate) client: ClientId,
    pub(crate) token: VerifiedToken,
}

/// A token, and the proven client that asks about it.
pub(crate) struct Question {
    pub(crate) caller: AuthenticatedClient,
    pub(crate) token: String,
    by_header: bool,
}

impl Question {
    /// The refusal of a client that has proven its identity.
    pub(crate) fn refused(&self, error: TokenError) -> Refusal {
        Refusal { error, client: Some(self.caller.record().id.to_string()), by_header: self.by_header }
    }
}

impl<C, S, B, R> Inspector<'_, C, S, B, R>
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + LocationCache + KeySource,
    S: SlowHash + Verifier + ForeignVerifier,
    B: RateLimit,
    R: Replay,
{
    /// Answers `POST /token/introspect` (RFC 7662 §2) or `POST /token/revoke` (RFC 7009 §2).
    pub(crate) async fn answer(&self, endpoint: Endpoint, request: &Request<'_>) -> Answer<'static>
    where
        S: Signer,
    {
        let answered = if endpoint == Endpoint::Revocation {
            self.revoke(request).await
        } else {
            self.introspect(request).await
        };
        match answered {
            Ok((response, decision)) => (response, Some(decision)),
            Err(Refusal { error, client, by_header }) => refuse(&error, endpoint.name(), client, by_header),
        }
    }

    /// Reads a request and authenticates its sender, as `/token` does (RFC 7662 §2.1, RFC 7009 §2.1). Ignores
    /// `token_type_hint`, because no lookup depends on it.
    pub(crate) async fn read(&self, request: &Request<'_>) -> Result<Question, Refusal> {
        // As at `/token`, a malformed request is refused before anything is looked up.
        let parsed = read_form(request).and_then(|form| {
            let token = form.get("token").ok_or(TokenError::Request(RequestError::TokenMissing))?.to_owned();
            Ok((Authentication::parse(request, &form)?, token))
        });
        let (authentication, token) = parsed.map_err(|error| {
            let by_header = request.authorization.is_some();
            Refusal { error, client: presented_by(request), by_header }
        })?;
        let by_header = authentication.by_header();
        let refuse = |error| Refusal { error, client: authentication.presented_id(), by_header };
        let caller = self.authenticator.authenticate(&authentication).await.map_err(refuse)?;
        Ok(Question { caller, token, by_header })
    }

    /// Uses the assertion that authenticated the caller, if it may be used only once. Called last before the
    /// answer.
    pub(crate) async fn spend(&self, question: &Question) -> Result<(), TokenError> {
        let used_as = AssertionUse::ClientAuthentication;
        self.replays.spend(question.caller.single_use(), used_as, self.trail).await.map(drop)
    }

    /// Verifies that `token` is an access token that we signed, and that it is within its time.
    pub(crate) async fn access_token(&self, token: &str) -> Result<AccessToken, NotActive> {
        let (keys, issuer) = (&self.config.keys, &self.config.issuer);
        let token = verify(token, keys, issuer, self.crypto, self.trail.now).await?;
        if token.typ == Typ::Jwt && !self.is_shaped_as_dexs(&token.audience).await? {
            // In other profiles, a JWT that we signed is an ID token (RFC 9068 §4, RFC 8725 §3.11).
            return Err(Inactive::TokenType.into());
        }
        let client = token.client().ok_or(Inactive::Claims)?;
        Ok(AccessToken { client, token })
    }

    /// Whether access tokens for `audience` have dex's format: the whole deployment has it, or one API in the
    /// audience does ([`ApiRecord::profile`](crate::ApiRecord::profile)). No ID token names an API.
    async fn is_shaped_as_dexs(&self, audience: &[String]) -> Result<bool, TokenError> {
        if self.config.profile == TokenProfile::Dex {
            return Ok(true);
        }
        for id in audience.iter().filter_map(|name| ApiId::parse(name).ok()) {
            let api = self.clients.find_api(&id, self.trail).await?;
            if api.is_some_and(|api| api.profile == Some(TokenProfile::Dex)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether `caller` may ask about a token of `client` for `audience` (RFC 7662 §4).
    ///
    /// If an audience is the ID of an API, a client with the same ID may not ask unless its record lists the
    /// API.
    async fn may_ask(
        &self,
        caller: &ClientRecord,
        client: &ClientId,
        audience: &[String],
    ) -> Result<bool, TokenError> {
        if caller.introspect == Introspect::Any || *client == caller.id {
            return Ok(true);
        }
        let names = |name: &str| audience.iter().any(|aud| aud == name);
        if caller.introspects.iter().any(|api| names(api.as_str())) {
            return Ok(true);
        }
        if !names(caller.id.as_str()) {
            return Ok(false);
        }
        match ApiId::parse(caller.id.as_str()) {
            Ok(namesake) => Ok(self.clients.find_api(&namesake, self.trail).await?.is_none()),
            Err(_) => Ok(true),
        }
    }

    /// Whether `caller` may learn that `token` is active (RFC 7662 §2.2, §4).
    pub(crate) async fn judge(
        &self,
        AccessToken { client, token }: &AccessToken,
        caller: &ClientRecord,
    ) -> Result<(), NotActive> {
        if !self.may_ask(caller, client, &token.audience).await? {
            return Err(Inactive::NotEntitled.into());
        }
        // The client's state must be certain: where the store fails, the answer is 503 and not a guess.
        let client = self.clients.find_certain(client, self.trail).await?.ok_or(Inactive::ClientGone)?;
        if client.disabled {
            return Err(Inactive::ClientDisabled.into());
        }
        if client.not_before.is_some_and(|not_before| token.iat <= not_before) {
            return Err(Inactive::ClientRevoked.into());
        }
        let revoked = self.revocations.contains(&token.jti, self.clients.store(), self.trail.now).await;
        if revoked.map_err(|why| TokenError::Fault(Fault::StoreUnavailable(why)))? {
            return Err(Inactive::Revoked.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::authenticate::proven::Proven;
    use crate::authenticate::rate_limit::RateLimiter;
    use crate::grammar::key_set_url::KeySetUrl;
    use crate::http::arrival::Arrival;
    use crate::jose::public_key::PublicKey;
    use crate::jose::signature_algorithm::SignatureAlgorithm;
    use crate::jose::signing_key::SigningKey;
    use crate::ports::{NoRateLimit, NoReplay, Unavailable, Verdict};
    use crate::records::api::ApiRecord;
    use crate::records::trusted_issuer::TrustedIssuerId;
    use crate::registry::remote_keys::RemoteKeys;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

    /// Accepts every signature, because these tests are about what comes after it.
    struct Credulous;

    impl Verifier for Credulous {
        async fn verify(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Unavailable> {
            Ok(true)
        }
    }

    impl SlowHash for Credulous {
        async fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> Result<[u8; 32], Unavailable> {
            Err(Unavailable::new("not here"))
        }
    }

    impl ClientStore for Credulous {
        async fn find(&self, _: &ClientId) -> Result<Option<String>, Unavailable> {
            Ok(None)
        }
    }

    impl LocationCache for Credulous {}

    impl ApiStore for Credulous {
        async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
            let mut api = ApiRecord::new(id.clone(), "");
            api.profile = Some(TokenProfile::Dex);
            Ok((id.as_str() == "https://dex.example/").then(|| api.to_json()))
        }
    }

    impl IssuerStore for Credulous {
        async fn find_issuer(&self, _: &TrustedIssuerId) -> Result<Option<String>, Unavailable> {
            Ok(None)
        }
    }

    impl KeySource for Credulous {
        async fn fetch_keys(&self, _: &KeySetUrl) -> Result<String, Unavailable> {
            Err(Unavailable::new("not here"))
        }
    }

    impl ForeignVerifier for Credulous {
        async fn verify_foreign(
            &self,
            _: &PublicKey,
            _: SignatureAlgorithm,
            _: &[u8],
            _: &[u8],
        ) -> Result<Verdict, Unavailable> {
            Ok(Verdict::Valid)
        }
    }

    impl RevocationStore for Credulous {
        async fn is_revoked(&self, _: &str) -> Result<bool, Unavailable> {
            Ok(false)
        }

        async fn revoke(&self, _: &str, _: u64) -> Result<(), Unavailable> {
            Ok(())
        }
    }

    /// The result for a token with this `typ`, and the claims of both formats.
    fn read(profile: TokenProfile, typ: &str) -> Result<Typ, NotActive> {
        read_for(profile, typ, "test")
    }

    fn read_for(profile: TokenProfile, typ: &str, aud: &str) -> Result<Typ, NotActive> {
        let mut config = Config::parse([("ISSUER", "https://example.com"), ("SIGNING_KEY_A", KEY)]).unwrap();
        config.profile = profile;
        let header = format!(r#"{{"alg":"EdDSA","kid":"k","typ":"{typ}"}}"#);
        let dexs = typ == "JWT" && (profile == TokenProfile::Dex || aud != "test");
        let sub = if dexs { "CgR0ZXN0" } else { "test" };
        let claims = format!(
            r#"{{"iss":"https://example.com","sub":"{sub}","aud":"{aud}","client_id":"test","exp":2000,"iat":1000,"jti":"AAECAwQFBgcICQoLDA0ODw"}}"#
        );
        let signature = URL_SAFE_NO_PAD.encode([0; 64]);
        let token =
            format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let (clients, trail) = (Registry::new(Credulous, &config), Trail::new(&Arrival::default(), 1000));
        let inspector = Inspector {
            config: &config,
            clients: &clients,
            crypto: &Credulous,
            revocations: &Revocations::new(),
            replays: &Replays::new(NoReplay),
            authenticator: Authenticator {
                config: &config,
                remote_keys: &RemoteKeys::new(),
                clients: &clients,
                hasher: &Credulous,
                proven: &Proven::new([0; 32], config.client_cache),
                limiter: &RateLimiter::new(NoRateLimit),
                trail: &trail,
            },
            trail: &trail,
        };
        pollster::block_on(inspector.access_token(&token)).map(|read| read.token.typ)
    }

    #[test]
    fn an_id_token_is_no_access_token_where_the_two_can_be_told_apart() {
        assert_eq!(read(TokenProfile::Dex, "JWT"), Ok(Typ::Jwt));
        assert_eq!(read(TokenProfile::Rfc9068, "JWT"), Err(NotActive::Inactive(Inactive::TokenType)));
        // An API can still have dex's format. It is in the audience of no ID token.
        let of_api = |api| read_for(TokenProfile::Rfc9068, "JWT", api);
        assert_eq!(of_api("https://dex.example/"), Ok(Typ::Jwt));
        assert_eq!(of_api("https://a.example/"), Err(NotActive::Inactive(Inactive::TokenType)));
        for profile in [TokenProfile::Dex, TokenProfile::Rfc9068] {
            assert_eq!(read(profile, "at+jwt"), Ok(Typ::AccessToken));
            for typ in ["jwt", "AT+JWT", "token-introspection+jwt", ""] {
                assert_eq!(read(profile, typ), Err(NotActive::Inactive(Inactive::TokenType)), "{typ}");
            }
        }
    }
}
