//! Why a token is not active.

use crate::error::TokenError;

/// Why a token is not active. Only the operator learns the reason, never the caller (RFC 7662 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inactive {
    /// Longer than 8 KiB.
    TooLarge,
    /// Not three segments of strict base64url, or not JSON objects without repeated members.
    Malformed,
    /// The header has `crit`, and the issuer supports no extension (RFC 7515 §4.1.11).
    Critical,
    /// There is no `kid`, or it is not one of ours.
    UnknownKey,
    /// `alg` is not exactly that of the key (RFC 8725 §3.1). `none` and `HS256` never are.
    Algorithm,
    /// The signature does not match the key.
    Signature,
    /// A claim that all our tokens have is missing or malformed.
    Claims,
    /// `iss` is another issuer.
    Issuer,
    /// `exp` is reached.
    Expired,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// Not an access token, but an ID token or something else that we sign (RFC 8725 §3.11).
    TokenType,
    /// The caller may not introspect it (RFC 7662 §4).
    NotEntitled,
    /// The client that it was issued to no longer exists.
    ClientGone,
    /// The client that it was issued to is disabled.
    ClientDisabled,
    /// All tokens of that client up to a time were revoked, and it was issued before.
    ClientRevoked,
    /// It was revoked.
    Revoked,
}

impl Inactive {
    /// A stable name for logs and for counting.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Critical => "critical_header",
            Self::UnknownKey => "unknown_key",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Issuer => "issuer",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::TokenType => "token_type",
            Self::NotEntitled => "not_entitled",
            Self::ClientGone => "client_gone",
            Self::ClientDisabled => "client_disabled",
            Self::ClientRevoked => "client_revoked",
            Self::Revoked => "revoked",
        }
    }
}

/// Why a token cannot be called active: it is inactive, or the check failed.
#[derive(Debug, PartialEq)]
pub(crate) enum NotActive {
    /// The token is not active.
    Inactive(Inactive),
    /// The check failed. The issuer never guesses.
    Failed(TokenError),
}

impl From<Inactive> for NotActive {
    fn from(why: Inactive) -> Self {
        Self::Inactive(why)
    }
}

impl From<TokenError> for NotActive {
    fn from(error: TokenError) -> Self {
        Self::Failed(error)
    }
}
