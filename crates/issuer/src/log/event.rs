//! Events for the operator: the issuer returns them, and the host writes them. Never a secret or a token.

use crate::http::request::Request;
use crate::log::seen::SeenAssertion;
use crate::log::trail::Trail;

/// One line of the log: a decision and its circumstances. `docs/reference/audit-log.schema.json` promises its
/// fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The time, in seconds since 1970.
    pub(crate) time: u64,
    decision: Decision,
    pub(crate) outcome: Outcome,
    /// The network of the sender: an IPv4 address, or an IPv6 /64.
    pub(crate) network: Option<String>,
    /// The country of that address.
    pub(crate) country: Option<String>,
    /// The ID that the network in front of the host gave the request.
    pub(crate) ray: Option<String>,
    /// The client's assertion, if it presented one.
    pub(crate) assertion: Option<Box<SeenAssertion>>,
    /// The failures that the request survived.
    pub(crate) degraded: Vec<String>,
}

/// The outcome, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done or answered, as requested.
    Ok,
    /// Refused because of the request or its sender.
    Refused,
    /// Not done because of a problem on our side.
    Failed,
}

impl Outcome {
    /// The outcome's name in the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// A decision about a token, or a failure to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A token was issued.
    Issued {
        /// The client's ID.
        client: String,
        /// What proved its identity.
        proof: Proof,
        /// The grant type.
        grant: &'static str,
        /// The granted scopes.
        scopes: Vec<String>,
        /// The audience.
        audience: Vec<String>,
        /// The access token's `jti`.
        jti: String,
        /// The key ID of the key that signed.
        kid: String,
        /// The lifetime of the token, in seconds.
        expires_in: u64,
        /// The format of the tokens.
        profile: &'static str,
        /// Whether an ID token was issued, too.
        id_token: bool,
        /// What the access token is bound to: `dpop` or `mtls`.
        bound: Option<&'static str>,
    },
    /// The issuer refused a token, or an answer about one.
    Refused {
        /// The endpoint that refused.
        endpoint: &'static str,
        /// The presented client ID, if any. It is not proven.
        client: Option<String>,
        /// The `error` that the client got.
        error: &'static str,
        /// The status.
        status: u16,
        /// The reason, as a stable name.
        reason: &'static str,
        /// The reason as a sentence, with the fix where there is one.
        detail: String,
    },
    /// A client asked about a token (RFC 7662).
    Introspected {
        /// The client that asked.
        client: String,
        /// What proved its identity.
        proof: Proof,
        /// Whether the token is active.
        active: bool,
        /// The token's `jti`, when it is one of ours and within its time.
        jti: Option<String>,
        /// Why it is not active, as a stable name.
        reason: Option<&'static str>,
    },
    /// A client revoked a token of its own (RFC 7009).
    Revoked {
        /// The client that owned the token.
        client: String,
        /// What proved its identity.
        proof: Proof,
        /// The token's `jti`.
        jti: String,
    },
    /// A client wanted to revoke something that is not a live token, so there was nothing to do (RFC 7009
    /// §2.2).
    NotRevoked {
        /// The client that asked.
        client: String,
        /// What proved its identity.
        proof: Proof,
        /// Why there was nothing to revoke, as a stable name.
        reason: &'static str,
    },
    /// The health check failed.
    Unhealthy {
        /// The reason, as a stable name.
        reason: &'static str,
        /// The reason, as a sentence.
        detail: String,
    },
}

/// What proved the identity of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The secret with this ID.
    Secret(String),
    /// The client's own key with this ID.
    Key(String),
    /// The identity token of a workload, by the rule with this ID.
    Identity(String),
    /// The client's certificate with this ID.
    Certificate(String),
}

impl Proof {
    /// Its kind, and its ID.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Secret(id) => ("secret", id),
            Self::Key(id) => ("key", id),
            Self::Identity(id) => ("identity", id),
            Self::Certificate(id) => ("certificate", id),
        }
    }
}

impl Decision {
    /// The event's name in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "token.issued",
            Self::Refused { .. } => "token.refused",
            Self::Introspected { .. } => "token.introspected",
            Self::Revoked { .. } => "token.revoked",
            Self::NotRevoked { .. } => "token.not_revoked",
            Self::Unhealthy { .. } => "health.failed",
        }
    }

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
    /// Creates the event of `decision` about `request`.
    pub(crate) fn new(decision: Decision, request: &Request<'_>, trail: Trail) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (time, network) = (trail.now, trail.network.clone());
        let (degraded, assertion) = trail.into_parts();
        Self {
            time,
            outcome: decision.outcome(),
            decision,
            network,
            country: owned(request.arrival.country()),
            ray: owned(request.arrival.ray()),
            assertion,
            degraded,
        }
    }

    /// Adds a failure outside the request, so the log line lists it.
    pub fn goes_on_without(&mut self, what: String) {
        self.degraded.push(what);
    }

    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether the operator has something to fix. Such an event belongs in the error log.
    pub fn is_failure(&self) -> bool {
        self.outcome == Outcome::Failed || !self.degraded.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_failure_of_ours_only_if_its_status_says_so() {
        let outcome = |status| {
            let decision = Decision::Refused {
                endpoint: "token",
                client: None,
                error: "error",
                status,
                reason: "reason",
                detail: String::new(),
            };
            decision.outcome()
        };
        for status in [400, 401, 413, 429, 499] {
            assert_eq!(outcome(status), Outcome::Refused, "{status}");
        }
        for status in [500, 503] {
            assert_eq!(outcome(status), Outcome::Failed, "{status}");
        }
    }
}
