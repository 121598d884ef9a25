//! The revoked tokens (RFC 7009): a cache, so that no revocation is written twice.

use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::grammar::duration::Lifetime;
use crate::ports::{RevocationStore, Unavailable};
use crate::registry::memory::{Memory, Share};

/// How long a revocation is cached. No revocation is ever undone, so this only bounds the memory.
const REMEMBERED: Lifetime = Lifetime::from_seconds(3600);

/// The revocations that this instance knows, before a [`RevocationStore`].
pub(crate) struct Revocations(Memory<String, ()>);

impl Revocations {
    pub(crate) fn new() -> Self {
        Self(Memory::new(Share::REVOCATIONS, REMEMBERED))
    }

    /// Whether the token with this `jti` was revoked.
    pub(crate) async fn contains(
        &self,
        jti: &str,
        store: &impl RevocationStore,
        now: u64,
    ) -> Result<bool, Unavailable> {
        let jti = jti.to_owned();
        if self.0.get(&jti, now).is_some() {
            return Ok(true);
        }
        let is_revoked = store.is_revoked(&jti).await?;
        if is_revoked {
            self.remember(jti, now);
        }
        Ok(is_revoked)
    }

    /// Stores that the token with this `jti` is revoked, at least until `until` (seconds since 1970).
    pub(crate) async fn add(
        &self,
        jti: &str,
        until: u64,
        store: &impl RevocationStore,
        now: u64,
    ) -> Result<(), TokenError> {
        store.revoke(jti, until).await.map_err(|why| TokenError::Fault(Fault::StoreUnavailable(why)))?;
        self.remember(jti.to_owned(), now);
        Ok(())
    }

    fn remember(&self, jti: String, now: u64) {
        let heap = jti.capacity();
        self.0.put(jti, (), heap, now);
    }
}
