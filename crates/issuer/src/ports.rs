//! The interface to the host: facts as values, and traits for everything outside that can fail.
//!
//! The traits are for one thread (a Worker's isolate), so their futures need not be `Send`.
#![expect(async_fn_in_trait, reason = "hosts are single-threaded isolates: no caller needs a `Send` future")]

use std::fmt;

use crate::grammar::key_set_url::KeySetUrl;
use crate::jose::public_key::PublicKey;
use crate::jose::signature_algorithm::SignatureAlgorithm;
use crate::jose::signing_key::SigningKey;
use crate::records::api_id::ApiId;
use crate::records::client_id::ClientId;
use crate::records::trusted_issuer::TrustedIssuerId;

/// The facts of one request, which the host reads once and passes on.
#[derive(Clone)]
pub struct Moment {
    /// The time, in seconds since 1970-01-01T00:00:00Z.
    pub now: u64,
    /// Fresh bytes of a cryptographic random source: 128 bits for the `jti` of each token, and up to 256 bits for
    /// the `at_hash` of an access token in dex's profile.
    pub random: [u8; 64],
}

/// The store of client records.
///
/// An implementation waits for a bounded time, and returns [`Unavailable::timed_out`] when no answer came.
/// The same holds for the other stores.
pub trait ClientStore {
    /// The record of `id` as stored, in JSON ([`ClientRecord`](crate::ClientRecord)).
    ///
    /// # Errors
    ///
    /// When the store is unavailable. `Ok(None)` means that there is no such client.
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable>;
}

/// The store of API records.
pub trait ApiStore {
    /// The record of `id` as stored, in JSON ([`ApiRecord`](crate::ApiRecord)).
    ///
    /// # Errors
    ///
    /// When the store is unavailable. `Ok(None)` means that there is no such API.
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable>;
}

/// The store of revocations (RFC 7009). It keeps each one until its token expires.
pub trait RevocationStore {
    /// Whether the token with this `jti` was revoked. `jti` is 22 characters of base64url.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable>;

    /// Stores that the token with this `jti` is revoked, at least until `until` (seconds since 1970).
    /// Idempotent.
    ///
    /// # Errors
    ///
    /// When the store did not take it.
    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable>;
}

/// The store of trusted issuers.
pub trait IssuerStore {
    /// The record of `id` as stored, in JSON ([`TrustedIssuer`](crate::TrustedIssuer)).
    ///
    /// # Errors
    ///
    /// When the store is unavailable. `Ok(None)` means that the issuer is not registered.
    async fn find_issuer(&self, id: &TrustedIssuerId) -> Result<Option<String>, Unavailable>;
}

/// A cache of records that the instances of one location share, such as the cache of a data center.
///
/// It only saves reads of the stores: the issuer goes on without it, and believes only what it can verify. The
/// default methods are those of a host without such a cache.
pub trait LocationCache {
    /// The text under `name`, or `None` where there is none. A failure is `None`, too.
    ///
    /// An implementation waits for a fraction of a second. After a failure it does not ask again for a while.
    async fn cached(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Keeps `text` under `name` for at most `seconds`. The request does not wait for it, and a failure is
    /// ignored. `name` has only characters of base64url.
    fn cache(&self, name: &str, text: &str, seconds: u64) {
        let _ = (name, text, seconds);
    }
}

/// The public keys of others, at URLs that an operator registered. The issuer asks for no other URL.
pub trait KeySource {
    /// The text at `url`: the body of a response with status 200 (RFC 9110 §15.3.1).
    ///
    /// An implementation follows no redirect, sends no credentials, waits for at most a few seconds, and reads
    /// at most 64 KiB.
    ///
    /// # Errors
    ///
    /// When there is no such body.
    async fn fetch_keys(&self, url: &KeySetUrl) -> Result<String, Unavailable>;
}

/// The memory of all instances for assertions that may be used only once (RFC 7523 §3 item 7).
pub trait Replay {
    /// Whether `used` was not known before. Afterwards it is known, at least until its time.
    ///
    /// # Errors
    ///
    /// When the memory is unavailable. Then it may be known or not.
    async fn first_use(&self, used: &SingleUse) -> Result<bool, Unavailable>;

