//! The report of an import or of its dry run: JSON for scripts, sentences for people.

use std::collections::BTreeSet;
use std::fmt;

use edgemint_issuer::{ApiRecord, TrustedIssuer};
use serde::Serialize;

use crate::commands::client::plan::{Planned, Verdict};
use crate::deployment::delay::Delay;
use crate::deployment::project::Target;
use crate::records::kind::Kind;
use crate::terminal::output::sentences;

/// The result of one import.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) dry_run: bool,
    /// The command that would write the records, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) issuers: &'a [Planned<TrustedIssuer>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) apis: &'a [Planned<ApiRecord>],
    pub(super) clients: &'a [Planned],
    /// Whether the file is a backup.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) backup: bool,
    /// The location of the clients in the file, if they are not at its top level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found_at: Option<&'a str>,
    /// Warnings. For people, they are printed before anything is written.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) warnings: &'a [String],
    pub(super) unused_fields: &'a BTreeSet<String>,
    #[serde(rename = "seen_after_seconds")]
    pub(super) delay: Delay,
    #[serde(skip)]
    pub(super) target: &'a Target,
}

impl Report<'_> {
    /// Whether an entry was rejected.
    pub(super) fn is_refusal(&self) -> bool {
        count(self.issuers, Verdict::Refused)
            + count(self.apis, Verdict::Refused)
            + count(self.clients, Verdict::Refused)
            > 0
    }

    /// The number of entries for each verdict.
    fn counts(&self) -> String {
        let clients = counts(self.clients, self.dry_run);
        if self.issuers.is_empty() && self.apis.is_empty() {
            return clients;
        }
        let mut all = Vec::new();
        if !self.issuers.is_empty() {
            all.push(format!("trusted issuers: {}", counts(self.issuers, self.dry_run)));
        }
        if !self.apis.is_empty() {
            all.push(format!("APIs: {}", counts(self.apis, self.dry_run)));
        }
        all.push(format!("clients: {clients}"));
        all.join("; ")
    }

    /// Whether the import writes a record.
    fn writes(&self) -> bool {
        self.issuers.iter().any(|issuer| issuer.record.is_some())
            || self.apis.iter().any(|api| api.record.is_some())
            || self.clients.iter().any(|one| one.record.is_some())
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers = self.issuers.iter();
        sentences(f, issuers.flat_map(|issuer| told(issuer, "trusted issuer ", self.dry_run)))?;
        sentences(f, self.apis.iter().flat_map(|api| told(api, "API ", self.dry_run)))?;
        sentences(f, self.clients.iter().flat_map(|client| told(client, "", self.dry_run)))?;
        if !self.unused_fields.is_empty() {
            let names = self.unused_fields.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            sentences(f, [format!("Fields not used: {names}")])?;
        }
        let (counts, target) = (self.counts(), self.target);
        if self.dry_run {
            sentences(f, [format!("Dry run: {counts}. Nothing was written to {target}.")])?;
            return sentences(f, self.command.as_ref().map(|command| format!("Would run\n  {command}")));
        }
        sentences(f, [format!("Imported into {target}: {counts}.")])?;
        sentences(f, self.writes().then(|| self.delay.to_string()))
    }
}

fn count<R: Kind>(planned: &[Planned<R>], verdict: Verdict) -> usize {
    planned.iter().filter(|planned| planned.result == verdict).count()
}

fn counts<R: Kind>(planned: &[Planned<R>], dry_run: bool) -> String {
    let (added, updated) = if dry_run { ("to add", "to update") } else { ("added", "updated") };
    format!(
        "{} {added}, {} {updated}, {} unchanged, {} rejected",
        count(planned, Verdict::Added),
        count(planned, Verdict::Updated),
        count(planned, Verdict::Unchanged),
        count(planned, Verdict::Refused)
    )
}

/// The lines about one entry.
fn told<R: Kind>(one: &Planned<R>, kind: &str, dry_run: bool) -> Vec<String> {
    let id = match (&one.id, &one.id_env) {
        (Some(id), _) => format!("{kind}{id} (entry {})", one.entry),
        (None, Some(variable)) => format!("{kind}entry {}, with the ID in {variable}", one.entry),
        (None, None) => format!("{kind}entry {}", one.entry),
    };
    let changes = match one.changes.join(", ") {
        changes if changes.is_empty() => changes,
        changes => format!(": {changes}"),
    };
    let verdict = match one.result {
        Verdict::Refused => Some(format!("rejected: {id}: {}", one.reason.as_deref().unwrap_or_default())),
        Verdict::Added if dry_run => Some(format!("would add: {id}{changes}")),
        Verdict::Updated if dry_run => Some(format!("would update: {id}{changes}")),
        Verdict::Added | Verdict::Updated | Verdict::Unchanged => None,
    };
    let warnings = one.warnings.iter().map(|warning| format!("warning: {id}: {warning}"));
    verdict.into_iter().chain(warnings).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use edgemint_dex_import::Refused;

    use super::*;
    use crate::deployment::project::Project;

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let target = Target::Local(PathBuf::from("/s"));
        let project = Project::of_text("", target.clone()).expect("a project");
        let entry = |id: Option<&str>, id_env: Option<&str>| {
            let [id, id_env] = [id, id_env].map(|text| text.map(str::to_owned));
            Planned::refused(Refused { entry: 1, id, id_env, reason: "it is\ntwice".to_owned() })
        };
        let mut added = entry(Some("a"), None);
        (added.result, added.reason, added.changes) = (Verdict::Added, None, vec!["secret".to_owned()]);
        let clients = [added, entry(None, Some("ID"))];
        let unused_fields = BTreeSet::from(["redirectURIs".to_owned()]);
        let report = Report {
            dry_run: true,
            command: Some("wrangler x".to_owned()),
            issuers: &[],
            apis: &[],
            clients: &clients,
            backup: false,
            found_at: None,
            warnings: &[],
            unused_fields: &unused_fields,
            delay: Delay::of(&project),
            target: &target,
        };
        assert!(report.is_refusal());
        assert_eq!(
            report.to_string(),
            "would add: a (entry 1): secret\nrejected: entry 1, with the ID in ID: it is\n  twice\n\
             Fields not used: redirectURIs\n\
             Dry run: 1 to add, 0 to update, 0 unchanged, 1 rejected. Nothing was written to the local state in /s.\n\
             Would run\n  wrangler x\n"
        );
        let json = serde_json::to_string(&report).expect("JSON");
        assert!(json.starts_with(r#"{"dry_run":true,"command":"wrangler x","clients":["#), "{json}");
        assert!(json.ends_with(r#""unused_fields":["redirectURIs"],"seen_after_seconds":60}"#), "{json}");
    }
}
