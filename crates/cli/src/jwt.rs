//! What is wrong with a JWT, judged by the keys that its issuer publishes.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::Lifetime;
use jwt_compact::alg::{Ed25519, Es256, Rsa};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{AlgorithmExt as _, UntrustedToken};
use serde_json::{Map, Value};

/// How far clocks may be apart.
pub(crate) const SKEW: u64 = 60;

/// A token, taken apart.
pub(crate) struct Jwt<'a> {
    text: &'a str,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl<'a> Jwt<'a> {
    /// Takes it apart and believes nothing.
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        let mut segments = text.split('.');
        let mut object = |name: &str| -> Result<Map<String, Value>> {
            let segment = segments.next().filter(|segment| !segment.is_empty());
            let bytes = URL_SAFE_NO_PAD.decode(segment.with_context(|| format!("it has no {name}"))?);
            bytes
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .with_context(|| format!("its {name} is not JSON in base64url"))
        };
        Ok(Self { text, header: object("header")?, claims: object("claims")? })
    }

    /// What is wrong with the signature, if anything.
    pub(crate) fn signature(&self, jwks: &Value) -> Option<String> {
        let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let Some(kid) = self.header.get("kid").and_then(Value::as_str) else {
            return Some("its header names no key (kid)".to_owned());
        };
        let Some(key) = keys.iter().find(|key| key.get("kid").and_then(Value::as_str) == Some(kid)) else {
            return Some(format!("its key {kid} is not among the {} that the issuer publishes", keys.len()));
        };
        // The algorithm is the key's: a header that says otherwise is wrong (RFC 8725 §3.1).
        let (stated, alg) = (self.header.get("alg"), key.get("alg"));
        if stated != alg {
            let name = |alg: Option<&Value>| alg.and_then(Value::as_str).unwrap_or("none").to_owned();
            return Some(format!("its header says {}, and its key is for {}", name(stated), name(alg)));
        }
        let verified = match alg.and_then(Value::as_str) {
            Some(alg @ ("ES256" | "RS256" | "EdDSA")) => self.verified_by(alg, key),
            _ => return Some("its key is for an algorithm that edgemint does not have".to_owned()),
        };
        (!verified).then(|| format!("its signature is not that of the key {kid}"))
    }

    fn verified_by(&self, alg: &str, key: &Value) -> bool {
        let Ok(key) = serde_json::from_value::<JsonWebKey<'_>>(key.clone()) else { return false };
        let Ok(token) = UntrustedToken::new(self.text) else { return false };
        match alg {
            "ES256" => {
                (&key).try_into().is_ok_and(|key| Es256.validator::<Value>(&key).validate(&token).is_ok())
            }
            "RS256" => (&key)
                .try_into()
                .is_ok_and(|key| Rsa::rs256().validator::<Value>(&key).validate(&token).is_ok()),
            _ => (&key).try_into().is_ok_and(|key| Ed25519.validator::<Value>(&key).validate(&token).is_ok()),
        }
    }

    /// What is wrong with the claims.
    pub(crate) fn wrong_claims(&self, issuer: &str, audience: Option<&str>, now: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        match self.claims.get("iss").and_then(Value::as_str) {
            Some(iss) if iss == issuer => {}
            iss => wrong.push(format!("its issuer is {}, and not {issuer}", iss.unwrap_or("not named"))),
        }
        if let Some(audience) = audience
            && !self.audiences().contains(&audience)
        {
            wrong.push(format!("it is for {}, and not for {audience}", self.audiences().join(", ")));
        }
        match self.time("exp") {
            Some(exp) if exp <= now => {
                wrong.push(format!("it expired {} ago", Lifetime::from_seconds(now - exp)));
            }
            Some(_) => {}
            None => wrong.push("it never expires".to_owned()),
        }
        for (name, what) in [("iat", "it was issued"), ("nbf", "it is not valid until")] {
            if let Some(time) = self.time(name).filter(|time| *time > now.saturating_add(SKEW)) {
                wrong.push(format!("{what} {} ahead", Lifetime::from_seconds(time - now)));
            }
        }
        wrong
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
