//! Events as rows of a table, for operators that count instead of reading a log. Like the log, never a secret
//! or a token.

use std::borrow::Cow;

use crate::log::event::{Decision, Event};

/// The names of the texts of a [`Count`], in order. Each is the field of the log line with this name.
pub const COUNTED: [&str; 13] = [
    "event",
    "outcome",
    "client",
    "reason",
    "secret_id",
    "audience",
    "endpoint",
    "kid",
    "network",
    "country",
    "proof.kind",
    "proof.id",
    "bound",
];

/// The longest text of a count, in bytes. Every client ID fits, and a longer text is cut.
const LONGEST: usize = 256;

/// The longest audience of a count, in bytes. Several fit.
const LONGEST_AUDIENCE: usize = 1024;

/// The longest name of a group, in bytes.
const LONGEST_GROUP: usize = 96;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count<'a> {
    /// The sampling group: a proven client, or a reason. When there are too many rows to keep, each group
    /// keeps equally many.
    pub group: Cow<'a, str>,
    /// The values of [`COUNTED`]. A value that this event does not have is empty.
    pub texts: [Cow<'a, str>; COUNTED.len()],
    /// The number of failures that the request survived.
    pub degraded: usize,
    /// The number of events that this row counts. More than 1 only for issued tokens
    /// ([`Tally`](crate::Tally)).
    pub times: u64,
    /// The time of the event, or of the first of them, in seconds since 1970.
    pub time: u64,
}

impl Event {
    /// The row of this event.
    pub fn count(&self) -> Count<'_> {
        let mut of = Columns::default();
        match self.decision() {
            Decision::Issued { client, proof, audience, kid, bound, .. } => {
                let audience = audience.join(" ");
                of = Columns {
                    client,
                    proof: proof.parts(),
                    audience: audience.into(),
                    kid,
                    bound: bound.unwrap_or_default(),
                    ..of
                };
            }
            Decision::Refused { endpoint, client, reason, .. } => {
                let client = client.as_deref().unwrap_or_default();
                of = Columns { client, reason, endpoint, ..of };
            }
            Decision::Introspected { client, proof, reason, .. } => {
                let reason = reason.unwrap_or_default();
                of = Columns { client, proof: proof.parts(), reason, ..of };
            }
            Decision::Revoked { client, proof, .. } => {
                of = Columns { client, proof: proof.parts(), ..of };
            }
            Decision::NotRevoked { client, proof, reason, .. } => {
                of = Columns { client, proof: proof.parts(), reason, ..of };
            }
            Decision::Unhealthy { reason, .. } => of = Columns { reason, ..of },
        }
        let (network, country) = (self.network.as_deref(), self.country.as_deref());
        let (network, country) = (network.unwrap_or_default(), country.unwrap_or_default());
        // A client that is not proven cannot choose the group. Otherwise strangers with many names could
        // crowd out other rows.
        let (proof_kind, proof_id) = of.proof;
        let secret_id = if proof_kind == "secret" { proof_id } else { "" };
        let group = if proof_kind.is_empty() { of.reason } else { of.client };
        let group = Cow::Borrowed(cut(group, LONGEST_GROUP));
        let [
            event,
            outcome,
            client,
            reason,
            secret_id,
            endpoint,
            kid,
            network,
            country,
            proof_kind,
            proof_id,
            bound,
        ] = [
            self.decision().name(),
            self.outcome.name(),
            of.client,
            of.reason,
            secret_id,
            of.endpoint,
            of.kid,
            network,
            country,
            proof_kind,
            proof_id,
            of.bound,
        ]
        .map(|text| Cow::Borrowed(cut(text, LONGEST)));
        let mut audience = of.audience.into_owned();
        audience.truncate(audience.floor_char_boundary(LONGEST_AUDIENCE));
        let audience = audience.into();
        Count {
            group,
            texts: [
                event, outcome, client, reason, secret_id, audience, endpoint, kid, network, country,
                proof_kind, proof_id, bound,
            ],
            degraded: self.degraded.len(),
            times: 1,
            time: self.time,
        }
    }
}

/// The columns that differ between events.
#[derive(Default)]
struct Columns<'a> {
    client: &'a str,
    reason: &'a str,
    /// What proved the client's identity: the kind and the ID.
    proof: (&'static str, &'a str),
    audience: Cow<'a, str>,
    endpoint: &'a str,
    kid: &'a str,
    bound: &'a str,
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}
