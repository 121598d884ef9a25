//! Verification of a JWT with the keys that its issuer publishes.

use std::fmt;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{Lifetime, PublicKey, SignatureAlgorithm};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::crypto::verify::verifies;
use crate::deployment::delay::SKEW;

/// The claims that RFC 9068 §2.2 requires in access tokens, besides those that are checked in every token.
const OF_RFC_9068: [&str; 5] = ["aud", "sub", "client_id", "iat", "jti"];

/// The kind of a token, from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// No `typ`, or a generic one: dex's access tokens and ID tokens have the same format.
    AccessOrIdToken,
    /// A JWT that edgemint does not issue.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessToken => "kind: an access token of RFC 9068 (typ at+jwt)",
            Self::AccessOrIdToken => {
                "kind: an access token or an ID token of dex's profile (both have the same format)"
            }
            Self::Other => "kind: a JWT that edgemint does not issue",
        })
    }
}

/// A parsed token.
pub(crate) struct Jwt<'a> {
    text: &'a str,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl<'a> Jwt<'a> {
    /// Parses a token without verifying it.
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        let mut segments = text.split('.');
        let mut object = |name: &str| -> Result<Map<String, Value>> {
            let segment = segments.next().filter(|segment| !segment.is_empty());
            let bytes = URL_SAFE_NO_PAD.decode(segment.with_context(|| format!("the {name} is missing"))?);
            bytes
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .with_context(|| format!("the {name} is not JSON in base64url"))
        };
        Ok(Self { text, header: object("header")?, claims: object("claims")? })
    }

    /// The kind of the token, as its header states. A `typ` can begin with `application/`, and its case is ignored
    /// (RFC 7515 §4.1.9).
    pub(crate) fn kind(&self) -> Kind {
        let Some(typ) = self.header.get("typ") else { return Kind::AccessOrIdToken };
        let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
        match typ.strip_prefix("application/").unwrap_or(&typ) {
            "at+jwt" => Kind::AccessToken,
            "jwt" => Kind::AccessOrIdToken,
            _ => Kind::Other,
        }
    }

    /// Errors for the kind of the token. A JWT of another type must not pass as a token (RFC 8725 §3.11).
    pub(crate) fn wrong_kind(&self) -> Vec<String> {
        match self.kind() {
            Kind::AccessToken => OF_RFC_9068
                .iter()
                .filter(|name| !self.claims.contains_key(**name))
                .map(|name| {
                    format!("the claim {name} is missing, which RFC 9068 requires in an access token")
                })
                .collect(),
            Kind::AccessOrIdToken => Vec::new(),
            Kind::Other => {
                let typ = self.header.get("typ").map(ToString::to_string).unwrap_or_default();
                vec![format!("the header has the typ {typ}, which no token of edgemint has")]
            }
        }
    }

    /// The error in the signature, if there is one.
    pub(crate) fn signature(&self, jwks: &Value) -> Option<String> {
        let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let Some(kid) = self.header.get("kid").and_then(Value::as_str) else {
            return Some("the header has no key ID (kid)".to_owned());
        };
        let Some(key) = keys.iter().find(|key| key.get("kid").and_then(Value::as_str) == Some(kid)) else {
            return Some(format!(
                "the key {kid} is not among the {} keys that the issuer publishes",
                keys.len()
            ));
        };
        // The key determines the algorithm. A header with another one is an error (RFC 8725 §3.1).
        let (stated, alg) = (self.header.get("alg"), key.get("alg"));
        if stated != alg {
            let name = |alg: Option<&Value>| alg.and_then(Value::as_str).unwrap_or("none").to_owned();
            return Some(format!(
                "the header has the algorithm {}, but the key is for {}",
                name(stated),
                name(alg)
            ));
        }
        let of_issuer = ["ES256", "RS256", "EdDSA"];
        let alg = alg.and_then(Value::as_str).filter(|alg| of_issuer.contains(alg));
        let Some(alg) = alg.and_then(SignatureAlgorithm::named) else {
            return Some("the key is for an algorithm that edgemint does not support".to_owned());
        };
        (!self.is_verified_by(alg, key)).then(|| format!("the signature does not match the key {kid}"))
    }

    fn is_verified_by(&self, alg: SignatureAlgorithm, key: &Value) -> bool {
        let Ok(key) = PublicKey::parse(&key.to_string()) else { return false };
        let Some((input, signature)) = self.text.rsplit_once('.') else { return false };
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        verifies(&key, alg, input.as_bytes(), &signature)
    }

    /// Errors in the claims.
    pub(crate) fn wrong_claims(&self, issuer: &str, audience: Option<&str>, now: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        match self.claims.get("iss").and_then(Value::as_str) {
            Some(iss) if iss == issuer => {}
            iss => wrong.push(format!("the issuer (iss) is {}, not {issuer}", iss.unwrap_or("missing"))),
        }
        if let Some(audience) = audience
            && !self.audiences().contains(&audience)
        {
            wrong.push(format!("the audience (aud) is {}, not {audience}", self.audiences().join(", ")));
        }
        match self.time("exp") {
            Some(exp) if exp <= now => {
                wrong.push(format!("the token expired {} ago", Lifetime::from_seconds(now - exp)));
            }
            Some(_) => {}
            None => wrong.push("the token has no expiry (exp)".to_owned()),
        }
        for (name, what) in [("iat", "the time of issue (iat)"), ("nbf", "the start time (nbf)")] {
            if let Some(time) = self.time(name).filter(|time| *time > now.saturating_add(SKEW)) {
                wrong.push(format!("{what} is {} in the future", Lifetime::from_seconds(time - now)));
            }
        }
        wrong
    }

    /// What the token is bound to (`cnf`, RFC 7800 §3.1), in words.
    pub(crate) fn confirmation(&self) -> Vec<String> {
        let Some(cnf) = self.claims.get("cnf") else { return Vec::new() };
        // RFC 9449 §6.1 and RFC 8705 §3.1.
        let known = [
            ("jkt", "the key with the thumbprint", "sends a DPoP proof by this key"),
            ("x5t#S256", "the certificate with the SHA-256", "presents this certificate"),
        ];
        let mut lines: Vec<String> = known
            .iter()
            .filter_map(|(member, what, how)| {
                let thumbprint = cnf.get(member)?.as_str()?;
                Some(format!(
                    "bound: to {what} {thumbprint} (cnf). Only a sender that {how} can use the token"
                ))
            })
            .collect();
        lines.push(if lines.is_empty() {
            "bound: to something that edgemint does not support (cnf has neither jkt nor x5t#S256)".to_owned()
        } else {
            "An API that does not check cnf accepts the token as a bearer token".to_owned()
        });
        lines
    }

    /// A claim that is a time.
    pub(crate) fn time(&self, name: &str) -> Option<u64> {
        self.claims.get(name)?.as_u64()
    }

    fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            one => one.and_then(Value::as_str).into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(header: &str) -> Kind {
        let text = format!("{}.{}.x", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("{}"));
        let token = Jwt::parse(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(token.wrong_kind().is_empty(), token.kind() == Kind::AccessOrIdToken);
        token.kind()
    }

    #[test]
    fn a_confirmation_is_told_in_words() {
        let lines = |claims: &str| {
            let text = format!("{}.{}.x", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(claims));
            Jwt::parse(&text).unwrap_or_else(|error| panic!("{error}")).confirmation()
        };
        assert_eq!(lines("{}"), [""; 0]);
        for (claims, told) in [
            (r#"{"cnf":{"jkt":"K"}}"#, "bound: to the key with the thumbprint K (cnf)"),
            (r#"{"cnf":{"x5t#S256":"C"}}"#, "bound: to the certificate with the SHA-256 C (cnf)"),
        ] {
            let lines = lines(claims);
            assert!(lines.len() == 2 && lines[0].starts_with(told), "{lines:?}");
            assert!(lines[1].contains("accepts the token as a bearer token"), "{lines:?}");
        }
        for other in [r#"{"cnf":{}}"#, r#"{"cnf":"x"}"#, r#"{"cnf":{"jkt":7}}"#, r#"{"cnf":{"kid":"k"}}"#] {
            let lines = lines(other);
            assert!(lines.len() == 1 && lines[0].contains("does not support"), "{lines:?}");
        }
    }

    #[test]
    fn the_header_says_which_kind_of_token_it_is() {
        for at in ["at+jwt", "AT+JWT", "application/at+jwt"] {
            assert_eq!(kind(&format!(r#"{{"typ":"{at}"}}"#)), Kind::AccessToken);
        }
        for alike in ["{}", r#"{"typ":"JWT"}"#, r#"{"typ":"jwt"}"#] {
            assert_eq!(kind(alike), Kind::AccessOrIdToken);
        }
        for other in [r#"{"typ":"token-introspection+jwt"}"#, r#"{"typ":7}"#] {
            assert_eq!(kind(other), Kind::Other);
        }
    }
}
