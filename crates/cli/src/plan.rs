//! What an import would change: from what is stored and what the file says to what is to be written.
//! Decides, and touches nothing.

use edgemint_issuer::{ClientRecord, SecretHash, StoredSecret};
use serde::Serialize;

use crate::dex::{DexClient, Refused};
use crate::hashing::Secret;
use crate::kv::Stored;

/// What the IDs of imported secrets begin with; a number follows. Those of generated ones do not.
const IMPORTED: &str = "dex";

/// What becomes of one entry of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Added,
    Updated,
    Unchanged,
    Refused,
}

/// One entry of a file, and what is to be written because of it.
#[derive(Debug, Serialize)]
pub(crate) struct Planned {
    /// Which of the file's clients it is; the first is 1.
    pub(crate) entry: usize,
    pub(crate) id: Option<String>,
    pub(crate) result: Verdict,
    /// What differs from what is stored, by the record's field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) warnings: Vec<String>,
    #[serde(skip)]
    pub(crate) record: Option<ClientRecord>,
}

impl Planned {
    pub(crate) fn refused(Refused { entry, id, reason }: Refused) -> Self {
        let result = Verdict::Refused;
        Self {
            entry,
            id,
            result,
            changes: Vec::new(),
            reason: Some(reason),
            warnings: Vec::new(),
            record: None,
        }
    }

    fn refuse(entry: usize, id: &str, reason: String) -> Self {
        Self::refused(Refused { entry, id: Some(id.to_owned()), reason })
    }

    /// `record` instead of `stored`; nothing when they do not differ.
    fn write(
        entry: usize,
        stored: Option<&ClientRecord>,
        record: ClientRecord,
        changes: Vec<&'static str>,
        warnings: Vec<String>,
    ) -> Self {
        // The Worker's own parser has the last word: it also knows how long a record may be.
        if let Err(error) = ClientRecord::parse(&record.id, &record.to_json()) {
            return Self::refuse(entry, record.id.as_str(), format!("its record cannot be stored: {error}"));
        }
        let result = match stored {
            None => Verdict::Added,
            Some(_) if changes.is_empty() => Verdict::Unchanged,
            Some(_) => Verdict::Updated,
        };
        let id = Some(record.id.as_str().to_owned());
        let record = (result != Verdict::Unchanged).then_some(record);
        Self { entry, id, result, changes, reason: None, warnings, record }
    }
}

/// What becomes of a dex client. `hash` makes what is stored of a secret; it is asked only when one changes.
pub(crate) fn dex_client(
    client: &DexClient,
    stored: Option<&Stored>,
    now: u64,
    hash: &dyn Fn(&Secret) -> SecretHash,
) -> Planned {
    let stored = match stored.map(Result::as_ref).transpose() {
        Ok(stored) => stored,
        Err(error) => {
            let reason = format!(
                "what is stored of it cannot be read ({error}): `edgemint client remove` clears the way"
            );
            return Planned::refuse(client.entry, client.id.as_str(), reason);
        }
    };
    let mut warnings = client.warnings.clone();
    let mut record = stored.cloned().unwrap_or_else(|| ClientRecord::new(client.id.clone(), ""));
    let mut changes = Vec::new();
    let mut set = |name, differs: bool| {
        if differs {
            changes.push(name);
        }
    };
    set("name", record.name != client.name);
    record.name.clone_from(&client.name);
    set("public", record.public != client.public);
    record.public = client.public;
    set("groups", record.groups != client.groups);
    record.groups.clone_from(&client.groups);
    set("trusted_peers", record.trusted_peers != client.trusted_peers);
    record.trusted_peers.clone_from(&client.trusted_peers);

    let matching = |secret: &Secret| {
        let known = stored.map(|stored| stored.secrets.as_slice()).unwrap_or_default();
        known.iter().find(|known| secret.matches(&known.hash))
    };
    match &client.secret {
        Some(secret) => match matching(secret) {
            Some(known) if known.expires.is_some_and(|expires| expires <= now) => warnings.push(format!(
                "its secret was rotated out here and has expired (as {}): it is not brought back",
                known.id
            )),
            Some(_) => {}
            None => {
                let next = next_id(&record.secrets);
                record.secrets.retain(|known| !is_imported(known));
                record.secrets.push(StoredSecret {
                    id: next,
                    created: now,
                    expires: None,
                    hash: hash(secret),
                });
                changes.push("secrets");
            }
        },
        // A public client has no secret. Any other may have got one here that its file does not know of.
        None if client.public && record.secrets.iter().any(is_imported) => {
            record.secrets.retain(|known| !is_imported(known));
            changes.push("secrets");
        }
        None => {}
    }
    if stored.is_some() && !changes.is_empty() {
        record.revision = record.revision.saturating_add(1);
    }
    Planned::write(client.entry, stored, record, changes, warnings)
}

/// What becomes of a record of a backup: it goes in as it is.
pub(crate) fn record(entry: usize, record: ClientRecord, stored: Option<&Stored>) -> Planned {
    let stored = stored.map(Result::as_ref);
    let same = matches!(stored, Some(Ok(stored)) if stored.to_json() == record.to_json());
    let changes = if same || stored.is_none() { Vec::new() } else { vec!["record"] };
    // One that cannot be read is replaced, too: that is what a backup is for.
    let stored = stored.map(|stored| stored.unwrap_or(&record).clone());
    Planned::write(entry, stored.as_ref(), record, changes, Vec::new())
}

fn is_imported(secret: &StoredSecret) -> bool {
    number(secret).is_some()
}

fn number(secret: &StoredSecret) -> Option<u32> {
    secret.id.strip_prefix(IMPORTED)?.parse().ok()
}

/// An ID that no secret of the record has had lately, so that logs do not mistake one for the other.
fn next_id(secrets: &[StoredSecret]) -> String {
    let last = secrets.iter().filter_map(number).max().unwrap_or(0);
    format!("{IMPORTED}{}", last.saturating_add(1))
}
