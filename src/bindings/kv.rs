//! The records of clients, APIs and trusted issuers in Workers KV. The issuer caches them in the isolate's memory before this is
//! called.

use edgemint_issuer::ports::{ApiStore, ClientStore, IssuerStore};
use edgemint_issuer::{ApiId, ClientId, Config, SHORTEST_KV_CACHE, TrustedIssuerId, Unavailable};
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::patience::READ;
use crate::steps::{Settled, settled};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn kv_get(namespace: &JsValue, key: &str, cache_ttl: u32, milliseconds: u32) -> Promise;
}

/// The KV namespace bound as `CLIENTS`.
pub(crate) struct KvClients {
    pub(crate) namespace: JsValue,
    cache_ttl: u64,
    /// The issuer, below which the entries of the location's cache are.
    issuer: String,
}

impl KvClients {
    pub(crate) fn new(namespace: JsValue, config: &Config) -> Self {
        let cache_ttl = config.client_cache().max(SHORTEST_KV_CACHE).seconds();
        Self { namespace, cache_ttl, issuer: config.issuer().base().to_owned() }
    }

    /// The URL of an entry in the cache of the location. Cloudflare recommends the host of the Worker, because it
    /// looks up others. A request for this URL reaches the Worker, which has nothing there.
    pub(crate) fn location_url(&self, name: &str) -> String {
        format!("{}/cache/{name}", self.issuer)
    }

    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        self.read(key, self.cache_ttl).await
    }

    /// The value of `key`. It may be up to `cache_ttl` seconds old.
    pub(crate) async fn read(&self, key: &str, cache_ttl: u64) -> Result<Option<String>, Unavailable> {
        let cache_ttl = u32::try_from(cache_ttl).unwrap_or(u32::MAX);
        match settled(kv_get(&self.namespace, key, cache_ttl, READ)).await {
            Ok(Settled::Text(text)) => Ok(Some(text)),
            Ok(Settled::Value(value)) if value.is_null() => Ok(None),
            Ok(_) => Err(Unavailable::timed_out(format!("KV did not answer within {} s", READ / 1000))),
            Err(why) => Err(Unavailable::new(format!("reading KV failed: {why}"))),
        }
    }
}

impl ClientStore for KvClients {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key()).await
    }
}

impl ApiStore for KvClients {
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key()).await
    }
}

impl IssuerStore for KvClients {
    async fn find_issuer(&self, id: &TrustedIssuerId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key()).await
    }
}
