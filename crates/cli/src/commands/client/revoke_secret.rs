//! `edgemint client revoke-secret`: revokes client secrets immediately.

use std::fmt;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientId, ClientRecord};
use edgemint_printable::shell;
use serde::Serialize;

use crate::deployment::delay::Delay;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::kv::Records;
use crate::records::secret_ids::is_imported;
use crate::records::{change, new_client};
use crate::terminal::output::sentences;
use crate::terminal::words::some_of;

/// Revoke secrets of a client immediately
///
/// A generated secret is removed from the record. A secret that was imported from dex expires and stays in the record,
/// so that another import of the same file does not add it again. With --forget, it is also removed. Delete it from the
/// file first.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client revoke-secret billing s1 --env production   (`client show billing` names them)
  edgemint client revoke-secret billing dex dex2 --forget --env production")]
pub(crate) struct ClientRevokeSecret {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// IDs of the secrets, such as s1
    #[arg(required = true, value_name = "SECRET_ID")]
    pub(crate) secret_ids: Vec<String>,
    /// Also remove imported secrets from the record, including expired ones
    #[arg(long)]
    pub(crate) forget: bool,
}

/// The change to make.
#[derive(Debug)]
struct Plan {
    /// The record to store. Equal to the stored one if nothing changes.
    after: ClientRecord,
    /// The outcome for each secret on the command line.
    outcomes: Vec<Outcome>,
}

/// Decides the outcome for the secrets `ids` of the stored record. Fails if the record lacks one of them.
fn plan(stored: &ClientRecord, ids: &[String], forget: bool, target: &Target, now: u64) -> Result<Plan> {
    let names: Vec<&str> = stored.secrets.iter().map(|secret| secret.id.as_str()).collect();
    if let Some(unknown) = ids.iter().find(|id| !names.contains(&id.as_str())) {
        let names = if names.is_empty() { "none".to_owned() } else { some_of(&names) };
        bail!(
            "cannot find the secret {unknown} of the client {id} in {target}. Nothing was changed. Its secrets: \
             {names}.",
            id = stored.id
        );
    }
    let (after, outcomes) = revoked(stored, ids, forget, now);
    let plan = Plan { after, outcomes };
    if plan.changes() && !forget {
        change::must_be_storable(&plan.after)
            .context("cannot keep the revoked imported secret in the record (--forget removes it)")?;
    }
    Ok(plan)
}

impl Plan {
    /// Whether the record changes.
    fn changes(&self) -> bool {
        self.outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged)
    }
}

/// Writes the record, if it changes.
fn apply(plan: &Plan, stored: &ClientRecord, records: &Records<'_>, project: &Project) -> Result<()> {
    if plan.changes() { change::replace(records, project, stored, &plan.after) } else { Ok(()) }
}

/// The outcome for one secret.
#[derive(Debug, Clone, Copy, Serialize)]
struct Revoked<'a> {
    secret_id: &'a str,
    result: Outcome,
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a ClientId,
    /// The outcome for a single secret.
    #[serde(flatten)]
    only: Option<Revoked<'a>>,
    /// The outcomes for several secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Revoked<'a>>,
    live_secrets: usize,
    revision: u64,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    #[serde(skip)]
    target: &'a Target,
    /// The number of secrets that were valid before.
    #[serde(skip)]
    live_before: usize,
    /// Whether the client can authenticate without a secret.
    #[serde(skip)]
    has_other_way: bool,
}

