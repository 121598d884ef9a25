//! The expected answer of a vector: checked in the same way for every host, with a fixed clock or a real one.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use crate::crypto::verify;
use crate::moment::NOW;

/// An answer, from any host.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// Whether the host uses the vector's time and random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// It does, so everything is compared.
    Fixed,
    /// The host uses its own. `iat`, `exp`, `jti` and the random `at_hash` are only checked for consistency.
    Real,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedToken {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

/// The expected result of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    status: u16,
    /// Headers in lower case. Null for a header that must be absent.
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    /// The complete JSON of the body, except the tokens.
    pub(crate) body: Option<Value>,
    /// Members that a JSON body must have, among others.
    #[serde(default)]
    pub(crate) includes: BTreeMap<String, Value>,
    /// The body, when it is not JSON.
    text: Option<String>,
    pub(crate) access_token: Option<ExpectedToken>,
    pub(crate) id_token: Option<ExpectedToken>,
    /// The header of `signed_metadata` (RFC 8414 §2.1). Its claims are the body's other members, `iss` and
    /// `aud`.
    signed_metadata: Option<Value>,
    /// The body, when it is a JWT (RFC 9701).
    jwt: Option<ExpectedToken>,
}

type Check = Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Check {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

/// Moves the times of a token from the vector's clock to one that starts at `now`.
fn shift(object: &mut Value, now: u64) {
    let Some(members) = object.as_object_mut() else { return };
    for name in ["exp", "iat", "nbf"] {
        if let Some(time) = members.get(name).and_then(Value::as_u64) {
            members.insert(name.into(), (time + now - NOW).into());
        }
    }
}

impl Expected {
    /// Adjusts the expected times to a token that was made at `now`.
    pub(crate) fn shift(&mut self, now: u64) {
        let about = self.jwt.as_mut().and_then(|jwt| jwt.claims.get_mut("token_introspection"));
        for object in self.body.iter_mut().chain(about) {
            shift(object, now);
        }
    }

    /// Compares `answer` with the expectation. `by_header` is whether the request carried `Authorization`,
    /// `path` is its path, and `jwks` are the keys that the issuer publishes.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn check(&self, answer: &Answer, path: &str, by_header: bool, jwks: &Value, clock: Clock) -> Check {
        same("status", &answer.status, &self.status)?;
        for (name, value) in &self.headers {
            same(name, &answer.headers.get(name), &value.as_ref())?;
        }
        let endpoint = path.split('?').next().unwrap_or_default();
        if answer.status != 204 && endpoint.ends_with("/token") {
            token_endpoint(answer, by_header)?;
        }
        if endpoint.ends_with("/token/introspect") || endpoint.ends_with("/token/revoke") {
            below_the_token_endpoint(answer, by_header)?;
        }
        if let Some(expected) = &self.jwt {
            return expected.check_answer(&answer.body, jwks, clock);
        }
        if let Some(text) = &self.text {
            return same("body", &&answer.body, &text);
        }
        let mut body: Value =
            serde_json::from_str(&answer.body).map_err(|error| format!("{error}: {}", answer.body))?;
        for (name, value) in &self.includes {
            same(name, &&body[name], &value)?;
        }
        if self.body.is_none() && self.access_token.is_none() {
            return if self.includes.is_empty() { Err("the vector expects no body".into()) } else { Ok(()) };
        }
        let members = body.as_object_mut().ok_or("not an object")?;
        let take = |members: &mut serde_json::Map<String, Value>, name| match members.remove(name) {
            Some(Value::String(token)) => Some(token),
            _ => None,
        };
        let attested = take(members, "signed_metadata");
        same("signed metadata", &attested.is_some(), &self.signed_metadata.is_some())?;
        if let (Some(jwt), Some(expected)) = (&attested, &self.signed_metadata) {
            let (header, mut claims) =
                verify(jwks, jwt).map_err(|error| format!("signed metadata: {error}"))?;
            same("signed metadata's header", &&header, &expected)?;
            let issuer = claims.as_object_mut().and_then(|claims| claims.remove("iss"));
            same("signed metadata's iss", &issuer.as_ref(), &members.get("issuer"))?;
            let aud = claims.as_object_mut().and_then(|claims| claims.remove("aud"));
            let document = issuer.map(|iss| {
                let base = iss.as_str().unwrap().trim_end_matches('/');
                format!("{base}/.well-known/oauth-authorization-server").into()
            });
            same("signed metadata's aud", &aud, &document)?;
            same("signed metadata's claims", &claims.as_object(), &Some(&*members))?;
        }
        let (access, id) = (take(members, "access_token"), take(members, "id_token"));
        same("an ID token", &id.is_some(), &self.id_token.is_some())?;
        same("an access token", &access.is_some(), &self.access_token.is_some())?;
        same("body", &Some(&body), &self.body.as_ref())?;
        if let (Some(token), Some(expected)) = (&access, &self.access_token) {
            expected.check("access token", token, None, &body["expires_in"], jwks, clock)?;
        }
        if let (Some(token), Some(expected)) = (&id, &self.id_token) {
            expected.check("ID token", token, access.as_deref(), &body["expires_in"], jwks, clock)?;
        }
        Ok(())
    }
}

