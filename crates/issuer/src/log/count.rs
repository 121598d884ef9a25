//! What happened as one row of a table, for who counts instead of reading a log. Like the log, never a secret or a token.

use std::borrow::Cow;

use crate::log::event::{Decision, Event};

/// What the texts of a [`Count`] are, in order: each is the field of the log line that has this name.
pub const COUNTED: [&str; 10] = [
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
];

/// The longest text of a count, in bytes: room for every client ID. What is longer is cut off.
const LONGEST: usize = 256;

/// The longest audience of a count, in bytes: several.
const LONGEST_AUDIENCE: usize = 1024;

/// The longest name of a group, in bytes.
const LONGEST_GROUP: usize = 96;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count<'a> {
    /// Where there are too many rows to keep them all, each group keeps as many: a client that is proven, or a reason.
    pub group: Cow<'a, str>,
    /// The values of [`COUNTED`]; empty for what this event does not have.
    pub texts: [Cow<'a, str>; COUNTED.len()],
    /// How much failed that the request went on without.
    pub degraded: usize,
}

impl Event {
    /// The row of this event.
    pub fn count(&self) -> Count<'_> {
        let mut of = Columns::default();
        match self.decision() {
            Decision::Issued { client, secret_id, audience, kid, .. } => {
                let audience = audience.join(" ");
                of = Columns {
                    event: "token.issued",
                    client,
                    secret_id,
                    audience: audience.into(),
                    kid,
                    ..of
                };
            }
            Decision::Refused { endpoint, client, reason, .. } => {
                let client = client.as_deref().unwrap_or_default();
                of = Columns { event: "token.refused", client, reason, endpoint, ..of };
            }
            Decision::Introspected { client, secret_id, reason, .. } => {
                let reason = reason.unwrap_or_default();
                of = Columns { event: "token.introspected", client, secret_id, reason, ..of };
            }
            Decision::Revoked { client, secret_id, .. } => {
                of = Columns { event: "token.revoked", client, secret_id, ..of };
            }
            Decision::NotRevoked { client, secret_id, reason } => {
                of = Columns { event: "token.not_revoked", client, secret_id, reason, ..of };
            }
            Decision::Unhealthy { reason, .. } => of = Columns { event: "health.failed", reason, ..of },
        }
        let (network, country) = (self.network.as_deref(), self.country.as_deref());
        let (network, country) = (network.unwrap_or_default(), country.unwrap_or_default());
        // Who is not proven chooses nothing of it: strangers with many names crowd out nobody.
        let group = if of.secret_id.is_empty() { of.reason } else { of.client };
        let group = Cow::Borrowed(cut(group, LONGEST_GROUP));
        let [event, outcome, client, reason, secret_id, endpoint, kid, network, country] = [
            of.event,
            self.outcome.name(),
            of.client,
            of.reason,
            of.secret_id,
            of.endpoint,
            of.kid,
            network,
            country,
        ]
        .map(|text| Cow::Borrowed(cut(text, LONGEST)));
        let mut audience = of.audience;
        if audience.len() > LONGEST_AUDIENCE {
            audience = cut(&audience, LONGEST_AUDIENCE).to_owned().into();
        }
        Count {
            group,
            texts: [event, outcome, client, reason, secret_id, audience, endpoint, kid, network, country],
            degraded: self.degraded.len(),
        }
    }
}

/// What differs from event to event.
#[derive(Default)]
struct Columns<'a> {
    event: &'a str,
    client: &'a str,
    reason: &'a str,
    secret_id: &'a str,
    audience: Cow<'a, str>,
    endpoint: &'a str,
    kid: &'a str,
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}
