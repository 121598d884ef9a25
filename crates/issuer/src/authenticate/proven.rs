//! Imported secrets: the slow hash is paid once per isolate and cache time, not on every request.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::grammar::duration::Lifetime;
use crate::ports::{SlowHash, Unavailable};
use crate::registry::memory::{Memory, Share};
use crate::secret::ClientSecret;

/// The shortest time for which a success is remembered, also where no record is: what is remembered belongs to one hash,
/// and the record says on each request whether that is still the client's. Without it, every request of a client with an
/// imported secret would be counted by the rate limit.
const SHORTEST: Lifetime = Lifetime::from_seconds(60);

/// What stands for a secret in memory.
pub(crate) type Digest = [u8; 32];

/// Which secrets were found to match which stored PBKDF2 hash, for which network.
///
/// Kept as HMAC-SHA-256 under a key that never leaves this isolate, so that nothing that is remembered
/// here is worth anything elsewhere. Failures are not remembered: a stranger fills nothing.
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
    /// With a random `key`. A success is remembered for the time that records are, but for [`SHORTEST`] at least.
    pub(crate) fn new(key: [u8; 32], time: Lifetime) -> Self {
        Self { key, matched: Memory::new(Share::PROOFS, time.max(SHORTEST)) }
    }

    /// Whether the secret of `digest` was found to match already.
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

    /// Binds the secret to the very hash that it matched, so that a changed record starts anew; and to the `network` that
    /// proved it, so that a proof lets no other network past the rate limit.
    pub(crate) fn digest(
        &self,
        stored: &Pbkdf2<'_>,
        secret: &ClientSecret,
        network: Option<&str>,
    ) -> Result<Digest, Unavailable> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).map_err(|error| Unavailable::new(error.to_string()))?;
        // 32 bytes, and a text without a zero byte: no two triples are the same bytes.
        mac.update(stored.derived);
        mac.update(network.unwrap_or_default().as_bytes());
        mac.update(&[0]);
        mac.update(secret.expose());
        Ok(mac.finalize().into_bytes().into())
    }
}
