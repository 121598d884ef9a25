//! The brake on guessing over Cloudflare's rate limiting: two bindings, each of which may be left out.

use edgemint_issuer::ports::Brake;
use edgemint_issuer::{Limit, Unavailable};
use wasm_bindgen::prelude::*;
use worker::Env;

/// The binding that counts attempts for one client from one network.
const CLIENT_BRAKE: &str = "CLIENT_BRAKE";

/// The binding that counts attempts from one network.
const NETWORK_BRAKE: &str = "NETWORK_BRAKE";

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn limiter(env: &Env, name: &str) -> JsValue;
    #[wasm_bindgen(catch)]
    async fn count(limiter: &JsValue, key: &str) -> Result<JsValue, JsValue>;
}

/// The rate limits that are bound. What is not bound limits nothing.
pub(crate) struct RateLimits {
    client: JsValue,
    network: JsValue,
}

impl RateLimits {
    pub(crate) fn new(env: &Env) -> Self {
        Self { client: limiter(env, CLIENT_BRAKE), network: limiter(env, NETWORK_BRAKE) }
    }
}

impl Brake for RateLimits {
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable> {
        let (name, limiter) = match limit {
            Limit::ClientAndNetwork => (CLIENT_BRAKE, &self.client),
            Limit::Network => (NETWORK_BRAKE, &self.network),
        };
        if limiter.is_undefined() {
            return Ok(true);
        }
        let counted = crate::deadline::within(crate::deadline::COUNT, count(limiter, key)).await;
        let counted = counted.ok_or_else(|| Unavailable::timed_out(format!("{name} did not answer")))?;
        counted.map(|success| success.is_truthy()).map_err(|_| Unavailable::new(format!("{name} failed")))
    }
}