impl<'a> Report<'a> {
    fn of(plan: &'a Plan, stored: &ClientRecord, ids: &'a [String], project: &'a Project, now: u64) -> Self {
        let revoked = |(secret_id, result): (&'a String, &Outcome)| Revoked { secret_id, result: *result };
        let revoked: Vec<Revoked<'a>> = ids.iter().zip(&plan.outcomes).map(revoked).collect();
        let (only, secrets) = match revoked.as_slice() {
            [only] => (Some(*only), Vec::new()),
            _ => (None, revoked),
        };
        let live = |record: &ClientRecord| record.secrets.iter().filter(|s| s.is_live(now)).count();
        Self {
            id: &plan.after.id,
            only,
            secrets,
            live_secrets: live(&plan.after),
            revision: plan.after.revision,
            delay: Delay::of(project),
            target: &project.target,
            live_before: live(stored),
            has_other_way: new_client::has_other_way(stored),
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, target) = (self.id, self.target);
        let revoked = || self.only.iter().chain(&self.secrets);
        sentences(
            f,
            revoked().map(|Revoked { secret_id, result }| {
                let secret = format!("The secret {secret_id} of the client {id} in {target}");
                match result {
                    Outcome::Removed => format!("{secret} is removed."),
                    Outcome::Forgotten => format!(
                        "{secret} is removed. It was imported: another import of a file that still contains it adds \
                         it again."
                    ),
                    Outcome::Expired => format!(
                        "{secret} is no longer valid. It was imported, so its hash stays in the record, and no \
                         import adds it again."
                    ),
                    Outcome::Unchanged => format!(
                        "{secret} has already expired. It stays in the record, so that no import adds it again \
                         (--forget removes it)."
                    ),
                }
            }),
        )?;
        if revoked().all(|revoked| revoked.result == Outcome::Unchanged) {
            return sentences(f, ["Nothing was written."]);
        }
        sentences(f, [self.delay.to_string()])?;
        if self.live_secrets == 0 && self.live_before > 0 && !self.has_other_way {
            let warning = format!(
                "warning: the client has no valid secret now, and gets no token until `edgemint client rotate-secret \
                 {}` adds a new one",
                shell::last(id.as_str())
            );
            sentences(f, [warning])?;
        }
        Ok(())
    }
}

pub(crate) fn run(
    args: &ClientRevokeSecret,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let project = Project::find(config, &args.change.target, host)?;
    let records = Records::of(&project, host)?;
    let stored: ClientRecord = change::find(&records, &args.change.id, &project)?;
    let plan = plan(&stored, &args.secret_ids, args.forget, &project.target, host.now)?;
    if args.change.dry_run && plan.changes() {
        change::preview(&records, &project, &plan.after, host, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    apply(&plan, &stored, &records, &project)?;
    output.report(&Report::of(&plan, &stored, &args.secret_ids, &project, host.now))?;
    Ok(ExitCode::SUCCESS)
}

/// The outcome for a secret to revoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Removed,
    /// An imported secret was removed.
    #[serde(rename = "removed")]
    Forgotten,
    Expired,
    Unchanged,
}

/// The record after the revocation, and the outcome for each secret. `forget`: also remove imported secrets.
pub(crate) fn revoked(
    before: &ClientRecord,
    ids: &[String],
    forget: bool,
    now: u64,
) -> (ClientRecord, Vec<Outcome>) {
    let mut after = change::next(before);
    let mut outcome = |id: &String| {
        let Some(at) = before.secrets.iter().find(|secret| secret.id == *id) else {
            return Outcome::Unchanged;
        };
        let imported = is_imported(at);
        if !imported || forget {
            after.secrets.retain(|secret| secret.id != *id);
            return if imported { Outcome::Forgotten } else { Outcome::Removed };
        }
        // An imported secret stays in the record: otherwise, the next import would add it again.
        if !at.is_live(now) {
            return Outcome::Unchanged;
        }
        after
            .secrets
            .iter_mut()
            .filter(|secret| secret.id == *id)
            .for_each(|secret| secret.expires = Some(now));
        Outcome::Expired
    };
    let outcomes: Vec<Outcome> = ids.iter().map(&mut outcome).collect();
    if outcomes.iter().all(|outcome| *outcome == Outcome::Unchanged) {
        return (before.clone(), outcomes);
    }
    (after, outcomes)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use edgemint_issuer::{SecretHash, StoredSecret};

    use super::*;

    const NOW: u64 = 1000;

    fn secret(id: &str, expires: Option<u64>) -> StoredSecret {
        StoredSecret { id: id.to_owned(), created: 1, expires, hash: SecretHash::Sha256([0; 32]) }
    }

    fn record(secrets: Vec<StoredSecret>) -> ClientRecord {
        let mut record = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        record.secrets = secrets;
        record
    }

    fn told(record: &ClientRecord) -> Vec<(&str, Option<u64>)> {
        record.secrets.iter().map(|secret| (secret.id.as_str(), secret.expires)).collect()
    }

    fn revoke_one(before: &ClientRecord, id: &str, forget: bool) -> (ClientRecord, Outcome) {
        let (after, outcomes) = revoked(before, &[id.to_owned()], forget, NOW);
        (after, outcomes[0])
    }

    #[test]
    fn a_revoked_secret_is_gone_and_an_imported_one_is_not_brought_back() {
        let before = record(vec![secret("s1", None), secret("dex", None), secret("dex2", Some(NOW))]);
        let result = |id, forget| {
            let (after, outcome) = revoke_one(&before, id, forget);
            (after.revision, outcome)
        };
        for forget in [false, true] {
            assert_eq!(result("s1", forget), (2, Outcome::Removed));
        }
        assert_eq!(result("dex", false), (2, Outcome::Expired));
        assert_eq!(result("dex2", false), (1, Outcome::Unchanged));
        assert_eq!(told(&revoke_one(&before, "s1", false).0), [("dex", None), ("dex2", Some(NOW))]);
        assert_eq!(told(&revoke_one(&before, "dex", false).0)[1], ("dex", Some(NOW)));
    }

    #[test]
    fn an_imported_secret_can_be_forgotten_and_the_last_one_too() {
        let before = record(vec![secret("dex", None), secret("dex2", Some(NOW))]);
        assert_eq!(told(&revoke_one(&before, "dex", true).0), [("dex2", Some(NOW))]);
        assert_eq!(told(&revoke_one(&before, "dex2", true).0), [("dex", None)]);
        let both = ["dex", "dex2"].map(str::to_owned);
        let (after, outcomes) = revoked(&before, &both, true, NOW);
        assert_eq!((told(&after), after.revision), (Vec::new(), 2));
        assert_eq!(outcomes, [Outcome::Forgotten; 2]);
        let (after, outcomes) = revoked(&before, &both, false, NOW);
        assert_eq!(told(&after), [("dex", Some(NOW)), ("dex2", Some(NOW))]);
        assert_eq!(outcomes, [Outcome::Expired, Outcome::Unchanged]);
    }

    #[test]
    fn a_plan_names_the_secrets_that_there_are_when_one_is_not_there() {
        let target = Target::Local(PathBuf::from("/s"));
        let told = |secrets, id: &str| {
            let planned = plan(&record(secrets), &[id.to_owned()], false, &target, NOW);
            planned.expect_err("no such secret").to_string()
        };
        assert_eq!(
            told(vec![secret("s1", None), secret("dex", None)], "s2"),
            "cannot find the secret s2 of the client a in the local state in /s. Nothing was changed. Its secrets: \
             s1, dex."
        );
        assert!(told(Vec::new(), "s2").ends_with("Its secrets: none."));
    }

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let project = Project::of_text("", Target::Local(PathBuf::from("/s"))).expect("a project");
        let stored = record(vec![secret("s1", None), secret("dex", Some(NOW))]);
        let report = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            let plan = plan(&stored, &ids, false, &project.target, NOW).expect("a plan");
            let report = Report::of(&plan, &stored, &ids, &project, NOW);
            (serde_json::to_string(&report).expect("JSON"), report.to_string())
        };
        let (json, told) = report(&["s1"]);
        assert_eq!(
            json,
            r#"{"id":"a","secret_id":"s1","result":"removed","live_secrets":0,"revision":2,"seen_after_seconds":60}"#
        );
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines.first(),
            Some(&"The secret s1 of the client a in the local state in /s is removed.")
        );
        assert!(
            lines.last().is_some_and(|last| last.starts_with("warning: the client has no valid secret now"))
        );
        let (json, told) = report(&["dex"]);
        assert!(json.contains(r#""result":"unchanged","live_secrets":1,"revision":1"#), "{json}");
        assert!(told.ends_with("(--forget removes it).\nNothing was written.\n"), "{told}");
        let (json, _) = report(&["s1", "dex"]);
        assert!(
            json.contains(r#""secrets":[{"secret_id":"s1","result":"removed"},{"secret_id":"dex""#),
            "{json}"
        );
    }
}
