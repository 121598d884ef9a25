//! The error codes that clients get, each with its status.

/// The error codes of `/token`, the endpoints below it, and `/auth` (RFC 6749 §5.2, RFC 8707 §2; the last
/// three after RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed.
    InvalidRequest,
    /// The request is too large to be read.
    PayloadTooLarge,
    /// Client authentication failed.
    InvalidClient,
    /// The presented token was issued to another client.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The grant is not served here.
    UnsupportedGrantType,
    /// The authorization endpoint has no response type to offer (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// The scope is unknown, malformed, or more than the client may have.
    InvalidScope,
    /// The requested API is unknown, malformed, or not for this client (RFC 8707 §2).
    InvalidTarget,
    /// The DPoP proof is missing or not accepted (RFC 9449 §5).
    InvalidDpopProof,
    /// The DPoP proof needs another nonce (RFC 9449 §8).
    UseDpopNonce,
    /// The issuer failed for this client.
    ServerError,
    /// Too many failed attempts, or too many revocations (RFC 6585 §4).
    TooManyRequests,
    /// The issuer cannot serve any client at the moment.
    TemporarilyUnavailable,
    /// The same, when the next attempt is likely to succeed.
    BrieflyUnavailable,
}

impl ErrorCode {
    /// The value of `error`.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::PayloadTooLarge => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::ServerError => "server_error",
            Self::TooManyRequests | Self::TemporarilyUnavailable | Self::BrieflyUnavailable => {
                "temporarily_unavailable"
            }
        }
    }

    /// The HTTP status (RFC 6749 §5.2: 400, and 401 for `invalid_client`).
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::InvalidDpopProof
            | Self::UseDpopNonce => 400,
            Self::InvalidClient => 401,
            Self::PayloadTooLarge => 413,
            Self::TooManyRequests => 429,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable | Self::BrieflyUnavailable => 503,
        }
    }
}
