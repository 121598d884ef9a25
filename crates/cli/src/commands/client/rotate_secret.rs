//! `edgemint client rotate-secret`: adds a new secret. The old ones expire after an overlap.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientId, ClientRecord, GeneratedSecret, Lifetime, SecretHash, StoredSecret};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::commands::client::reveal::{TokenEndpoint, reveal};
use crate::deployment::delay::Delay;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::host::private_file::PrivateFile;
use crate::records::kv::Records;
use crate::records::new_client::refused_secrets;
use crate::records::{change, new_client};
use crate::terminal::output::sentences;
use crate::terminal::when::utc;

/// The maximum overlap of two secrets: a year, in seconds.
const LONGEST_OVERLAP: u64 = 366 * 24 * 3600;

/// Add a new client secret and let the old ones expire
///
/// The new secret is printed once, on stdout. Only its hash is stored. The current secrets are valid for the
/// overlap, so that you have time to configure the new one. A secret that was due to expire sooner still does.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client rotate-secret billing --env production
  edgemint client rotate-secret billing --overlap 0s --env production   (the old one has leaked)")]
pub(crate) struct ClientRotateSecret {
    /// Time for which the old secrets are still valid: 0s to 8784h (a year)
    #[arg(long, value_name = "TIME", value_parser = overlap, default_value = "24h")]
    pub(crate) overlap: Lifetime,
    /// Write the secret to this new file instead of stdout. Only the file's owner can read it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

pub(crate) fn overlap(text: &str) -> Result<Lifetime, String> {
    match Lifetime::parse(text) {
        Ok(overlap) if overlap.seconds() <= LONGEST_OVERLAP => Ok(overlap),
        Ok(_) => Err("must be from 0s to 8784h (a year)".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The prefix of a generated secret's ID. A number follows it.
const GENERATED: &str = "s";

/// An old secret and its expiry.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Ending {
    id: String,
    expires: u64,
}

/// The change to make.
#[derive(Debug)]
struct Plan {
    /// The record to store.
    after: ClientRecord,
    /// The old secrets that are valid now, with their expiry.
    endings: Vec<Ending>,
}

/// Decides the change of the stored record. `hash`: the hash of the new secret.
fn plan(stored: &ClientRecord, hash: SecretHash, overlap: Lifetime, now: u64) -> Result<Plan> {
    let id = &stored.id;
    if stored.public {
        bail!("cannot rotate the secret of the client {id}: a public client has no secret");
    }
    let (after, endings) = rotated(stored, hash, now, now.saturating_add(overlap.seconds()));
    if let Some(why) = refused_secrets(&after, now) {
        bail!(
            "cannot add a secret to the client {id}: {why}. Revoke some with `edgemint client revoke-secret`, or pass \
             --overlap 0s to expire all of them."
        );
    }
    Ok(Plan { after, endings })
}

/// Writes the secret to its file, if there is one, and then the record. Returns the path of the file.
fn apply(
    plan: &Plan,
    stored: &ClientRecord,
    secret: &GeneratedSecret,
    file: Option<PrivateFile>,
    records: &Records<'_>,
    project: &Project,
) -> Result<Option<PathBuf>> {
    let mut file = file;
    if let Some(file) = &mut file {
        file.write(secret.expose())?;
    }
    change::replace(records, project, stored, &plan.after).context("no new secret is shown")?;
    Ok(file.map(PrivateFile::keep))
}

/// The result: JSON for scripts, sentences for people. [`reveal`] shows people the secret.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a ClientId,
    /// `null` if the secret is in a file.
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<&'a Path>,
    secret_id: &'a str,
    old_secrets: &'a [Ending],
    revision: u64,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip)]
    target: &'a Target,
    #[serde(skip)]
    disabled: bool,
    #[serde(skip)]
    now: u64,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, secret_id, target, .. } = self;
        let new = format!("The client {id} in {target} has a new secret, {secret_id}.");
        sentences(f, [new, self.delay.to_string()])?;
        let ending = |Ending { id, expires }: &Ending| {
            if *expires <= self.now {
                format!("The old secret {id} is no longer valid.")
            } else {
                format!("The old secret {id} is valid until {}.", utc(*expires))
            }
        };
        sentences(f, self.old_secrets.iter().map(ending))?;
        let disabled = "The client is disabled. It gets no tokens until you run `edgemint client enable`.";
        sentences(f, self.disabled.then_some(disabled))?;
        sentences(f, self.warnings.iter().map(|warning| format!("warning: {warning}")))
    }
}

