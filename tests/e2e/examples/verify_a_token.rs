//! The Rust program of docs/guides/verify-a-token.md. A test compares it with the page, from the first empty line on.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a short program for a terminal, which has no host"
)]

use std::env::var;
use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use jwt_compact::alg::{Es256, Rsa};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{AlgorithmExt as _, Claims, UntrustedToken};
use serde_json::Value;

/// Verifies the signature of a token with one of the published keys, and returns the claims.
fn signed(token: &UntrustedToken, keys: &Value) -> Result<Claims<Value>, String> {
    let kid = token.header().key_id.as_deref().ok_or("the header names no key")?;
    let key = keys["keys"].as_array().into_iter().flatten().find(|key| key["kid"] == kid);
    let text = key.ok_or("the key is not published")?.to_string();
    let key: JsonWebKey<'_> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let verified = match token.algorithm() {
        "ES256" => {
            let key = (&key).try_into().map_err(|_| "the key is not for ES256")?;
            Es256.validator(&key).validate(token)
        }
        "RS256" => {
            let key = (&key).try_into().map_err(|_| "the key is not for RS256")?;
            Rsa::rs256().validator(&key).validate(token)
        }
        other => return Err(format!("the algorithm {other} is not allowed")),
    };
    verified.map(|token| token.claims().clone()).map_err(|error| error.to_string())
}

/// Returns the claims of a token that `issuer` signed for `audience` and that has not expired.
fn verify(
    token: &str,
    keys: &Value,
    issuer: &str,
    audience: &str,
    typ: &str,
) -> Result<Value, Box<dyn Error>> {
    let token = UntrustedToken::new(token).map_err(|error| error.to_string())?;
    if token.header().token_type.as_deref() != Some(typ) {
        return Err(format!("typ is {:?}, expected {typ}", token.header().token_type).into());
    }
    let claims = serde_json::to_value(signed(&token, keys)?)?;
    if claims["iss"] != issuer {
        return Err(format!("the issuer is {}", claims["iss"]).into());
    }
    let audiences = claims["aud"].as_array().map_or(std::slice::from_ref(&claims["aud"]), Vec::as_slice);
    if !audiences.iter().any(|one| one == audience) {
        return Err(format!("the audience is {}", claims["aud"]).into());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    if claims["exp"].as_u64().is_none_or(|exp| exp <= now) {
        return Err("the token has expired".into());
    }
    Ok(claims)
}

fn run() -> Result<Value, Box<dyn Error>> {
    let (issuer, audience) = (var("ISSUER")?, var("AUDIENCE")?);
    let typ = if var("TOKEN_PROFILE").is_ok_and(|profile| profile == "rfc9068") { "at+jwt" } else { "JWT" };
    // An API caches the keys for five minutes. It fetches them early when a token names an unknown key.
    let url = format!("{}/keys", issuer.trim_end_matches('/'));
    let keys = ureq::get(url).call()?.body_mut().read_to_string()?;
    let token = std::io::read_to_string(std::io::stdin())?;
    verify(token.trim(), &serde_json::from_str(&keys)?, &issuer, &audience, typ)
}

fn main() {
    match run() {
        Ok(claims) => println!("{claims}"),
        Err(error) => {
            eprintln!("rejected: {error}");
            std::process::exit(1);
        }
    }
}
