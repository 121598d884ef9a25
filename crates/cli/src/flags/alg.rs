//! Flags that choose an algorithm or a profile.

use clap::ValueEnum;
use edgemint_issuer::{Algorithm, TokenProfile};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alg {
    /// ECDSA with P-256: short signatures, known everywhere
    #[value(name = "ES256")]
    Es256,
    /// RSA, 2048 bits: for clients that know nothing else; takes a moment to make
    #[value(name = "RS256")]
    Rs256,
    /// Ed25519: the fastest, where clients know it
    #[value(name = "EdDSA")]
    EdDsa,
}

impl Alg {
    /// As the issuer calls it.
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::Es256,
            Self::Rs256 => Algorithm::Rs256,
            Self::EdDsa => Algorithm::EdDsa,
        }
    }

    /// The one that the issuer calls so.
    pub(crate) const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::Es256,
            Algorithm::Rs256 => Self::Rs256,
            Algorithm::EdDsa => Self::EdDsa,
        }
    }
}

pub(crate) fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::named(name).ok_or_else(|| "not an algorithm of edgemint".to_owned())
}

pub(crate) fn profile(name: &str) -> Result<TokenProfile, String> {
    [TokenProfile::Dex, TokenProfile::Rfc9068]
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| "not a profile of edgemint".to_owned())
}
