//! Verification of a presented token: whether it is one of ours, intact, and within its time (RFC 7519 §7.2,
//! RFC 8725 §3).

pub(crate) mod inactive;

use serde_json::Value;

use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::grammar::issuer_url::Issuer;
use crate::grammar::members::Members;
use crate::jose::algorithm::Algorithm;
use crate::jose::compact::MAX_TOKEN;
use crate::jose::jws::Jws;
use crate::jose::key_set::SigningKeys;
use crate::ports::Verifier;
use crate::records::client_id::ClientId;
use crate::records::subject::client_of_subject;
use crate::verify::inactive::{Inactive, NotActive};

/// How far in the future `iat` may be, in seconds, because the clocks of two machines differ.
const CLOCK_SKEW: u64 = 60;

/// The token type in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typ {
    /// `JWT`: dex's access tokens, and every ID token.
    Jwt,
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
}

/// A token that one of our keys signed, within its time. The caller must still check whether it is an access
/// token, and whether it is revoked.
#[derive(Debug, PartialEq)]
pub(crate) struct VerifiedToken {
    pub(crate) typ: Typ,
    /// The value of `aud`, as a list.
    pub(crate) audience: Vec<String>,
    pub(crate) exp: u64,
    pub(crate) iat: u64,
    /// 22 characters of base64url, as in all our tokens, so it can be part of a store key.
    pub(crate) jti: String,
    /// All claims.
    pub(crate) claims: Members,
}

/// Verifies that `token` is from `issuer` and signed by one of `keys`. Any configured key counts, whether it
/// signs at the moment or not.
///
/// Finds the key by `kid` among our own, and ignores `jwk`, `jku` and `x5u` (RFC 7515 §4.1).
pub(crate) async fn verify(
    token: &str,
    keys: &SigningKeys,
    issuer: &Issuer,
    verifier: &impl Verifier,
    now: u64,
) -> Result<VerifiedToken, NotActive> {
    if token.len() > MAX_TOKEN {
        return Err(Inactive::TooLarge.into());
    }
    let jws = Jws::parse(token).ok_or(Inactive::Malformed)?;
    if jws.has("crit") {
        return Err(Inactive::Critical.into());
    }
    let key = jws.header("kid").and_then(|kid| keys.by_kid(kid)).ok_or(Inactive::UnknownKey)?;
    if jws.header("alg") != Some(key.alg().name()) {
        return Err(Inactive::Algorithm.into());
    }
    let typ = match jws.header("typ") {
        Some("JWT") => Typ::Jwt,
        Some("at+jwt") => Typ::AccessToken,
        _ => return Err(Inactive::TokenType.into()),
    };
    if !may_be_signature(key.alg(), &jws.signature) {
        return Err(Inactive::Signature.into());
    }
    let intact = verifier.verify(key, jws.input.as_bytes(), &jws.signature).await;
    if !intact.map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))? {
        return Err(Inactive::Signature.into());
    }
    Ok(judge_claims(typ, jws.claims().ok_or(Inactive::Malformed)?, issuer, now)?)
}

/// Whether `signature` has a possible length for `alg`: R‖S of P-256 (RFC 7518 §3.4), Ed25519 (RFC 8032
/// §5.1.6). Some runtimes report another length as a failure of their own, although the token is at fault.
/// The length of an RSA signature depends on the key.
fn may_be_signature(alg: Algorithm, signature: &[u8]) -> bool {
    match alg {
        Algorithm::Es256 | Algorithm::EdDsa => signature.len() == 64,
        Algorithm::Rs256 => true,
    }
}