/// Checks the rules for every answer of the token endpoint.
fn token_endpoint(answer: &Answer, by_header: bool) -> Check {
    let header = |name: &str| answer.headers.get(name).map(String::as_str);
    same("content-type", &header("content-type"), &Some("application/json"))?;
    below_the_token_endpoint(answer, by_header)?;
    let body: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    same("refresh_token", &body.get("refresh_token"), &None)
}

/// Checks the rules for every answer of the token endpoint, and of introspection and revocation below it.
fn below_the_token_endpoint(answer: &Answer, by_header: bool) -> Check {
    let header = |name: &str| answer.headers.get(name).map(String::as_str);
    same("cache-control", &header("cache-control"), &Some("no-store"))?;
    same("pragma", &header("pragma"), &Some("no-cache"))?;
    let challenge =
        (answer.status == 401 && by_header).then_some(r#"Basic realm="edgemint", charset="UTF-8""#);
    same("www-authenticate", &header("www-authenticate"), &challenge)?;
    if header("content-type") != Some("application/json") {
        return if answer.status == 200 { Ok(()) } else { Err(format!("not JSON: {}", answer.body)) };
    }
    let body: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    for name in ["error", "error_description"] {
        let allowed = |c: u8| matches!(c, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if !body[name].as_str().unwrap_or_default().bytes().all(allowed) {
            return Err(format!("{name} has a character that RFC 6749 §5.2 forbids: {}", body[name]));
        }
    }
    Ok(())
}

impl ExpectedToken {
    /// Checks an answer that is a JWT, which is made at the time of the request.
    fn check_answer(&self, answer: &str, jwks: &Value, clock: Clock) -> Check {
        let (header, claims) = verify(jwks, answer).map_err(|error| format!("the answer: {error}"))?;
        same("the answer's header", &header, &self.header)?;
        let mut expected = self.claims.clone();
        if clock == Clock::Real && claims["iat"].is_u64() {
            expected["iat"] = claims["iat"].clone();
        }
        same("the answer's claims", &claims, &expected)
    }

    fn check(
        &self,
        what: &str,
        token: &str,
        access: Option<&str>,
        expires_in: &Value,
        jwks: &Value,
        clock: Clock,
    ) -> Check {
        let (header, claims) = verify(jwks, token).map_err(|error| format!("{what}: {error}"))?;
        same(&format!("{what}'s header"), &header, &self.header)?;
        let number = |name: &str| claims[name].as_u64().ok_or(format!("{what}: {name} is not a number"));
        same("exp - iat", &Value::from(number("exp")? - number("iat")?), expires_in)?;
        if let Some(access) = access {
            same("at_hash", &claims["at_hash"], &Value::from(at_hash(header["alg"].as_str(), access)))?;
        }
        let mut expected = self.claims.clone();
        let changing: &[&str] = match (clock, access) {
            (Clock::Fixed, None) => &[],
            (Clock::Fixed, Some(_)) => &["at_hash"],
            (Clock::Real, None) if !self.is_dexs() => &["iat", "exp", "jti"],
            (Clock::Real, _) => &["iat", "exp", "jti", "at_hash"],
        };
        for name in changing {
            let random = claims[*name].as_str().is_some_and(|value| value.len() >= 22);
            if !claims[*name].is_u64() && !random {
                return Err(format!("{what}: {name} is {}", claims[*name]));
            }
            expected[*name] = claims[*name].clone();
        }
        same(&format!("{what}'s claims"), &claims, &expected)
    }
}

/// The value of `at_hash` (OpenID Connect Core §3.1.3.6), from a second implementation.
fn at_hash(alg: Option<&str>, token: &str) -> String {
    match alg {
        Some("EdDSA") => URL_SAFE_NO_PAD.encode(&Sha512::digest(token)[..32]),
        _ => URL_SAFE_NO_PAD.encode(&Sha256::digest(token)[..16]),
    }
}
