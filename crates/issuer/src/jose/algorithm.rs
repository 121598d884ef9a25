//! The signature algorithms (RFC 7518 §3, RFC 8037).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};

/// The JWS algorithms (RFC 7518 §3.1, RFC 8037 §3.1) that keys may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits and more.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The value of `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm with this value of `alg`.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Es256, Self::Rs256, Self::EdDsa].into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// A value with the form of `at_hash` that is the hash of nothing: the first of the `random` bytes.
    pub(crate) fn random_at_hash(self, random: &[u8]) -> String {
        let length = match self {
            Self::Es256 | Self::Rs256 => 16,
            Self::EdDsa => 32,
        };
        URL_SAFE_NO_PAD.encode(random.get(..length).unwrap_or(random))
    }

    /// The value of `at_hash` (OpenID Connect Core §3.1.3.6): the left half of the algorithm's hash. For
    /// EdDSA with Ed25519 that is SHA-512.
    pub(crate) fn at_hash(self, of: &[u8]) -> String {
        let (sha256, sha512);
        let digest: &[u8] = match self {
            Self::Es256 | Self::Rs256 => {
                sha256 = Sha256::digest(of);
                &sha256
            }
            Self::EdDsa => {
                sha512 = Sha512::digest(of);
                &sha512
            }
        };
        URL_SAFE_NO_PAD.encode(digest.get(..digest.len() / 2).unwrap_or_default())
    }
}
