//! Imported secrets: the slow hash is paid once per isolate and cache time, not on every request.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::credentials::ClientSecret;
use crate::duration::Lifetime;
use crate::error::Unavailable;
use crate::memory::Memory;
use crate::ports::SlowHash;

/// Which secrets were found to match which stored PBKDF2 hash.
///
/// Kept as HMAC-SHA-256 under a key that never leaves this isolate, so that nothing that is remembered
/// here is worth anything elsewhere. Failures are not remembered: a stranger fills nothing.
pub(crate) struct Proven {
    key: [u8; 32],
    matched: Memory<[u8; 32], ()>,
}

/// The parts of a stored PBKDF2 hash.
pub(crate) struct Pbkdf2<'a> {
    pub(crate) iterations: u32,
    pub(crate) salt: &'a [u8],
    pub(crate) derived: &'a [u8; 32],
}

impl Proven {
    /// With a random `key` and how long a success is remembered.
    pub(crate) fn new(key: [u8; 32], time: Lifetime) -> Self {
        Self { key, matched: Memory::new(time) }
    }

    /// Whether `secret` matches `stored`.
    pub(crate) async fn matches(
        &self,
        hasher: &impl SlowHash,
        stored: &Pbkdf2<'_>,
        secret: &ClientSecret,
        now: u64,
    ) -> Result<bool, Unavailable> {
        let digest = self.digest(stored, secret)?;
        if self.matched.get(&digest, now).is_some() {
            return Ok(true);
        }
        let derived = hasher.pbkdf2_sha256(secret.expose(), stored.salt, stored.iterations).await?;
        let matches = bool::from(derived.ct_eq(stored.derived));
        if matches {
            self.matched.put(digest, (), now);
        }
        Ok(matches)
    }

    /// Binds the secret to the very hash that it matched: a changed record starts anew.
    fn digest(&self, stored: &Pbkdf2<'_>, secret: &ClientSecret) -> Result<[u8; 32], Unavailable> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).map_err(|error| Unavailable::new(error.to_string()))?;
        mac.update(stored.derived);
        mac.update(secret.expose());
        Ok(mac.finalize().into_bytes().into())
    }
}
