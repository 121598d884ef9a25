//! Decides what an import changes, from the stored records and the file. This module has no side effects.

use edgemint_dex_import::hashing::Secret;
use edgemint_dex_import::{DexClient, Refused};
use edgemint_issuer::{ClientRecord, SecretHash, StoredSecret};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::records::kind::Kind;
use crate::records::kv::Stored;
use crate::records::secret_ids::{is_imported, next_id};

/// The decision about one entry of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Added,
    Updated,
    Unchanged,
    Refused,
}

/// One entry of a file, and the record to write for it.
#[derive(Debug, Serialize)]
pub(crate) struct Planned<R = ClientRecord> {
    /// The number of the entry among those of its kind. The first is 1.
    pub(crate) entry: usize,
    /// The ID. `None` if the entry has none, or if the ID comes from a variable, whose value is never shown.
    pub(crate) id: Option<String>,
    /// The variable that contains the ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_env: Option<String>,
    pub(crate) result: Verdict,
    /// The fields that differ from the stored record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<String>,
    /// Why the entry was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Whether the record has a secret after the import. `None` if the entry is rejected, or if its kind cannot have
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) has_secret: Option<bool>,
    pub(crate) warnings: Vec<String>,
    #[serde(skip)]
    pub(crate) record: Option<R>,
}

impl<R: Kind> Planned<R> {
    pub(crate) fn refused(Refused { entry, id, id_env, reason }: Refused) -> Self {
        Self {
            entry,
            id: id.filter(|_| id_env.is_none()),
            id_env,
            result: Verdict::Refused,
            changes: Vec::new(),
            reason: Some(reason),
            has_secret: None,
            warnings: Vec::new(),
            record: None,
        }
    }

    /// Rejects the entry after it was planned.
    pub(crate) fn refuse_at_last(&mut self, reason: String) {
        let (id, id_env) = (self.id.take(), self.id_env.take());
        *self = Self::refused(Refused { entry: self.entry, id, id_env, reason });
    }

    fn refuse(entry: usize, id: &R::Id, id_env: Option<String>, reason: String) -> Self {
        Self::refused(Refused { entry, id: Some(id.to_string()), id_env, reason })
    }

    /// Plans to write `record` in place of `stored`, unless there are no changes.
    fn write(
        entry: usize,
        id_env: Option<String>,
        stored: Option<&R>,
        record: R,
        changes: Vec<String>,
        warnings: Vec<String>,
    ) -> Self {
        // The Worker's parser must accept the record. It also checks the maximum size.
        if let Err(error) = R::parse(record.id(), &record.to_json()) {
            return Self::refuse(entry, record.id(), id_env, format!("the record cannot be stored: {error}"));
        }
        let result = match stored {
            None => Verdict::Added,
            Some(_) if changes.is_empty() => Verdict::Unchanged,
            Some(_) => Verdict::Updated,
        };
        Self {
            entry,
            id: id_env.is_none().then(|| record.id().to_string()),
            id_env,
            result,
            changes,
            reason: None,
            has_secret: record.has_secret(),
            warnings,
            record: (result != Verdict::Unchanged).then_some(record),
        }
    }
}

/// Plans the import of a dex client. `hash` computes the hash to store, only for a secret that changes.
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
                "its stored record cannot be read ({error}). Delete the record first, with `edgemint client remove`"
            );
            return Planned::refuse(client.entry, &client.id, client.id_env.clone(), reason);
        }
    };
    let mut warnings = client.warnings.clone();
    let mut record = stored.cloned().unwrap_or_else(|| ClientRecord::new(client.id.clone(), ""));
    let mut changes = Vec::new();
    let mut set = |name: &str, differs: bool| {
        if differs {
            changes.push(String::from(name));
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
                "its secret was rotated in edgemint and has expired (as {}), so it is not added again",
                known.id
            )),
            Some(_) => {}
            None => {
                let next = next_id(&record.secrets, stored);
                record.secrets.retain(|known| !is_imported(known));
                record.secrets.push(StoredSecret {
                    id: next,
                    created: now,
                    expires: None,
                    hash: hash(secret),
                });
                changes.push("secrets".to_owned());
            }
        },
        // A public client has no secret. Any other client may have a generated secret that the file does not contain.
        None if client.public && record.secrets.iter().any(is_imported) => {
            record.secrets.retain(|known| !is_imported(known));
            changes.push("secrets".to_owned());
        }
        None => {}
    }
    if stored.is_some() && !changes.is_empty() {
        record.revision = record.revision.saturating_add(1);
    }
    Planned::write(client.entry, client.id_env.clone(), stored, record, changes, warnings)
}

