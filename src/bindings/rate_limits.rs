//! The issuer's rate limits with Cloudflare's: three bindings, each of which is optional.

use std::borrow::Cow;

use edgemint_issuer::ports::RateLimit;
use edgemint_issuer::{Limit, Unavailable};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::bindings::bound;
use crate::patience::COUNT;
use crate::steps::{Settled, settled};

/// The binding that counts attempts for one client from one network.
const CLIENT_BRAKE: &str = "CLIENT_BRAKE";

/// The binding that counts attempts from one network.
const NETWORK_BRAKE: &str = "NETWORK_BRAKE";

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Whether the count is within the limit.
    fn count(limiter: &JsValue, key: &str, milliseconds: u32) -> Promise;
}

/// The binding that counts attempts from one IPv6 /48.
const PREFIX_BRAKE: &str = "PREFIX_BRAKE";

/// The bound rate limits. A missing binding limits nothing.
pub(crate) struct RateLimits {
    client: Option<JsValue>,
    network: Option<JsValue>,
    prefix: Option<JsValue>,
}

impl RateLimits {
    pub(crate) fn new(env: &Env) -> Self {
        let limiter = |name| bound(env, name, "limit");
        Self { client: limiter(CLIENT_BRAKE), network: limiter(NETWORK_BRAKE), prefix: limiter(PREFIX_BRAKE) }
    }
}

impl RateLimit for RateLimits {
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable> {
        let (name, limiter) = match limit {
            Limit::ClientAndNetwork => (CLIENT_BRAKE, &self.client),
            Limit::Network => (NETWORK_BRAKE, &self.network),
            Limit::Prefix => (PREFIX_BRAKE, &self.prefix),
            Limit::Revocation => (CLIENT_BRAKE, &self.client),
        };
        let Some(limiter) = limiter else { return Ok(true) };
        match settled(count(limiter, &key_of(limit, key), COUNT)).await {
            Ok(Settled::Value(room)) if !room.is_undefined() => Ok(room.is_truthy()),
            Ok(_) => Err(Unavailable::timed_out(format!("{name} did not answer"))),
            Err(_) => Err(Unavailable::new(format!("{name} failed"))),
        }
    }
}

/// The key in the binding. Two limits share a binding, so the key of a revocation has a prefix. No network
/// has this name.
fn key_of(limit: Limit, key: &str) -> Cow<'_, str> {
    match limit {
        Limit::Revocation => format!("revoke {key}").into(),
        Limit::ClientAndNetwork | Limit::Network | Limit::Prefix => key.into(),
    }
}
