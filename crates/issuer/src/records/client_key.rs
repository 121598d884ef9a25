//! The public keys of a client, for assertions that it signs itself (RFC 7523 §2.2, `private_key_jwt`).

use serde::{Deserialize, Serialize};

use crate::grammar::duration::Lifetime;
use crate::jose::public_key::PublicKey;
use crate::jose::signature_algorithm::SignatureAlgorithm;
use crate::jose::signing_key::SigningKey;
use crate::records::schema::RecordError;

/// The most keys of one client.
pub const MAX_CLIENT_KEYS: usize = 8;

/// The longest lifetime of a client's assertions, if the client has no other one.
pub const DEFAULT_ASSERTION_LIFETIME: Lifetime = Lifetime::from_seconds(300);

/// The shortest maximum that a client can have for the lifetime of its assertions.
pub const SHORTEST_ASSERTION_LIFETIME: Lifetime = Lifetime::from_seconds(30);

/// The longest maximum that a client can have for the lifetime of its assertions.
pub const LONGEST_ASSERTION_LIFETIME: Lifetime = Lifetime::from_seconds(3600);

/// One of a client's public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientKey {
    /// The key ID: the `kid` in the header of assertions, and the name of the key in logs and commands.
    /// Unique within the record.
    pub kid: String,
    /// The algorithm that it signs with.
    pub alg: SignatureAlgorithm,
    /// The public key.
    pub jwk: PublicKey,
    /// The time at which it was added, in seconds since 1970.
    pub created: u64,
    /// The time from which it no longer works, in seconds since 1970.
    pub expires: Option<u64>,
}

impl ClientKey {
    /// Whether it works at `now`, in seconds since 1970. It works before the second at which it expires, but
    /// not at that second.
    pub fn is_live(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// The audience that a client's assertions may have in addition to the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The URL of the token endpoint, as many client libraries send it.
    TokenEndpoint,
}

/// Checks the keys of a record.
pub(super) fn check_keys(keys: &[ClientKey]) -> Result<(), RecordError> {
    if keys.len() > MAX_CLIENT_KEYS {
        return Err(RecordError::TooManyKeys);
    }
    for (i, key) in keys.iter().enumerate() {
        if keys.iter().take(i).any(|earlier| earlier.kid == key.kid) {
            return Err(RecordError::RepeatedKeyId);
        }
        let is_of_clients = SignatureAlgorithm::OF_CLIENTS.contains(&key.alg) && key.jwk.serves(key.alg);
        if !is_of_clients || !SigningKey::is_key_id(&key.kid) {
            return Err(RecordError::ClientKey);
        }
    }
    Ok(())
}
