//! Cloudflare's services as the issuer's ports.

pub(crate) mod analytics;
pub(crate) mod kv;
pub(crate) mod kv_revocations;
pub(crate) mod location_cache;
pub(crate) mod rate_limits;
pub(crate) mod remote_keys;
pub(crate) mod replay;
pub(crate) mod web_crypto;

use wasm_bindgen::prelude::*;
use worker::Env;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// The binding `name`, if it has this method, else `undefined`.
    fn binding(env: &Env, name: &str, method: &str) -> JsValue;
}

/// The binding `name`, if it has this method.
pub(crate) fn bound(env: &Env, name: &str, method: &str) -> Option<JsValue> {
    Some(binding(env, name, method)).filter(|bound| !bound.is_undefined())
}
