//! Reads an identity token as the Worker does, without verifying it.

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{Lifetime, Members, Platform, SignatureAlgorithm, TrustedIssuer, members};
use serde_json::Value;

use crate::deployment::delay::SKEW;

/// The longest token, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// The longest header, in bytes.
const MAX_HEADER: usize = 1024;

/// Members of a header that would change which key verifies the token, or how.
const DANGEROUS: [&str; 5] = ["crit", "b64", "jku", "jwk", "x5u"];

/// How long after `exp` a token is still accepted, in seconds.
const AFTER: f64 = 10.0;

/// The latest time in a token, in seconds since 1970.
const LATEST: f64 = 9_007_199_254_740_992.0;

/// The longest `jti`, in characters.
const MAX_TOKEN_ID: usize = 256;

/// A token whose parts are read. `Debug` would show it, so it has none.
pub(crate) struct Token<'a> {
    header: Members,
    pub(crate) claims: Members,
    pub(crate) alg: SignatureAlgorithm,
    /// The signed text.
    pub(crate) input: &'a str,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Splits a token, and reads its header and its claims. The errors contain nothing of it.
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        ensure!(text.len() <= MAX_TOKEN, "it has more than {MAX_TOKEN} bytes");
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            bail!("it is not a JWT: it must have three parts with dots between them");
        };
        let decode = |part: &str, name: &str| {
            URL_SAFE_NO_PAD.decode(part).ok().with_context(|| format!("its {name} is not base64url"))
        };
        let object = |json: &[u8], name: &str| {
            members(json).with_context(|| format!("its {name} is not a JSON object without repeated members"))
        };
        let header = decode(header, "header")?;
        ensure!(header.len() <= MAX_HEADER, "its header has more than {MAX_HEADER} bytes");
        let header = object(&header, "header")?;
        let claims = object(&decode(payload, "payload")?, "payload")?;
        let alg = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let alg = SignatureAlgorithm::named(alg)
            .context("edgemint does not support the algorithm of its header")?;
        let (input, _) = text.rsplit_once('.').unwrap_or_default();
        Ok(Self { header, claims, alg, input, signature: decode(signature, "signature")? })
    }

    /// A claim that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// The `kid` of the header.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// What is wrong with the header.
    pub(crate) fn wrong_header(&self, issuer: &TrustedIssuer) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(name) = DANGEROUS.iter().find(|name| self.header.contains_key(**name)) {
            wrong.push(format!("the header has the member {name}, which is not allowed"));
        }
        let typ = self.header.get("typ").map(|typ| typ.as_str().unwrap_or_default().to_ascii_lowercase());
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match typ {
            None | Some("jwt") => {}
            Some("jose") if issuer.platform == Platform::Spiffe => {}
            Some("at+jwt") => {
                wrong.push("the token is an access token (typ), not an identity token".to_owned());
            }
            Some(_) => wrong.push("the header has the wrong type (typ)".to_owned()),
        }
        if !issuer.algs.contains(&self.alg) {
            wrong.push(format!(
                "the token is signed with {}, which is not an algorithm of the issuer's record",
                self.alg.name()
            ));
        }
        wrong
    }

    /// What is wrong with the claims that no rule is about.
    pub(crate) fn wrong_claims(&self, issuer: &TrustedIssuer, now: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.text("sub").is_none() {
            wrong.push("the token has no subject (sub)".to_owned());
        }
        let has_id = self.text("jti").is_some_and(|id| (1..=MAX_TOKEN_ID).contains(&id.chars().count()));
        if issuer.single_use && !has_id {
            wrong.push(
                "the token has no ID (jti) of 1 to 256 characters, so the Worker cannot know whether it was used before"
                    .to_owned(),
            );
        }
        match self.wrong_times(issuer, now) {
            Ok(times) => wrong.extend(times),
            Err(name) => wrong.push(format!("the time {name} is missing, or is not a number")),
        }
        wrong
    }

    /// What is wrong with the times. An error is the name of a missing one.
    fn wrong_times(&self, issuer: &TrustedIssuer, now: u64) -> Result<Vec<String>, &'static str> {
        let time = |name: &'static str| match self.claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().filter(|time| (0.0..=LATEST).contains(time)).map(Some).ok_or(name),
        };
        let (exp, iat, nbf) = (time("exp")?.ok_or("exp")?, time("iat")?, time("nbf")?);
        let [now, ahead, oldest] = [now, SKEW, issuer.max_age].map(seconds);
        let mut wrong = Vec::new();
        if exp + AFTER < now {
            wrong.push(format!("the token expired {} ago", length(now - exp)));
        }
        for (name, time) in [("issued (iat)", iat), ("valid (nbf)", nbf)] {
            if let Some(time) = time.filter(|time| *time > now + ahead) {
                wrong.push(format!("the token is not {name} until {} from now", length(time - now)));
            }
        }
        match iat {
            Some(iat) if now - iat > oldest => {
                wrong.push(format!(
                    "the token is {} old, and {} is the maximum",
                    length(now - iat),
                    length(oldest)
                ));
            }
            Some(iat) if exp - iat > oldest => wrong.push(format!(
                "the token lives for {}, and {} is the maximum",
                length(exp - iat),
                length(oldest)
            )),
            Some(_) => {}
            None if issuer.platform != Platform::Spiffe => return Err("iat"),
            None if exp - now > oldest => {
                wrong.push(format!(
                    "the token expires in {}, and {} is the maximum",
                    length(exp - now),
                    length(oldest)
                ));
            }
            None => {}
        }
        Ok(wrong)
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in an f64")]
fn seconds(time: u64) -> f64 {
    time as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2^53, and rounded up")]
fn length(seconds: f64) -> Lifetime {
    Lifetime::from_seconds(seconds.max(0.0).ceil() as u64)
}