pub(crate) fn run(
    args: &ClientRotateSecret,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let file = PrivateFile::named(args.out.as_deref(), host)?;
    let project = Project::find(config, &args.change.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.change.id;
    let stored: ClientRecord = change::find(&records, id, &project)?;
    let secret = GeneratedSecret::from_random(&Zeroizing::new(host.random_bytes::<32>()?));
    let plan = plan(&stored, secret.hash(), args.overlap, host.now)?;
    if args.change.dry_run {
        change::preview(&records, &project, &plan.after, host, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = apply(&plan, &stored, &secret, file, &records, &project)?;
    let is_weaker = new_client::has_other_way(&stored);
    let kept = if is_weaker { new_client::keeps_secrets(&plan.after, host.now) } else { None };
    let at = TokenEndpoint::of(&project);
    output.report(&Report {
        id,
        secret: file.is_none().then(|| secret.expose()),
        secret_file: file.as_deref(),
        secret_id: plan.after.secrets.last().map_or("", |secret| secret.id.as_str()),
        old_secrets: &plan.endings,
        revision: plan.after.revision,
        delay: Delay::of(&project),
        issuer: at.issuer.as_deref(),
        warnings: kept.as_slice(),
        target: &project.target,
        disabled: stored.disabled,
        now: host.now,
    })?;
    if !output.is_json() {
        reveal(id, &secret, file.as_deref(), &at, None, output)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The record with a new secret, and the old secrets that were valid. These expire at `end` at the latest.
fn rotated(before: &ClientRecord, hash: SecretHash, now: u64, end: u64) -> (ClientRecord, Vec<Ending>) {
    let mut after = change::next(before);
    let mut endings = Vec::new();
    for old in after.secrets.iter_mut().filter(|secret| secret.is_live(now)) {
        let expires = old.expires.map_or(end, |expires| expires.min(end));
        old.expires = Some(expires);
        endings.push(Ending { id: old.id.clone(), expires });
    }
    let id = next_id(&after);
    after.secrets.push(StoredSecret { id, created: now, expires: None, hash });
    (after, endings)
}

/// An ID that no secret of this client has had, including revoked ones: each secret is added with a new revision, and
/// its number is at least that revision.
fn next_id(after: &ClientRecord) -> String {
    let numbers =
        after.secrets.iter().filter_map(|secret| secret.id.strip_prefix(GENERATED)?.parse::<u64>().ok());
    let next = numbers.max().unwrap_or_default().saturating_add(1);
    format!("{GENERATED}{}", next.max(after.revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::client::revoke_secret::revoked;

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

    #[test]
    fn old_secrets_end_with_the_overlap_unless_they_end_before() {
        let before = record(vec![
            secret("s1", None),
            secret("dex", Some(NOW + 10)),
            secret("dex2", Some(NOW + 99)),
            secret("s2", Some(NOW)),
        ]);
        let (after, endings) = rotated(&before, SecretHash::Sha256([1; 32]), NOW, NOW + 50);
        assert_eq!(
            told(&after),
            [
                ("s1", Some(NOW + 50)),
                ("dex", Some(NOW + 10)),
                ("dex2", Some(NOW + 50)),
                ("s2", Some(NOW)),
                ("s3", None)
            ]
        );
        assert_eq!(endings.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["s1", "dex", "dex2"]);
        assert_eq!(after.revision, 2);
        assert_eq!(after.secrets[4].created, NOW);
    }

    #[test]
    fn the_id_of_a_secret_never_comes_back() {
        let add = |record: &ClientRecord| rotated(record, SecretHash::Sha256([1; 32]), NOW, NOW).0;
        let second = add(&record(vec![secret("s1", None)]));
        assert_eq!(second.secrets[1].id, "s2");
        let (without, _) = revoked(&second, &["s2".to_owned()], false, NOW);
        assert_eq!(add(&without).secrets[1].id, "s4");
        // The ID is also new if the revision is lower than the numbers.
        assert_eq!(add(&record(vec![secret("s7", None), secret("sx", None)])).secrets[2].id, "s8");
    }

    #[test]
    fn a_rotation_that_leaves_too_many_slow_hashes_is_refused() {
        let slow = SecretHash::Pbkdf2 { iterations: 1, salt: vec![0; 8], derived: [0; 32] };
        let secrets =
            (1..=5).map(|i| StoredSecret { hash: slow.clone(), ..secret(&format!("dex{i}"), None) });
        let before = record(secrets.collect());
        let after = |end| rotated(&before, SecretHash::Sha256([1; 32]), NOW, end).0;
        assert!(refused_secrets(&after(NOW + 1), NOW).is_some());
        assert_eq!(refused_secrets(&after(NOW), NOW), None, "--overlap 0s");
    }

    #[test]
    fn a_plan_is_made_of_the_stored_record_and_the_time() {
        let hash = || SecretHash::Sha256([1; 32]);
        let overlap = Lifetime::from_seconds(50);
        let mut stored = record(vec![secret("s1", None)]);
        let planned = plan(&stored, hash(), overlap, NOW).expect("a plan");
        assert_eq!(told(&planned.after), [("s1", Some(NOW + 50)), ("s2", None)]);
        assert_eq!(planned.endings, [Ending { id: "s1".to_owned(), expires: NOW + 50 }]);
        assert_eq!(told(&stored), [("s1", None)], "the stored record is left as it is");

        let slow = SecretHash::Pbkdf2 { iterations: 1, salt: vec![0; 8], derived: [0; 32] };
        stored.secrets = (1..=5)
            .map(|i| StoredSecret { hash: slow.clone(), ..secret(&format!("dex{i}"), None) })
            .collect();
        let refused = plan(&stored, hash(), overlap, NOW).expect_err("too many").to_string();
        assert!(
            refused.starts_with("cannot add a secret to the client a: 5 of its valid secrets"),
            "{refused}"
        );
        stored.public = true;
        let refused = plan(&stored, hash(), overlap, NOW).expect_err("public").to_string();
        assert_eq!(refused, "cannot rotate the secret of the client a: a public client has no secret");
    }

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let project = Project::of_text("", Target::Local(PathBuf::from("/s"))).expect("a project");
        let id = ClientId::parse("a").expect("an ID");
        let endings =
            [("s1", NOW), ("s2", NOW + 1)].map(|(id, expires)| Ending { id: id.to_owned(), expires });
        let report = Report {
            id: &id,
            secret: None,
            secret_file: Some(Path::new("/f")),
            secret_id: "s3",
            old_secrets: &endings,
            revision: 3,
            delay: Delay::of(&project),
            issuer: None,
            warnings: &[],
            target: &project.target,
            disabled: true,
            now: NOW,
        };
        assert_eq!(
            serde_json::to_string(&report).expect("JSON"),
            r#"{"id":"a","secret":null,"secret_file":"/f","secret_id":"s3","old_secrets":[{"id":"s1","expires":1000},{"id":"s2","expires":1001}],"revision":3,"seen_after_seconds":60,"issuer":null}"#
        );
        assert_eq!(
            report.to_string(),
            "The client a in the local state in /s has a new secret, s3.\n\
             A running `wrangler dev` uses the change within 1m.\n\
             The old secret s1 is no longer valid.\n\
             The old secret s2 is valid until 1970-01-01 00:16:41 UTC.\n\
             The client is disabled. It gets no tokens until you run `edgemint client enable`.\n"
        );
    }
}
