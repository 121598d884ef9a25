//! The signature algorithms of keys that belong to others: clients and trusted issuers.

use serde::{Deserialize, Serialize};

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1) of a key that is not the issuer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SignatureAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA with P-384 and SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// RSASSA-PSS with SHA-256, and a salt of 32 bytes.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519, which RFC 8037 calls `EdDSA` and RFC 9864 `Ed25519`.
    #[serde(rename = "EdDSA", alias = "Ed25519")]
    EdDsa,
}

/// The type of a public key: `kty` and `crv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyType {
    P256,
    P384,
    Ed25519,
    Rsa,
}

impl SignatureAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Ps256, Self::Rs256, Self::EdDsa];

    /// The algorithms that a client's assertion may have. A key with RS256 must be registered as such.
    pub const OF_CLIENTS: [Self; 4] = [Self::Es256, Self::Ps256, Self::Rs256, Self::EdDsa];

    /// The algorithms that a client's assertion may have under the FAPI 2.0 profile (§5.4.1).
    pub const OF_FAPI: [Self; 3] = [Self::Es256, Self::Ps256, Self::EdDsa];

    /// The algorithms that a DPoP proof may have.
    pub const OF_PROOFS: [Self; 3] = [Self::Es256, Self::Ps256, Self::EdDsa];

    /// The value of `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The newer name of the same algorithm, if it has two (RFC 9864 §2.2).
    pub fn newer_name(self) -> Option<&'static str> {
        (self == Self::EdDsa).then_some("Ed25519")
    }

    /// The algorithm with this value of `alg`. Both names of Ed25519 are known.
    pub fn named(name: &str) -> Option<Self> {
        let is_named = |algorithm: &Self| algorithm.name() == name || algorithm.newer_name() == Some(name);
        Self::ALL.into_iter().find(is_named)
    }

    /// The type of its keys.
    pub(crate) fn key_type(self) -> KeyType {
        match self {
            Self::Es256 => KeyType::P256,
            Self::Es384 => KeyType::P384,
            Self::Ps256 | Self::Rs256 => KeyType::Rsa,
            Self::EdDsa => KeyType::Ed25519,
        }
    }

    /// Whether a signature of this many bytes is possible: R‖S (RFC 7518 §3.4), Ed25519 (RFC 8032 §5.1.6), or
    /// a modulus of 2048 to 4096 bits.
    ///
    /// Checked before the runtime sees it, because some runtimes report another length as a failure of their
    /// own, although the sender is at fault.
    pub(crate) fn may_have_length(self, length: usize) -> bool {
        match self {
            Self::Es256 | Self::EdDsa => length == 64,
            Self::Es384 => length == 96,
            Self::Ps256 | Self::Rs256 => (256..=512).contains(&length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_lengths_of_a_signature_are_possible() {
        for alg in SignatureAlgorithm::ALL {
            let possible: Vec<usize> = (0..=1000).filter(|length| alg.may_have_length(*length)).collect();
            let expected = match alg {
                SignatureAlgorithm::Es256 | SignatureAlgorithm::EdDsa => 64..=64,
                SignatureAlgorithm::Es384 => 96..=96,
                SignatureAlgorithm::Ps256 | SignatureAlgorithm::Rs256 => 256..=512,
            };
            assert_eq!(possible, expected.collect::<Vec<_>>(), "{alg:?}");
        }
    }
}
