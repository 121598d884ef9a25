//! What happened, for the operator: returned by the issuer, written by the host. Never a secret or a token.

use serde::Serialize;

/// One decision of the token endpoint, or a failure to serve.
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
    /// A token was refused.
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
            Self::Issued { .. } => false,
            Self::Refused { status, .. } => *status >= 500,
            Self::Unhealthy { .. } => true,
        }
    }
}