/// Checks the claims of a token with a valid signature (RFC 7519 §4.1).
fn judge_claims(typ: Typ, claims: Members, issuer: &Issuer, now: u64) -> Result<VerifiedToken, Inactive> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(Value::as_u64);
    if text("iss") != Some(issuer.as_str()) {
        return Err(Inactive::Issuer);
    }
    let (Some(exp), Some(iat)) = (time("exp"), time("iat")) else { return Err(Inactive::Claims) };
    if exp <= now {
        return Err(Inactive::Expired);
    }
    let nbf = match claims.get("nbf") {
        None => 0,
        Some(nbf) => nbf.as_u64().ok_or(Inactive::Claims)?,
    };
    if nbf > now || iat > now.saturating_add(CLOCK_SKEW) {
        return Err(Inactive::NotYetValid);
    }
    let jti = text("jti").filter(|jti| is_token_id(jti)).ok_or(Inactive::Claims)?.to_owned();
    let audience = audience(claims.get("aud")).ok_or(Inactive::Claims)?;
    Ok(VerifiedToken { typ, audience, exp, iat, jti, claims })
}

impl VerifiedToken {
    /// The client that it was issued to as an access token. An RFC 9068 token names it in `client_id`, and
    /// `sub` of a dex token is its subject. Other claims that name a client must agree: `client_id` and
    /// `azp`. dex's tokens with several audiences always have `azp`.
    pub(crate) fn client(&self) -> Option<ClientId> {
        let claim = |name: &str| self.claims.get(name);
        let client = match self.typ {
            Typ::AccessToken => ClientId::parse(claim("client_id")?.as_str()?).ok()?,
            Typ::Jwt => client_of_subject(claim("sub")?.as_str()?)?,
        };
        let agrees = |name: &str| claim(name).is_none_or(|named| named == client.as_str());
        let needs_azp = self.typ == Typ::Jwt && self.audience.len() > 1;
        (agrees("client_id") && agrees("azp") && (!needs_azp || claim("azp").is_some())).then_some(client)
    }
}

/// Whether `text` has the form of our `jti`: 128 bits in base64url.
fn is_token_id(text: &str) -> bool {
    text.len() == 22 && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}

