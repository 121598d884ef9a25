//! The brake on guessing over Cloudflare's rate limiting: two bindings, each of which may be left out.

use edgemint_issuer::ports::Brake;
use edgemint_issuer::{Limit, Unavailable};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::environment::bound;
use crate::steps::{Settled, settled};

/// The binding that counts attempts for one client from one network.
const CLIENT_BRAKE: &str = "CLIENT_BRAKE";

/// The binding that counts attempts from one network.
const NETWORK_BRAKE: &str = "NETWORK_BRAKE";

/// How long counting may take, in milliseconds. It is done on the same machine.
const COUNT: u32 = 500;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Whether there is still room.
    fn count(limiter: &JsValue, key: &str, milliseconds: u32) -> Promise;
}

/// The rate limits that are bound. What is not bound limits nothing.
pub(crate) struct RateLimits {
    client: Option<JsValue>,
    network: Option<JsValue>,
}

impl RateLimits {
    pub(crate) fn new(env: &Env) -> Self {
        let limiter = |name| bound(env, name, "limit");
        Self { client: limiter(CLIENT_BRAKE), network: limiter(NETWORK_BRAKE) }
    }
}

impl Brake for RateLimits {
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable> {
        let (name, limiter) = match limit {
            Limit::ClientAndNetwork => (CLIENT_BRAKE, &self.client),
            Limit::Network => (NETWORK_BRAKE, &self.network),
        };
        let Some(limiter) = limiter else { return Ok(true) };
        match settled(count(limiter, key, COUNT)).await {
            Ok(Settled::Value(room)) if !room.is_undefined() => Ok(room.is_truthy()),
            Ok(_) => Err(Unavailable::timed_out(format!("{name} did not answer"))),
            Err(_) => Err(Unavailable::new(format!("{name} failed"))),
        }
    }
}
