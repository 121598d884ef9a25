//! The cache of the location with Cloudflare's Cache API: a cache of its own, which answers no request of a client.

use edgemint_issuer::ports::LocationCache;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::bindings::kv::KvClients;
use crate::patience::{LOCATION, LOCATION_PUT};
use crate::steps::{Settled, settled};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// A string, or null where nothing is cached, or undefined after a failure.
    fn cache_get(url: &str, milliseconds: u32) -> Promise;
    fn cache_put(url: &str, text: &str, seconds: f64, milliseconds: u32);
}

impl LocationCache for KvClients {
    async fn cached(&self, name: &str) -> Option<String> {
        match settled(cache_get(&self.location_url(name), LOCATION)).await {
            Ok(Settled::Text(text)) => Some(text),
            Ok(Settled::Value(_) | Settled::Bytes(_)) | Err(_) => None,
        }
    }

    fn cache(&self, name: &str, text: &str, seconds: u64) {
        #[expect(clippy::cast_precision_loss, reason = "an hour in seconds is exact in an f64")]
        cache_put(&self.location_url(name), text, seconds as f64, LOCATION_PUT);
    }
}
