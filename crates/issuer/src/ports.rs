//! What the issuer asks of its host: facts as values, and the things outside that can fail.
//!
//! The traits are for one thread (a Worker's isolate), so their futures need not be `Send`.
#![expect(async_fn_in_trait, reason = "hosts are single-threaded isolates: no caller needs a `Send` future")]

use std::fmt;

use crate::jose::signing_key::SigningKey;
use crate::records::api_id::ApiId;
use crate::records::client_id::ClientId;

/// The facts of one request, read once by the host and then passed on.
#[derive(Clone)]
pub struct Moment {
    /// The time, in seconds since 1970-01-01T00:00:00Z.
    pub now: u64,
    /// Fresh bytes of a cryptographic random source: 128 bits for the `jti` of each token.
    pub random: [u8; 32],
}

/// Where client records are kept.
///
/// Who keeps them waits for an answer for a bounded time, and says [`Unavailable::timed_out`] when none came. The same
/// holds of the other stores.
pub trait ClientStore {
    /// The record of `id` as it is stored, in JSON ([`ClientRecord`](crate::ClientRecord)).
    ///
    /// # Errors
    ///
    /// `Ok(None)` means that there is no such client; an error, that the store could not be asked.
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable>;
}

/// Where API records are kept.
pub trait ApiStore {
    /// The record of `id` as it is stored, in JSON ([`ApiRecord`](crate::ApiRecord)).
    ///
    /// # Errors
    ///
    /// `Ok(None)` means that there is no such API; an error, that the store could not be asked.
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable>;
}

/// Where it is kept which tokens were revoked (RFC 7009), until they expire.
pub trait RevocationStore {
    /// Whether the token with this `jti` was revoked. `jti` is 22 characters of base64url.
    ///
    /// # Errors
    ///
    /// When the store could not be asked.
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable>;

    /// Keeps that the token with this `jti` is revoked, until the second `until` since 1970 at least. Again is as once.
    ///
    /// # Errors
    ///
    /// When it was not kept.
    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable>;
}

/// Who holds the private keys.
pub trait Signer {
    /// Makes `key` ready for use, so that a health check can tell whether it would sign.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    async fn prepare(&self, key: &SigningKey) -> Result<(), Unavailable>;

    /// The JWS signature (RFC 7515 §5.1 step 5; for ECDSA the 64 bytes R‖S of RFC 7518 §3.4) of `input`.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, Unavailable>;
}

/// Who checks signatures of our own keys.
pub trait Verifier {
    /// Whether `signature` is the JWS signature (RFC 7515 §5.2 step 8) of `input` by `key`. `Ok(false)` for whatever else
    /// `signature` is; for ECDSA and Ed25519 it has 64 bytes.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    async fn verify(&self, key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<bool, Unavailable>;
}

/// The deliberately slow hash that imported secrets are stored under.
pub trait SlowHash {
    /// PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2) with a derived key of 32 bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be computed.
    async fn pbkdf2_sha256(
        &self,
        secret: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<[u8; 32], Unavailable>;
}

/// What counts attempts that may be guesses (RFC 6749 §2.3.1), beyond this instance and its memory.
pub trait RateLimit {
    /// Counts an attempt under `key`, and says whether there is still room for it below `limit`.
    ///
    /// # Errors
    ///
    /// When it could not be asked. The attempt is then judged as if there were no rate limit.
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable>;
}

/// No rate limit: every attempt is judged.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRateLimit;

impl RateLimit for NoRateLimit {
    async fn allow(&self, _: Limit, _: &str) -> Result<bool, Unavailable> {
        Ok(true)
    }
}

/// Something outside the issuer (the store, a key) could not be used; the text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    reason: String,
    timed_out: bool,
}

impl Unavailable {
    /// With what happened and, where known, the fix. The text goes to the log, so no secret in it.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), timed_out: false }
    }

    /// The same, when what happened is that no answer came within the time that the host waits.
    pub fn timed_out(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), timed_out: true }
    }

    /// Whether no answer came, so that to ask again would take as long again.
    pub(crate) fn is_timeout(&self) -> bool {
        self.timed_out
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unavailable {}

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Of attempts for one client from one network.
    ClientAndNetwork,
    /// Of attempts from one network, for whichever clients.
    Network,
    /// Of attempts from one IPv6 /48, for whichever clients: one customer often has all 65,536 networks in it.
    Prefix,
    /// Of revocations by one client: each may write to the store.
    Revocation,
}
