//! Client and API records in Workers KV. The isolate's own memory stands before this, in the issuer.

use edgemint_issuer::ports::{ApiStore, ClientStore};
use edgemint_issuer::{ApiId, ClientId, Config, SHORTEST_KV_CACHE, Unavailable};
use worker::kv::KvStore;

use crate::deadline::{READ, within};

/// The KV namespace that is bound as `CLIENTS`.
pub(crate) struct KvClients {
    pub(crate) namespace: KvStore,
    cache_ttl: u64,
}

impl KvClients {
    pub(crate) fn new(namespace: KvStore, config: &Config) -> Self {
        Self { namespace, cache_ttl: config.client_cache().max(SHORTEST_KV_CACHE).seconds() }
    }

    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        self.read(key, self.cache_ttl).await
    }

    /// What is stored under `key`, as it was at most `cache_ttl` seconds ago.
    pub(crate) async fn read(&self, key: &str, cache_ttl: u64) -> Result<Option<String>, Unavailable> {
        let read = within(READ, self.namespace.get(key).cache_ttl(cache_ttl).text()).await;
        let slow = || Unavailable::timed_out(format!("KV did not answer within {} s", READ.as_secs()));
        read.ok_or_else(slow)?.map_err(|error| Unavailable::new(format!("reading KV failed: {error}")))
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
