//! Checks of the client records: clients that get no token now or soon, and imported secrets.

use std::collections::BTreeMap;

use edgemint_issuer::{ClientId, ClientRecord};
use edgemint_printable::shell;

use crate::commands::check::findings::{Level, Scope};
use crate::records::kv::Stored;
use crate::records::new_client;
use crate::records::view::State;
use crate::terminal::when;
use crate::terminal::words::{counted, some_of};

/// The check reports a client if its last secret expires within this time: two weeks, in seconds.
const SOON: u64 = 14 * 24 * 3600;

/// Judges the records of one target.
pub(crate) fn judge(stored: &BTreeMap<ClientId, Stored>, now: u64, findings: &mut Scope<'_>) {
    let mut imported = Vec::new();
    for (id, stored) in stored {
        match stored {
            Ok(record) => {
                secrets(id, record, now, findings);
                if let Some(message) = new_client::refused_id(id) {
                    findings.add(
                        Level::Warning,
                        &id.kv_key(),
                        format!("could be confused with another client: {message}"),
                    );
                }
                if let Some(message) = new_client::refused_secrets(record, now) {
                    let revoke = format!(
                        "Revoke some with `edgemint client revoke-secret` ({})",
                        some_of(&slow(record, now))
                    );
                    findings.add(
                        Level::Warning,
                        &id.kv_key(),
                        format!("has too many secrets: {message}. {revoke}"),
                    );
                }
                if new_client::live_slow_hashes(record, now).next().is_some() {
                    imported.push(id.as_str());
                }
            }
            Err(error) => findings.add(
                Level::Error,
                &id.kv_key(),
                format!("cannot be read, so this client gets no token: {error}"),
            ),
        }
    }
    if !imported.is_empty() {
        let names = some_of(&imported);

        findings.add(
            Level::Warning,
            "CLIENTS",
            format!(
                "contains {} with imported secrets. A person may have chosen them, and they cost more CPU time to \
                 verify. Replace them with `edgemint client rotate-secret` ({names})",
                counted(imported.len(), "client")
            ),
        );
    }
}

fn secrets(id: &ClientId, record: &ClientRecord, now: u64, findings: &mut Scope<'_>) {
    // A disabled or public client gets no token, whatever its secrets are.
    if State::of(record) != State::Active {
        return;
    }
    let name = shell::last(id.as_str());
    let rotate = format!("Run `edgemint client rotate-secret {name}` to add one");
    let mut add = |message: String| findings.add(Level::Warning, &id.kv_key(), message);
    if !record.can_authenticate() {
        add(format!(
            "has no secret and gets no token. {rotate}, or add a key with `edgemint client key add {name}` or a workload \
             with `edgemint client trust {name}`"
        ));
        return;
    }
    // The other checks report keys, rules and certificates that do not work.
    if new_client::has_other_way(record) {
        return;
    }
    let live = record.secrets.iter().filter(|secret| secret.is_live(now));
    // Only the last secret to expire counts. After a rotation, older secrets expire before it as intended.
    let last = live.map(|secret| secret.expires.unwrap_or(u64::MAX)).max();
    match last {
        None => add(format!("has no valid secret and gets no token. {rotate}")),
        Some(expires) if expires - now < SOON => add(format!(
            "has no valid secret after {} ({}). {rotate}",
            when::utc(expires),
            when::from_now(expires, now)
        )),
        Some(_) => {}
    }
}

/// The IDs of the valid secrets with slow hashes.
fn slow(record: &ClientRecord, now: u64) -> Vec<&str> {
    new_client::live_slow_hashes(record, now).map(|secret| secret.id.as_str()).collect()
}
