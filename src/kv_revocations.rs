//! Revocations in Workers KV, beside the client records: a key for each, which goes when its token has expired.

use edgemint_issuer::ports::RevocationStore;
use edgemint_issuer::{SHORTEST_KV_CACHE, Unavailable};

use crate::deadline::{WRITE, within};
use crate::kv_clients::KvClients;

/// What the key of a revocation begins with; the `jti` follows.
const PREFIX: &str = "revoked:";

impl RevocationStore for KvClients {
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        // KV keeps "not there" for this time, too: no longer than it must.
        let found = self.read(&format!("{PREFIX}{jti}"), SHORTEST_KV_CACHE.seconds()).await;
        found.map(|found| found.is_some())
    }

    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable> {
        let failed = |error| Unavailable::new(format!("writing a revocation to KV failed: {error}"));
        let write = self.namespace.put(&format!("{PREFIX}{jti}"), "1").map_err(failed)?;
        let written = within(WRITE, write.expiration(until).execute()).await;
        let slow = || Unavailable::timed_out(format!("KV took no revocation within {} s", WRITE.as_secs()));
        written.ok_or_else(slow)?.map_err(failed)
    }
}
