//! The keys that an issuer publishes.

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

use crate::host::http::{Http, below};

/// A key that the issuer publishes. The first one signs.
#[derive(Serialize)]
pub(crate) struct Published {
    pub(crate) kid: String,
    pub(crate) alg: String,
}

pub(crate) fn published(issuer: &str) -> Result<Vec<Published>> {
    let jwks = Http::of(issuer).document(&below(issuer, "/keys"))?;
    let keys = jwks
        .get("keys")
        .and_then(Value::as_array)
        .context("cannot read the issuer's keys: the response is not a JWKS")?;
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(keys.iter().map(|key| Published { kid: text(key, "kid"), alg: text(key, "alg") }).collect())
}
