//! The error codes that clients are told, each with its status.

/// The error codes that `/token`, the endpoints below it, and `/auth` answer with (RFC 6749 §5.2, RFC 8707 §2; the last
/// three after RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed.
    InvalidRequest,
    /// The request is too large to be read at all.
    PayloadTooLarge,
    /// Client authentication failed.
    InvalidClient,
    /// What was presented was issued to another client.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The grant is not served here.
    UnsupportedGrantType,
    /// There is nothing that the authorization endpoint could answer with (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// The scope is unknown, malformed, or more than the client may have.
    InvalidScope,
    /// What the token is wanted for is unknown, malformed, or not for this client (RFC 8707 §2).
    InvalidTarget,
    /// The issuer failed, for this client.
    ServerError,
    /// Too much was tried that failed (RFC 6585 §4).
    TooManyRequests,
    /// The issuer cannot serve anyone just now.
    TemporarilyUnavailable,
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
            Self::ServerError => "server_error",
            Self::TooManyRequests | Self::TemporarilyUnavailable => "temporarily_unavailable",
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
            | Self::InvalidTarget => 400,
            Self::InvalidClient => 401,
            Self::PayloadTooLarge => 413,
            Self::TooManyRequests => 429,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }
}
