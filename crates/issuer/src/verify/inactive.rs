//! Why a token is not active.

use crate::error::TokenError;

/// Why a token is not active. The caller is never told which (RFC 7662 §2.2); the operator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inactive {
    /// Longer than 8 KiB.
    TooLarge,
    /// Not three segments of strict base64url, or not JSON objects in which every member comes once.
    Malformed,
    /// The header has `crit`: we know no extension (RFC 7515 §4.1.11).
    Critical,
    /// No `kid`, or none of ours.
    UnknownKey,
    /// `alg` is not exactly that of the key (RFC 8725 §3.1): `none` and `HS256` never are.
    Algorithm,
    /// The signature is not the key's.
    Signature,
    /// A claim that every token of ours has is missing, or has another form.
    Claims,
    /// `iss` is another issuer.
    Issuer,
    /// `exp` has come.
    Expired,
    /// `nbf` or `iat` lies ahead.
    NotYetValid,
    /// Not an access token, but an ID token or something else that we sign (RFC 8725 §3.11).
    TokenType,
    /// The caller may not ask about it (RFC 7662 §4).
    NotEntitled,
    /// The client that it was issued to is no longer there.
    ClientGone,
    /// The client that it was issued to is disabled.
    ClientDisabled,
    /// All tokens of that client were revoked up to a time, and it was issued before.
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

/// Why a token cannot be called active: it is not, or it could not be found out.
#[derive(Debug, PartialEq)]
pub(crate) enum NotActive {
    /// It is not.
    Inactive(Inactive),
    /// Nobody could say: never a guess.
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
