//! What `edgemint check` finds in the client records: those that get no token, soon or now, and weak hashes.

use std::collections::BTreeMap;

use edgemint_issuer::{ClientId, ClientRecord};
use edgemint_printable::shell;

use crate::commands::check::findings::{Level, Scope};
use crate::records::kv::Stored;
use crate::records::new_client;
use crate::records::view::State;
use crate::terminal::when;
use crate::terminal::words::some_of;

/// A client whose last secret expires within this time is told, in seconds: two weeks.
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
                        format!("may be taken for another client: {message}"),
                    );
                }
                if let Some(message) = new_client::refused_secrets(record, now) {
                    let revoke = format!(
                        "`edgemint client revoke-secret` takes some away ({})",
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
                format!("cannot be read, so that this client gets no token: {error}"),
            ),
        }
    }
    if !imported.is_empty() {
        let names = some_of(&imported);
        let clients = if imported.len() == 1 { "client has" } else { "clients have" };
        findings.add(
            Level::Warning,
            "CLIENTS",
            format!(
                "{} {clients} imported secrets, which somebody may have chosen and which cost more to check: replace them with \
                 `edgemint client rotate-secret` ({names})",
                imported.len()
            ),
        );
    }
}

fn secrets(id: &ClientId, record: &ClientRecord, now: u64, findings: &mut Scope<'_>) {
    // A client that gets no token whatever its secrets are.
    if State::of(record) != State::Active {
        return;
    }
    let rotate = format!("`edgemint client rotate-secret {}` makes one", shell::last(id.as_str()));
    let live = record.secrets.iter().filter(|secret| secret.is_live(now));
    // The last of them to expire: that an older one goes earlier is what a rotation is.
    let last = live.map(|secret| secret.expires.unwrap_or(u64::MAX)).max();
    match last {
        None if record.secrets.is_empty() => {
            findings.add(Level::Warning, &id.kv_key(), format!("has no secret, and gets no token: {rotate}"));
        }
        None => findings.add(
            Level::Warning,
            &id.kv_key(),
            format!("has no secret that still works, and gets no token: {rotate}"),
        ),
        Some(expires) if expires - now < SOON => findings.add(
            Level::Warning,
            &id.kv_key(),
            format!(
                "has no secret that works after {} ({}): {rotate}",
                when::utc(expires),
                when::from_now(expires, now)
            ),
        ),
        Some(_) => {}
    }
}

/// The secrets that work and have slow hashes, by their IDs.
fn slow(record: &ClientRecord, now: u64) -> Vec<&str> {
    new_client::live_slow_hashes(record, now).map(|secret| secret.id.as_str()).collect()
}
