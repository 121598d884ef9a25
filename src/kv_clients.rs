//! Client records in Workers KV. The isolate's own memory stands before this, in the issuer.

use edgemint_issuer::ports::ClientStore;
use edgemint_issuer::{ClientId, Config, Unavailable};
use worker::kv::KvStore;

/// The shortest time that KV caches a record at the edge, in seconds.
const SHORTEST_CACHE_TTL: u64 = 30;

/// The KV namespace that is bound as `CLIENTS`.
pub(crate) struct KvClients {
    namespace: KvStore,
    cache_ttl: u64,
}

impl KvClients {
    pub(crate) fn new(namespace: KvStore, config: &Config) -> Self {
        Self { namespace, cache_ttl: config.client_cache().seconds().max(SHORTEST_CACHE_TTL) }
    }
}

impl ClientStore for KvClients {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        let read = self.namespace.get(&id.kv_key()).cache_ttl(self.cache_ttl).text().await;
        read.map_err(|error| Unavailable::new(format!("reading KV failed: {error}")))
    }
}
