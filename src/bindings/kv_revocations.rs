//! Revocations in Workers KV, in the same namespace as client records: one key each, which KV deletes when
//! its token has expired.

use edgemint_issuer::ports::RevocationStore;
use edgemint_issuer::{SHORTEST_KV_CACHE, Unavailable};
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::bindings::kv::KvClients;
use crate::patience::WRITE;
use crate::steps::{Settled, settled};

/// The prefix of the key of a revocation. The `jti` follows.
const PREFIX: &str = "revoked:";

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// True once KV has stored it.
    fn kv_put(namespace: &JsValue, key: &str, value: &str, expiration: f64, milliseconds: u32) -> Promise;
}

impl RevocationStore for KvClients {
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        // KV caches "not found" for this time, too, so this is the shortest that KV allows.
        let found = self.read(&format!("{PREFIX}{jti}"), SHORTEST_KV_CACHE.seconds()).await;
        found.map(|found| found.is_some())
    }

    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in an f64")]
        let until = until as f64;
        let key = format!("{PREFIX}{jti}");
        match settled(kv_put(&self.namespace, &key, "1", until, WRITE)).await {
            Ok(Settled::Value(value)) if value.is_truthy() => Ok(()),
            Ok(_) => Err(Unavailable::timed_out(format!("KV took no revocation within {} s", WRITE / 1000))),
            Err(why) => Err(Unavailable::new(format!("writing a revocation to KV failed: {why}"))),
        }
    }
}