/// The value of `aud`: a string, or a non-empty list of strings (RFC 7519 §4.1.3).
fn audience(aud: Option<&Value>) -> Option<Vec<String>> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    let aud = aud?;
    match aud.as_array() {
        Some(several) if several.is_empty() => None,
        Some(several) => several.iter().map(one).collect(),
        None => one(aud).map(|single| vec![single]),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::jose::signing_key::SigningKey;
    use crate::ports::Unavailable;
    use crate::records::subject::subject;

    fn judged(claims: &Value) -> Result<VerifiedToken, Inactive> {
        let issuer = Issuer::parse("https://example.com").unwrap();
        judge_claims(Typ::Jwt, serde_json::from_value(claims.clone()).unwrap(), &issuer, 1000)
    }

    #[test]
    fn each_claim_is_judged_to_the_second() {
        let good = serde_json::json!({ "iss": "https://example.com", "sub": "a", "aud": "a", "exp": 1600, "iat": 1000,
            "jti": "AAECAwQFBgcICQoLDA0ODw" });
        assert!(judged(&good).is_ok());
        for (name, value, why) in [
            ("exp", serde_json::json!(1001), None),
            ("exp", serde_json::json!(1000), Some(Inactive::Expired)),
            ("exp", serde_json::json!(1e9), Some(Inactive::Claims)),
            ("exp", serde_json::json!("1600"), Some(Inactive::Claims)),
            ("iat", serde_json::json!(1060), None),
            ("iat", serde_json::json!(1061), Some(Inactive::NotYetValid)),
            ("iat", serde_json::json!(-1), Some(Inactive::Claims)),
            ("nbf", serde_json::json!(1000), None),
            ("nbf", serde_json::json!(1001), Some(Inactive::NotYetValid)),
            ("nbf", serde_json::json!("1000"), Some(Inactive::Claims)),
            ("iss", serde_json::json!("https://example.com/"), Some(Inactive::Issuer)),
            ("jti", serde_json::json!("short"), Some(Inactive::Claims)),
            ("aud", serde_json::json!(["a", "b"]), None),
            ("aud", serde_json::json!([]), Some(Inactive::Claims)),
            ("aud", serde_json::json!(["a", 1]), Some(Inactive::Claims)),
            ("aud", serde_json::json!(1), Some(Inactive::Claims)),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            assert_eq!(judged(&claims).err(), why, "{claims}");
        }
        for name in ["iss", "exp", "iat", "jti", "aud"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(name);
            assert!(judged(&claims).is_err(), "without {name}");
        }
    }

    #[test]
    fn a_token_names_one_client_in_all_of_its_claims() {
        let client = |typ: Typ, more: Value| {
            let mut claims = serde_json::json!({ "iss": "https://example.com", "exp": 1600, "iat": 1000, "aud": "a",
                "sub": subject(&ClientId::parse("app").unwrap()), "jti": "AAECAwQFBgcICQoLDA0ODw" });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let token = VerifiedToken { typ, ..judged(&claims).unwrap() };
            token.client().map(|client| client.to_string())
        };
        let app = Some("app".to_owned());
        for (typ, more, expected) in [
            (Typ::Jwt, serde_json::json!({}), &app),
            (Typ::Jwt, serde_json::json!({ "client_id": "app", "azp": "app" }), &app),
            (Typ::Jwt, serde_json::json!({ "client_id": "other" }), &None),
            (Typ::Jwt, serde_json::json!({ "azp": "other" }), &None),
            (Typ::Jwt, serde_json::json!({ "aud": ["a", "b"] }), &None),
            (Typ::Jwt, serde_json::json!({ "aud": ["a"] }), &app),
            (Typ::Jwt, serde_json::json!({ "aud": ["a", "b"], "azp": "app" }), &app),
            (Typ::Jwt, serde_json::json!({ "aud": ["a", "b"], "azp": "other" }), &None),
            (Typ::Jwt, serde_json::json!({ "sub": "app" }), &None),
            (Typ::AccessToken, serde_json::json!({}), &None),
            (Typ::AccessToken, serde_json::json!({ "client_id": "app" }), &app),
            (Typ::AccessToken, serde_json::json!({ "client_id": "app", "aud": ["a", "b"] }), &app),
            (Typ::AccessToken, serde_json::json!({ "client_id": "app", "azp": "other" }), &None),
        ] {
            assert_eq!(client(typ, more.clone()), *expected, "{typ:?}, {more}");
        }
    }

    /// Accepts every signature.
    struct Credulous;

    impl Verifier for Credulous {
        async fn verify(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Unavailable> {
            Ok(true)
        }
    }

    fn why_not(token: &str, keys: Vec<SigningKey>) -> Option<NotActive> {
        let (keys, issuer) = (SigningKeys::new(keys, None), Issuer::parse("https://example.com").unwrap());
        pollster::block_on(verify(token, &keys, &issuer, &Credulous, 1000)).err()
    }

    #[test]
    fn a_token_of_8_kib_is_looked_at_and_a_longer_one_is_not() {
        assert_eq!(why_not(&"x".repeat(8192), Vec::new()), Some(Inactive::Malformed.into()));
        assert_eq!(why_not(&"x".repeat(8193), Vec::new()), Some(Inactive::TooLarge.into()));
    }

    #[test]
    fn a_signature_of_another_length_is_not_handed_to_the_verifier() {
        let key = r#"{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#);
        for (length, why) in [
            (0, Inactive::Signature),
            (63, Inactive::Signature),
            (65, Inactive::Signature),
            (64, Inactive::Issuer),
        ] {
            let token = format!("{header}.e30.{}", URL_SAFE_NO_PAD.encode(vec![1; length]));
            let keys = vec![SigningKey::parse("A", key).unwrap()];
            assert_eq!(why_not(&token, keys), Some(why.into()), "{length}");
        }
        assert!(
            may_be_signature(Algorithm::Es256, &[1; 64]) && !may_be_signature(Algorithm::Es256, &[1; 63])
        );
        assert!(may_be_signature(Algorithm::Rs256, &[1; 256]));
    }

    #[test]
    fn a_jti_has_the_form_of_ours() {
        assert!(is_token_id("AAECAwQFBgcICQoLDA0O-_"));
        for other in ["", "AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODww", "AAECAwQFBgcICQoLDA0OD:"] {
            assert!(!is_token_id(other), "{other}");
        }
    }
}