    /// Whether there is a memory outside this instance at all.
    fn is_shared(&self) -> bool;
}

/// No shared memory: "once" holds within one instance.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReplay;

impl Replay for NoReplay {
    async fn first_use(&self, _: &SingleUse) -> Result<bool, Unavailable> {
        Ok(true)
    }

    fn is_shared(&self) -> bool {
        false
    }
}

/// An assertion that may be used only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleUse {
    /// The name of the part of the memory that knows it: the same for every use of one assertion.
    pub part: String,
    /// The SHA-256 of its kind, issuer and `jti`. Never of its bytes, because an ECDSA signature can be
    /// changed into another valid one.
    pub key: [u8; 32],
    /// The time until which it must be known, in seconds since 1970.
    pub until: u64,
}

/// The holder of the private keys.
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

/// The verifier of signatures by the issuer's own keys.
pub trait Verifier {
    /// Whether `signature` is the JWS signature (RFC 7515 §5.2 step 8) of `input` by `key`. `Ok(false)` for
    /// any other bytes. For ECDSA and Ed25519, `signature` has 64 bytes.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    async fn verify(&self, key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<bool, Unavailable>;
}

/// The verifier of signatures by keys of others.
pub trait ForeignVerifier {
    /// Whether `signature` is the JWS signature (RFC 7515 §5.2 step 8) of `input` by `key` with `alg`, for
    /// which the key [`serves`](PublicKey::serves). The length of `signature` is possible for `alg`.
    ///
    /// An implementation that keeps imported keys finds them by `alg` and
    /// [`thumbprint`](PublicKey::thumbprint), and never by `kid`: two clients may use the same one.
    ///
    /// # Errors
    ///
    /// When it cannot be found out for a reason that is not the key's.
    async fn verify_foreign(
        &self,
        key: &PublicKey,
        alg: SignatureAlgorithm,
        input: &[u8],
        signature: &[u8],
    ) -> Result<Verdict, Unavailable>;

    /// The same for a key that came with the request. An implementation that keeps imported keys does not keep this
    /// one, because any sender could fill its memory.
    ///
    /// # Errors
    ///
    /// Same as [`verify_foreign`](Self::verify_foreign).
    async fn verify_once(
        &self,
        key: &PublicKey,
        alg: SignatureAlgorithm,
        input: &[u8],
        signature: &[u8],
    ) -> Result<Verdict, Unavailable> {
        self.verify_foreign(key, alg, input, signature).await
    }
}

/// The result of verifying a signature by a key of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The signature matches.
    Valid,
    /// It does not.
    Invalid,
    /// The key itself is not valid, such as a point that is not on its curve.
    UnusableKey,
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

/// A counter of attempts that may be guesses (RFC 6749 §2.3.1), outside this instance and its memory.
pub trait RateLimit {
    /// Counts an attempt under `key`. Returns whether it is within `limit`.
    ///
    /// # Errors
    ///
    /// When the counter is unavailable. The issuer then judges the attempt as if there were no rate limit.
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable>;
}

/// No rate limit: the issuer judges every attempt.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRateLimit;

impl RateLimit for NoRateLimit {
    async fn allow(&self, _: Limit, _: &str) -> Result<bool, Unavailable> {
        Ok(true)
    }
}

/// A failure of something outside the issuer (the store, a key). The text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    reason: String,
    timed_out: bool,
}

impl Unavailable {
    /// Takes what happened and, where known, the fix. The text goes to the log, so it must not contain a
    /// secret.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), timed_out: false }
    }

    /// The same, when no answer came within the time that the host waits.
    pub fn timed_out(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), timed_out: true }
    }

    /// Whether no answer came. Another try would then take the same time again.
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
    /// Attempts for one client from one network.
    ClientAndNetwork,
    /// Attempts from one network, for any client.
    Network,
    /// Attempts from one IPv6 /48, for any client: one customer often has all 65,536 networks in it.
    Prefix,
    /// Revocations by one client, because each may write to the store.
    Revocation,
}
