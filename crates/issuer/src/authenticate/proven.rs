//! Imported secrets: each isolate computes the slow hash once per cache time, not on every request.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::grammar::duration::Lifetime;
use crate::ports::{SlowHash, Unavailable};
use crate::registry::memory::{Memory, Share};
use crate::secret::ClientSecret;

/// The shortest time for which a success is cached, even if records are not cached. This is safe: a success
/// belongs to one hash, and on each request the record says whether that hash is still the client's. Without
/// it, the rate limit would count every request of a client with an imported secret.
const SHORTEST: Lifetime = Lifetime::from_seconds(60);

/// The form of a secret in memory.
pub(crate) type Digest = [u8; 32];

/// The secrets that are known to match a stored PBKDF2 hash, each for one network.
///
/// Kept as HMAC-SHA-256 under a key that never leaves this isolate, so an entry is worth nothing elsewhere.
/// Failures are not cached, so a stranger cannot fill this memory.
pub(crate) struct Proven {
    key: [u8; 32],
    matched: Memory<Digest, ()>,
}

/// The parts of a stored PBKDF2 hash.
pub(crate) struct Pbkdf2<'a> {
    pub(crate) iterations: u32,
    pub(crate) salt: &'a [u8],
    pub(crate) derived: &'a [u8; 32],
}

impl Proven {
    /// Takes a random `key`. A success is cached for the cache time of records, but at least for
    /// [`SHORTEST`].
    pub(crate) fn new(key: [u8; 32], time: Lifetime) -> Self {
        Self { key, matched: Memory::new(Share::PROOFS, time.max(SHORTEST)) }
    }

    /// Whether the secret of `digest` is known to match.
    pub(crate) fn is_known(&self, digest: &Digest, now: u64) -> bool {
        self.matched.get(digest, now).is_some()
    }

    /// Computes whether `secret`, whose digest is `digest`, matches `stored`.
    pub(crate) async fn prove(
        &self,
        hasher: &impl SlowHash,
        stored: &Pbkdf2<'_>,
        secret: &ClientSecret,
        digest: Digest,
        now: u64,
    ) -> Result<bool, Unavailable> {
        let derived = hasher.pbkdf2_sha256(secret.expose(), stored.salt, stored.iterations).await?;
        let matches = bool::from(derived.ct_eq(stored.derived));
        if matches {
            self.matched.put(digest, (), 0, now);
        }
        Ok(matches)
    }

    /// Binds the secret to the exact hash that it matched, so a changed record starts anew. Also binds it to
    /// the `network` that proved it, so a proof lets no other network past the rate limit.
    pub(crate) fn digest(
        &self,
        stored: &Pbkdf2<'_>,
        secret: &ClientSecret,
        network: Option<&str>,
    ) -> Result<Digest, Unavailable> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).map_err(|error| Unavailable::new(error.to_string()))?;
        // The hash has 32 bytes and the network has no zero byte, so no two triples give the same bytes.
        mac.update(stored.derived);
        mac.update(network.unwrap_or_default().as_bytes());
        mac.update(&[0]);
        mac.update(secret.expose());
        Ok(mac.finalize().into_bytes().into())
    }
}
