//! The format of access tokens (`TOKEN_PROFILE`).

use serde::{Deserialize, Serialize};

/// The format of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenProfile {
    /// The format of dex.
    Dex,
    /// JWT access tokens of RFC 9068.
    Rfc9068,
}

impl TokenProfile {
    /// The value of `TOKEN_PROFILE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dex => "dex",
            Self::Rfc9068 => "rfc9068",
        }
    }

    /// The value of `token_type` in the response, in the spelling of dex or of RFC 6750 §4. Clients compare
    /// it without case (RFC 6749 §5.1).
    pub(crate) fn token_type(self) -> &'static str {
        match self {
            Self::Dex => "bearer",
            Self::Rfc9068 => "Bearer",
        }
    }
}