/// Plans the restoration of a record of a backup, which is written unchanged.
pub(crate) fn record<R: Kind>(entry: usize, record: R, stored: Option<&Stored<R>>) -> Planned<R> {
    let stored = stored.map(Result::as_ref);
    let changes = match &stored {
        Some(Ok(stored)) => differing(Some(*stored), &record),
        Some(Err(_)) => vec!["an unreadable record is replaced".to_owned()],
        None => differing(None, &record),
    };
    // A backup also replaces unreadable records.
    let stored = stored.map(|stored| stored.unwrap_or(&record).clone());
    Planned::write(entry, None, stored.as_ref(), record, changes, Vec::new())
}

/// The fields that differ between `record` and the stored one. For a new record, the fields that are not empty.
fn differing<R: Kind>(stored: Option<&R>, record: &R) -> Vec<String> {
    let fields =
        |record: &R| serde_json::from_str::<Map<String, Value>>(&record.to_json()).unwrap_or_default();
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    };
    let new = fields(record);
    let Some(stored) = stored else {
        let of_every_record = |name: &str| matches!(name, "v" | "id" | "revision");
        let said = new.iter().filter(|(name, value)| !of_every_record(name) && !says_nothing(value));
        return said.map(|(name, _)| name.clone()).collect();
    };
    let old = fields(stored);
    let mut names: Vec<&String> =
        new.keys().chain(old.keys().filter(|name| !new.contains_key(*name))).collect();
    names.retain(|name| new.get(*name) != old.get(*name));
    names.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1000;

    fn file(text: &str) -> Vec<DexClient> {
        let asked = edgemint_dex_import::Asked { file: "dex.yaml", variable: &|_| None, literal: &[] };
        let file = edgemint_dex_import::read(text, &asked).unwrap_or_else(|error| panic!("{error}"));
        file.entries.into_iter().flatten().collect()
    }

    fn planned(text: &str, stored: Option<&ClientRecord>) -> Planned {
        let stored = stored.cloned().map(Ok);
        dex_client(&file(&format!("[{text}]"))[0], stored.as_ref(), NOW, &Secret::fast_hash)
    }

    /// The verdict, the changes, and the IDs of the secrets after the import.
    fn told(planned: &Planned, before: Option<&ClientRecord>) -> String {
        let record = planned.record.as_ref().or(before);
        let secrets = record.map(|r| r.secrets.iter().map(|s| s.id.as_str()).collect::<Vec<_>>().join(" "));
        format!("{:?} [{}] {}", planned.result, planned.changes.join(" "), secrets.unwrap_or_default())
    }

    fn stored_secret(id: &str, secret: &str, expires: Option<u64>) -> StoredSecret {
        let hash = Secret::new(secret.to_owned()).fast_hash();
        StoredSecret { id: id.to_owned(), created: 1, expires, hash }
    }

    const CLIENT: &str =
        "{id: a, name: A, secret: s, trustedPeers: [b], clientCredentialsClaims: {groups: [g, h]}}";

    fn imported() -> ClientRecord {
        planned(CLIENT, None).record.expect("it is added")
    }

    #[test]
    fn a_new_client_is_added_with_all_that_the_file_says() {
        let plan = planned(CLIENT, None);
        assert_eq!(told(&plan, None), "Added [name groups trusted_peers secrets] dex");
        assert_eq!(plan.has_secret, Some(true));
        let record = imported();
        assert_eq!((record.revision, record.disabled, record.token_lifetime), (1, false, None));
        assert_eq!((record.secrets[0].created, record.secrets[0].expires), (NOW, None));
    }

    #[test]
    fn the_same_file_again_changes_nothing() {
        let record = imported();
        let again = planned(CLIENT, Some(&record));
        assert_eq!(told(&again, Some(&record)), "Unchanged [] dex");
        assert!(again.record.is_none(), "and nothing is written");
    }

    #[test]
    fn what_the_file_does_not_speak_of_is_kept() {
        let mut record = imported();
        (record.disabled, record.token_lifetime, record.revision) = (true, Some(60), 7);
        record.not_before = Some(NOW);
        let api = edgemint_issuer::ApiId::parse("https://a/").expect("an ID");
        record.grants.insert(api, Vec::new());
        record.secrets.insert(0, stored_secret("s1", "generated", None));
        let plan =
            planned(&CLIENT.replace("secret: s", "secret: t").replace("name: A", "name: B"), Some(&record));
        assert_eq!(told(&plan, None), "Updated [name secrets] s1 dex8");
        let written = plan.record.expect("it is updated");
        assert_eq!((written.disabled, written.token_lifetime, written.revision), (true, Some(60), 8));
        assert_eq!((written.grants.len(), written.not_before), (1, Some(NOW)));
        let third = planned(&CLIENT.replace("secret: s", "secret: u"), Some(&written));
        assert_eq!(told(&third, None), "Updated [name secrets] s1 dex9");
    }

    #[test]
    fn each_difference_is_named() {
        let record = imported();
        for (from, to, changed) in [
            ("name: A", "name: B", "Updated [name] dex"),
            ("[b]", "[]", "Updated [trusted_peers] dex"),
            ("[g, h]", "[h, g]", "Updated [groups] dex"),
            ("secret: s", "public: true", "Updated [public secrets] "),
            ("secret: s", "public: false", "Unchanged [] dex"),
        ] {
            let plan = planned(&CLIENT.replace(from, to), Some(&record));
            assert_eq!(told(&plan, Some(&record)), changed);
        }
    }

    #[test]
    fn a_generated_secret_that_the_file_knows_is_not_stored_twice() {
        let mut record = imported();
        record.secrets = vec![stored_secret("s1", "s", None)];
        assert_eq!(told(&planned(CLIENT, Some(&record)), Some(&record)), "Unchanged [] s1");
    }

    #[test]
    fn a_secret_that_was_rotated_out_is_not_brought_back() {
        let mut record = imported();
        record.secrets = vec![stored_secret("dex", "s", Some(NOW)), stored_secret("s1", "new", None)];
        let plan = planned(CLIENT, Some(&record));
        assert_eq!(told(&plan, Some(&record)), "Unchanged [] dex s1");
        assert!(plan.warnings[0].contains("not added again"), "{:?}", plan.warnings);
        // While the old secret is valid, there is nothing to warn about.
        record.secrets[0].expires = Some(NOW + 1);
        assert!(planned(CLIENT, Some(&record)).warnings.is_empty());
    }

    #[test]
    fn a_client_without_a_secret_is_added_without_one_and_keeps_those_that_it_got_here() {
        let bare = "{id: a, name: A}";
        let plan = planned(bare, None);
        assert_eq!((told(&plan, None).as_str(), plan.has_secret), ("Added [name] ", Some(false)));
        assert_eq!(plan.warnings.len(), 1);
        let mut record = plan.record.expect("it is added");
        record.secrets.push(stored_secret("s1", "generated", None));
        assert_eq!(told(&planned(bare, Some(&record)), Some(&record)), "Unchanged [] s1");
    }

    #[test]
    fn what_cannot_be_read_or_stored_is_refused() {
        let client = &file("[{id: a, name: A, secret: s}]")[0];
        let stored = Err(edgemint_issuer::RecordError::Version(99));
        let plan = dex_client(client, Some(&stored), NOW, &Secret::fast_hash);
        assert_eq!(plan.result, Verdict::Refused);
        assert!(plan.reason.is_some_and(|reason| reason.contains("version 99")));

        let plan = planned(&format!("{{id: a, name: {}, secret: s}}", "x".repeat(300_000)), None);
        assert_eq!((plan.result, plan.record.is_none()), (Verdict::Refused, true));
    }

    #[test]
    fn a_backup_goes_in_as_it_is() {
        let backed_up = imported();
        let plan = |stored: Option<&Stored>| {
            let planned = record(1, backed_up.clone(), stored);
            (planned.result, planned.record.map(|record| record.to_json()))
        };
        let written = Some(backed_up.to_json());
        assert_eq!(plan(None), (Verdict::Added, written.clone()));
        assert_eq!(plan(Some(&Ok(backed_up.clone()))), (Verdict::Unchanged, None));
        let mut other = backed_up.clone();
        other.revision = 9;
        assert_eq!(plan(Some(&Ok(other))), (Verdict::Updated, written.clone()));
        assert_eq!(plan(Some(&Err(edgemint_issuer::RecordError::WrongId))), (Verdict::Updated, written));
    }

    #[test]
    fn no_plan_shows_a_secret_or_a_hash() {
        let plan = planned("{id: a, name: A, secret: hunter2}", None);
        let shown = format!("{plan:?} {}", serde_json::to_string(&plan).unwrap_or_default());
        assert!(!shown.contains("hunter2") && !shown.contains("sha256$"), "{shown}");
    }
}
