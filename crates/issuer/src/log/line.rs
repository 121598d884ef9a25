//! Events as lines of the log: one JSON object each, in the form of `docs/reference/audit-log.schema.json`.

use crate::grammar::json::Object;
use crate::log::count::COUNTED;
use crate::log::event::{Decision, Event, Proof};
use crate::log::tally::Counted;

impl Event {
    /// The line of this event, without a line break.
    pub fn line(&self) -> String {
        // Large enough for most lines. A buffer that grows is copied each time.
        let mut line = Object::with_capacity(512);
        line.number("time", self.time);
        line.plain("event", self.decision().name());
        self.decision().write_to(&mut line);
        line.plain("outcome", self.outcome.name());
        line.nullable("network", self.network.as_deref());
        line.nullable("country", self.country.as_deref());
        line.nullable("ray", self.ray.as_deref());
        if let Some(assertion) = &self.assertion {
            line.foreign("assertion", assertion);
        }
        if !self.degraded.is_empty() {
            line.strings("degraded", &self.degraded);
        }
        line.end()
    }
}

impl Decision {
    fn write_to(&self, line: &mut Object) {
        match self {
            Self::Issued {
                client,
                proof,
                grant,
                scopes,
                audience,
                jti,
                kid,
                expires_in,
                profile,
                id_token,
                bound,
            } => {
                line.string("client", client);
                proof.write_to(line);
                line.plain("grant", grant);
                line.strings("scopes", scopes);
                line.strings("audience", audience);
                line.plain("jti", jti);
                line.string("kid", kid);
                line.number("expires_in", *expires_in);
                line.plain("profile", profile);
                line.boolean("id_token", *id_token);
                line.optional("bound", *bound);
            }
            Self::Refused { endpoint, client, error, status, reason, detail } => {
                line.plain("endpoint", endpoint);
                line.nullable("client", client.as_deref());
                line.plain("error", error);
                line.number("status", u64::from(*status));
                line.plain("reason", reason);
                line.string("detail", detail);
            }
            Self::Introspected { client, proof, active, jti, reason } => {
                line.string("client", client);
                proof.write_to(line);
                line.boolean("active", *active);
                line.nullable("jti", jti.as_deref());
                line.nullable("reason", *reason);
            }
            Self::Revoked { client, proof, jti } => {
                line.string("client", client);
                proof.write_to(line);
                line.string("jti", jti);
            }
            Self::NotRevoked { client, proof, reason } => {
                line.string("client", client);
                proof.write_to(line);
                line.plain("reason", reason);
            }
            Self::Unhealthy { reason, detail } => {
                line.plain("reason", reason);
                line.string("detail", detail);
            }
        }
    }
}

impl Proof {
    /// In the log it is `proof`, with `id` and `kind`. A secret also has the older field `secret_id`.
    fn write_to(&self, line: &mut Object) {
        let (kind, id) = self.parts();
        if matches!(self, Self::Secret(_)) {
            line.string("secret_id", id);
        }
        proof(line, kind, id);
    }
}

impl Counted {
    /// The log line of these tokens, if their row was not accepted because of `why`. So they are not lost.
    pub fn line(&self, why: &str) -> String {
        let column = |name: &str| {
            let at = COUNTED.iter().position(|column| *column == name);
            at.and_then(|at| self.row.texts.get(at)).map_or("", AsRef::as_ref)
        };
        let mut line = Object::with_capacity(512);
        line.number("time", self.row.time);
        line.plain("event", "tokens.counted");
        line.plain("outcome", column("outcome"));
        line.number("tokens", self.row.times);
        line.string("client", column("client"));
        proof(&mut line, column("proof.kind"), column("proof.id"));
        line.strings("audience", &self.audience);
        line.string("kid", column("kid"));
        line.optional("bound", Some(column("bound")).filter(|bound| !bound.is_empty()));
        line.strings("degraded", &[why]);
        line.end()
    }
}

/// Adds what proved the client.
fn proof(line: &mut Object, kind: &str, id: &str) {
    let mut proof = Object::with_capacity(64);
    proof.string("id", id);
    proof.plain("kind", kind);
    line.object("proof", proof);
}
