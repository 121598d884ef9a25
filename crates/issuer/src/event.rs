//! What happened, for the operator: returned by the issuer, written by the host. Never a secret or a token.

use serde::Serialize;

/// One decision about a token, or a failure to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event")]
pub enum Event {
    /// A token was issued.
    #[serde(rename = "token.issued")]
    Issued {
        /// When, in seconds since 1970.
        time: u64,
        /// The client's ID.
        client: String,
        /// Which of its secrets it used.
        secret_id: String,
        /// What was granted; empty for none.
        scope: String,
        /// The audience.
        audience: Vec<String>,
        /// The access token's `jti`.
        jti: String,
        /// The key that signed.
        kid: String,
        /// How long the token lives, in seconds.
        expires_in: u64,
        /// What the tokens look like.
        profile: &'static str,
        /// Whether an ID token was issued with it.
        id_token: bool,
    },
    /// A token, or an answer about one, was refused.
    #[serde(rename = "token.refused")]
    Refused {
        /// When, in seconds since 1970.
        time: u64,
        /// The client ID that was presented, if any; not proven.
        client: Option<String>,
        /// What the client was told: `error`.
        error: &'static str,
        /// The status.
        status: u16,
        /// Why, as a stable name.
        reason: &'static str,
        /// Why, as a sentence, with the mend where there is one.
        detail: String,
    },
    /// A client asked about a token (RFC 7662).
    #[serde(rename = "token.introspected")]
    Introspected {
        /// When, in seconds since 1970.
        time: u64,
        /// Who asked.
        caller: String,
        /// Whether the token is active.
        active: bool,
        /// The token's `jti`, when it is one of ours and in its time.
        jti: Option<String>,
        /// Why it is not active, as a stable name.
        reason: Option<&'static str>,
    },
    /// A client took back a token of its own (RFC 7009).
    #[serde(rename = "token.revoked")]
    Revoked {
        /// When, in seconds since 1970.
        time: u64,
        /// Whose token it was.
        client: String,
        /// The token's `jti`.
        jti: String,
    },
    /// A client wanted to take back what is no token that lives: nothing was to be done (RFC 7009 §2.2).
    #[serde(rename = "token.not_revoked")]
    NotRevoked {
        /// When, in seconds since 1970.
        time: u64,
        /// Who asked.
        client: String,
        /// Why there was nothing to revoke, as a stable name.
        reason: &'static str,
    },
    /// The health check failed.
    #[serde(rename = "health.failed")]
    Unhealthy {
        /// When, in seconds since 1970.
        time: u64,
        /// Why, as a sentence.
        detail: String,
    },
}

impl Event {
    /// Whether the operator has something to mend: such an event belongs into the error log.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Issued { .. }
            | Self::Introspected { .. }
            | Self::Revoked { .. }
            | Self::NotRevoked { .. } => false,
            Self::Refused { status, .. } => *status >= 500,
            Self::Unhealthy { .. } => true,
        }
    }
}
