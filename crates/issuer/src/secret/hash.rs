//! Client secrets at rest: the hashes in records.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::secret::ClientSecret;

/// The most PBKDF2 iterations that the deployed Workers runtime computes.
pub const MAX_PBKDF2_ITERATIONS: u32 = 100_000;

pub(crate) const PREFIX: &str = "ems_";

const SHA256: &str = "$sha256$";

const PBKDF2: &str = "$pbkdf2-sha256$i=";

/// A stored secret, as a hash.
///
/// Generated secrets are stored as `$sha256$<digest>`. Their 256 random bits cannot be guessed, so a fast
/// hash is enough, and it costs microseconds on every request. Imported secrets, which people may have
/// chosen, are stored as `$pbkdf2-sha256$i=<iterations>$<salt>$<derived>` (the form of PHC strings). All
/// parts are in base64url without padding. `Debug` shows only the kind.
#[derive(Clone)]
pub enum SecretHash {
    /// SHA-256 of the secret.
    Sha256([u8; 32]),
    /// PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2).
    Pbkdf2 {
        /// 1 to [`MAX_PBKDF2_ITERATIONS`].
        iterations: u32,
        /// 8 to 64 bytes.
        salt: Vec<u8>,
        /// The derived key.
        derived: [u8; 32],
    },
}

/// Why a text is not a [`SecretHash`]. Contains nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretHashError;

impl fmt::Display for SecretHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a secret hash of the form $sha256$… or $pbkdf2-sha256$i=…$…$…")
    }
}

impl std::error::Error for SecretHashError {}

/// The SHA-256 of a presented secret. It is computed once and compared with each stored digest.
pub(crate) fn digest(secret: &ClientSecret) -> [u8; 32] {
    Sha256::digest(secret.expose()).into()
}

impl SecretHash {
    /// Whether this is the SHA-256 hash `digest`. Compares in constant time.
    pub(crate) fn is_digest(&self, digest: &[u8; 32]) -> bool {
        match self {
            Self::Sha256(stored) => stored.ct_eq(digest).into(),
            Self::Pbkdf2 { .. } => false,
        }
    }

    /// The stored form of a generated secret.
    pub fn sha256(secret: &ClientSecret) -> Self {
        Self::Sha256(digest(secret))
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// For any other text, and for parameters that the runtime would not compute.
    pub fn parse(text: &str) -> Result<Self, SecretHashError> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| SecretHashError);
        let digest = |text: &str| <[u8; 32]>::try_from(bytes(text)?).map_err(|_| SecretHashError);
        if let Some(rest) = text.strip_prefix(SHA256) {
            return Ok(Self::Sha256(digest(rest)?));
        }
        let rest = text.strip_prefix(PBKDF2).ok_or(SecretHashError)?;
        let (iterations, rest) = rest.split_once('$').ok_or(SecretHashError)?;
        let (salt, derived) = rest.split_once('$').ok_or(SecretHashError)?;
        let number: u32 = iterations.parse().map_err(|_| SecretHashError)?;
        let salt = bytes(salt)?;
        if !(1..=MAX_PBKDF2_ITERATIONS).contains(&number)
            || number.to_string() != iterations
            || !(8..=64).contains(&salt.len())
        {
            return Err(SecretHashError);
        }
        Ok(Self::Pbkdf2 { iterations: number, salt, derived: digest(derived)? })
    }

    fn to_text(&self) -> String {
        match self {
            Self::Sha256(digest) => format!("{SHA256}{}", URL_SAFE_NO_PAD.encode(digest)),
            Self::Pbkdf2 { iterations, salt, derived } => format!(
                "{PBKDF2}{iterations}${}${}",
                URL_SAFE_NO_PAD.encode(salt),
                URL_SAFE_NO_PAD.encode(derived)
            ),
        }
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "SecretHash::Sha256(_)",
            Self::Pbkdf2 { .. } => "SecretHash::Pbkdf2(_)",
        })
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::generated::GeneratedSecret;

    #[test]
    fn debug_shows_nothing_of_a_hash() {
        let hash = SecretHash::Sha256([7; 32]);
        assert_eq!(format!("{hash:?}"), "SecretHash::Sha256(_)");
        assert!(!format!("{:?}", SecretHash::parse("$sha256$secret").unwrap_err()).contains("secret$"));
    }

    #[test]
    fn what_the_runtime_would_not_compute_is_refused() {
        let (salt, derived) = (URL_SAFE_NO_PAD.encode([1; 16]), URL_SAFE_NO_PAD.encode([2; 32]));
        let with = |i: &str| SecretHash::parse(&format!("$pbkdf2-sha256$i={i}${salt}${derived}")).is_ok();
        assert!(with("100000") && with("1"));
        for iterations in ["0", "100001", "+1", "01", "", "4294967296"] {
            assert!(!with(iterations), "{iterations}");
        }
        assert!(SecretHashError.to_string().contains("$sha256$"));
    }

    proptest! {
        #[test]
        fn a_generated_secret_is_recognised_and_a_changed_one_is_not(random: [u8; 32], at in 0_usize..53, to in "[A-Za-z0-9_-]") {
            let secret = GeneratedSecret::from_random(&random);
            prop_assert!(GeneratedSecret::recognises(secret.expose()));
            let mut changed = secret.expose().to_owned();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(GeneratedSecret::recognises(&changed), changed == secret.expose());
        }

        #[test]
        fn what_is_printed_is_read_back(digest: [u8; 32], salt in proptest::collection::vec(any::<u8>(), 8..=64), iterations in 1..=MAX_PBKDF2_ITERATIONS) {
            for hash in [SecretHash::Sha256(digest), SecretHash::Pbkdf2 { iterations, salt, derived: digest }] {
                let text = hash.to_text();
                prop_assert_eq!(SecretHash::parse(&text).unwrap().to_text(), text);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = (SecretHash::parse(&text), GeneratedSecret::recognises(&text));
        }
    }
}
