//! Values of the flags for an algorithm or a profile.

use clap::ValueEnum;
use edgemint_issuer::{Algorithm, SignatureAlgorithm, TokenProfile};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alg {
    /// ECDSA with P-256. Short signatures, widely supported
    #[value(name = "ES256")]
    Es256,
    /// RSA with 2048 bits. For verifiers that support nothing else. Generating a key takes a moment
    #[value(name = "RS256")]
    Rs256,
    /// Ed25519. The fastest, for verifiers that support it
    #[value(name = "EdDSA")]
    EdDsa,
}

impl Alg {
    /// The issuer's type for this algorithm.
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::Es256,
            Self::Rs256 => Algorithm::Rs256,
            Self::EdDsa => Algorithm::EdDsa,
        }
    }

    /// The value for the issuer's type.
    pub(crate) const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::Es256,
            Algorithm::Rs256 => Self::Rs256,
            Algorithm::EdDsa => Self::EdDsa,
        }
    }
}

pub(crate) fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::named(name).ok_or_else(|| "edgemint does not support this algorithm".to_owned())
}

pub(crate) fn profile(name: &str) -> Result<TokenProfile, String> {
    [TokenProfile::Dex, TokenProfile::Rfc9068]
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| "edgemint does not support this profile".to_owned())
}

/// The values of a flag for the algorithm of a client's key.
pub(crate) const OF_CLIENTS: [&str; 4] = ["ES256", "PS256", "EdDSA", "RS256"];

/// The values of a flag for the algorithm of a trusted issuer.
pub(crate) const OF_ISSUERS: [&str; 5] = ["ES256", "ES384", "RS256", "PS256", "EdDSA"];

pub(crate) fn signature_algorithm(name: &str) -> Result<SignatureAlgorithm, String> {
    SignatureAlgorithm::named(name).ok_or_else(|| "edgemint does not support this algorithm".to_owned())
}
