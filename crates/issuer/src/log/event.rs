//! What happened, for the operator: returned by the issuer, written by the host. Never a secret or a token.

use serde::Serialize;

use crate::http::request::Request;
use crate::log::trail::Trail;

/// One line of the log: a decision, and the circumstances it was made in. Its fields are promised by
/// `docs/reference/audit-log.schema.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, in seconds since 1970.
    time: u64,
    #[serde(flatten)]
    decision: Decision,
    pub(crate) outcome: Outcome,
    /// The IPv4 address, or the /64 of IPv6, that the request came from.
    pub(crate) network: Option<String>,
    /// The country of that address.
    pub(crate) country: Option<String>,
    /// What the network in front of the host calls the request.
    ray: Option<String>,
    /// What failed that the request went on without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) degraded: Vec<String>,
}

/// How it ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Done, or answered, as asked.
    Ok,
    /// Refused, for what the request is or who it comes from.
    Refused,
    /// Not done, for what is the matter here.
    Failed,
}

impl Outcome {
    /// As the log has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// A decision about a token, or a failure to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event")]
pub enum Decision {
    /// A token was issued.
    #[serde(rename = "token.issued")]
    Issued {
        /// The client's ID.
        client: String,
        /// Which of its secrets it used.
        secret_id: String,
        /// By which grant.
        grant: &'static str,
        /// What was granted.
        scopes: Vec<String>,
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
        /// Which endpoint refused.
        endpoint: &'static str,
        /// The client ID that was presented, if any; not proven.
        client: Option<String>,
        /// What the client was told: `error`.
        error: &'static str,
        /// The status.
        status: u16,
        /// Why, as a stable name.
        reason: &'static str,
        /// Why, as a sentence, with the fix where there is one.
        detail: String,
    },
    /// A client asked about a token (RFC 7662).
    #[serde(rename = "token.introspected")]
    Introspected {
        /// Who asked.
        client: String,
        /// Which of its secrets it used.
        secret_id: String,
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
        /// Whose token it was.
        client: String,
        /// Which of its secrets it used.
        secret_id: String,
        /// The token's `jti`.
        jti: String,
    },
    /// A client wanted to take back what is no token that lives: nothing was to be done (RFC 7009 §2.2).
    #[serde(rename = "token.not_revoked")]
    NotRevoked {
        /// Who asked.
        client: String,
        /// Which of its secrets it used.
        secret_id: String,
        /// Why there was nothing to revoke, as a stable name.
        reason: &'static str,
    },
    /// The health check failed.
    #[serde(rename = "health.failed")]
    Unhealthy {
        /// Why, as a stable name.
        reason: &'static str,
        /// Why, as a sentence.
        detail: String,
    },
}

impl Decision {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Issued { .. }
            | Self::Introspected { .. }
            | Self::Revoked { .. }
            | Self::NotRevoked { .. } => Outcome::Ok,
            Self::Refused { status, .. } if *status < 500 => Outcome::Refused,
            Self::Refused { .. } | Self::Unhealthy { .. } => Outcome::Failed,
        }
    }
}

impl Event {
    /// Of `decision`, made about `request`.
    pub(crate) fn new(decision: Decision, request: &Request<'_>, trail: Trail) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            time: trail.now,
            outcome: decision.outcome(),
            decision,
            network: trail.network.clone(),
            country: owned(request.arrival.country()),
            ray: owned(request.arrival.ray()),
            degraded: trail.into_degraded(),
        }
    }

    /// Something failed of which the request knows nothing: its line says so.
    pub fn goes_on_without(&mut self, what: String) {
        self.degraded.push(what);
    }

    /// What was decided.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether the operator has something to fix: such an event belongs into the error log.
    pub fn is_failure(&self) -> bool {
        self.outcome == Outcome::Failed || !self.degraded.is_empty()
    }
}
