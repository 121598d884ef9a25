//! `edgemint client rotate-secret` and `revoke-secret`: a new secret beside the old ones, and the end of one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientId, ClientRecord, GeneratedSecret, Lifetime, SecretHash, StoredSecret};
use edgemint_printable::shell;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::commands::client::reveal::{TokenEndpoint, reveal};
use crate::deployment::delay::Delay;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::host::private_file::PrivateFile;
use crate::records::change;
use crate::records::kv::Records;
use crate::records::new_client::refused_secrets;
use crate::records::secret_ids::is_imported;
use crate::terminal::when::utc;
use crate::terminal::words::some_of;

/// The longest overlap of two secrets: a year.
const LONGEST_OVERLAP: u64 = 366 * 24 * 3600;

/// Make a new secret for a client, and let the old ones expire
///
/// The new secret is printed once, on stdout, and kept nowhere: only its hash is stored. Those that work
/// now go on for the overlap, in which the service gets the new one; one that expires earlier still does.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client rotate-secret billing --env production
  edgemint client rotate-secret billing --overlap 0s --env production   (the old one has leaked)")]
pub(crate) struct ClientRotateSecret {
    /// How long the old secrets go on working: 0s to 8784h (a year)
    #[arg(long, value_name = "TIME", value_parser = overlap, default_value = "24h")]
    pub(crate) overlap: Lifetime,
    /// Write the secret into this new file, which its owner alone may read, and not to stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Take secrets from a client, at once
///
/// One that was imported from dex expires and stays in the record, so that the next import of the same file does not
/// bring it back. With --forget it is removed: take it out of the file first.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client revoke-secret billing s1 --env production   (`client show billing` names them)
  edgemint client revoke-secret billing dex dex2 --forget --env production")]
pub(crate) struct ClientRevokeSecret {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// The IDs of the secrets, such as s1
    #[arg(required = true, value_name = "SECRET_ID")]
    pub(crate) secret_ids: Vec<String>,
    /// Remove imported secrets, too, those included that have expired
    #[arg(long)]
    pub(crate) forget: bool,
}

fn overlap(text: &str) -> Result<Lifetime, String> {
    match Lifetime::parse(text) {
        Ok(overlap) if overlap.seconds() <= LONGEST_OVERLAP => Ok(overlap),
        Ok(_) => Err("must be from 0s to 8784h (a year)".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What a generated secret's ID begins with; a number follows.
const GENERATED: &str = "s";

/// An old secret, and when it ends.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Ending {
    id: String,
    expires: u64,
}

pub(crate) fn rotate(
    args: &ClientRotateSecret,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    /// The result, as `--json` prints it.
    #[derive(Serialize)]
    struct Rotated<'a> {
        id: &'a ClientId,
        /// `null` when it is in a file.
        secret: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        secret_file: Option<&'a Path>,
        secret_id: &'a str,
        old_secrets: &'a [Ending],
        revision: u64,
        seen_after_seconds: u64,
        issuer: Option<&'a str>,
    }
    let mut file = PrivateFile::named(args.out.as_deref(), host)?;
    let project = Project::find(config, &args.change.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.change.id;
    let before: ClientRecord = change::find(&records, id, &project)?;
    if before.public {
        bail!("the client {id} is public: it has no secret that could be rotated");
    }
    let secret = GeneratedSecret::from_random(&Zeroizing::new(host.random_bytes::<32>()?));
    let end = host.now.saturating_add(args.overlap.seconds());
    let (after, endings) = rotated(&before, secret.hash(), host.now, end);
    if let Some(why) = refused_secrets(&after, host.now) {
        bail!(
            "no new secret was made for the client {id}: {why}. Take some away with `edgemint client revoke-secret`, or \
             end all of them with --overlap 0s"
        );
    }
    if args.change.dry_run {
        change::preview(&records, &project, &after, host, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &mut file {
        file.write(secret.expose())?;
    }
    change::replace(&records, &project, &before, &after).context("no new secret is shown")?;
    let file = file.map(PrivateFile::keep);

    let at = TokenEndpoint::of(&project);
    let secret_id = after.secrets.last().map_or("", |secret| secret.id.as_str());
    let delay = Delay::of(&project);
    if output.is_json() {
        output.result_json(&Rotated {
            id,
            secret: file.is_none().then(|| secret.expose()),
            secret_file: file.as_deref(),
            secret_id,
            old_secrets: &endings,
            revision: after.revision,
            seen_after_seconds: delay.seconds(),
            issuer: at.issuer.as_deref(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say(format_args!("The client {id} in {} has a new secret, {secret_id}.", project.target));
    output.say(delay);
    for Ending { id, expires } in &endings {
        if *expires <= host.now {
            output.say(format_args!("The old secret {id} has expired now."));
        } else {
            output.say(format_args!("The old secret {id} works until {}.", utc(*expires)));
        }
    }
    if before.disabled {
        output.say("The client is disabled: it gets tokens again after `edgemint client enable`.");
    }
    reveal(id, &secret, file.as_deref(), &at, None, output)?;
    Ok(ExitCode::SUCCESS)
}

/// The record with a new secret, and the old secrets that were live, which end at `end` at the latest.
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

/// An ID that no secret of this client has had, revoked ones included: each comes with a revision of its
/// own, and its number is no lower than that.
fn next_id(after: &ClientRecord) -> String {
    let numbers =
        after.secrets.iter().filter_map(|secret| secret.id.strip_prefix(GENERATED)?.parse::<u64>().ok());
    let next = numbers.max().unwrap_or_default().saturating_add(1);
    format!("{GENERATED}{}", next.max(after.revision))
}

pub(crate) fn revoke(
    args: &ClientRevokeSecret,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    /// What became of one secret.
    #[derive(Serialize)]
    struct Secret<'a> {
        secret_id: &'a str,
        result: Outcome,
    }
    /// The result, as `--json` prints it.
    #[derive(Serialize)]
    struct Revoked<'a> {
        id: &'a ClientId,
        /// Of a single secret.
        #[serde(flatten)]
        only: Option<&'a Secret<'a>>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        secrets: &'a [Secret<'a>],
        live_secrets: usize,
        revision: u64,
        seen_after_seconds: u64,
    }
    let project = Project::find(config, &args.change.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.change.id;
    let before: ClientRecord = change::find(&records, id, &project)?;
    let names: Vec<&str> = before.secrets.iter().map(|secret| secret.id.as_str()).collect();
    if let Some(unknown) = args.secret_ids.iter().find(|secret_id| !names.contains(&secret_id.as_str())) {
        let names = if names.is_empty() { "none".to_owned() } else { some_of(&names) };
        bail!(
            "the client {id} in {} has no secret {unknown}, so nothing was changed (it has: {names})",
            project.target
        );
    }
    let (after, outcomes) = revoked(&before, &args.secret_ids, args.forget, host.now);
    if outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged) {
        if !args.forget {
            change::must_be_storable(&after)
                .context("an imported secret that expires stays in the record: --forget removes it")?;
        }
        if args.change.dry_run {
            change::preview(&records, &project, &after, host, output)?;
            return Ok(ExitCode::SUCCESS);
        }
        change::replace(&records, &project, &before, &after)?;
    }

    let live = |record: &ClientRecord| record.secrets.iter().filter(|s| s.is_live(host.now)).count();
    let delay = Delay::of(&project);
    let secrets: Vec<Secret<'_>> = args
        .secret_ids
        .iter()
        .zip(&outcomes)
        .map(|(secret_id, result)| Secret { secret_id, result: *result })
        .collect();
    if output.is_json() {
        let (only, secrets) = match secrets.as_slice() {
            [only] => (Some(only), &[][..]),
            several => (None, several),
        };
        output.result_json(&Revoked {
            id,
            only,
            secrets,
            live_secrets: live(&after),
            revision: after.revision,
            seen_after_seconds: delay.seconds(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let target = &project.target;
    for Secret { secret_id, result } in &secrets {
        let secret = format!("The secret {secret_id} of the client {id} in {target}");
        match result {
            Outcome::Removed => output.say(format_args!("{secret} is removed.")),
            Outcome::Forgotten => output.say(format_args!(
                "{secret} is removed. It came from an import: an import of a file that still has it brings it back."
            )),
            Outcome::Expired => output.say(format_args!(
                "{secret} has expired now. It came from an import, so its hash stays, and no import brings it back."
            )),
            Outcome::Unchanged => output.say(format_args!(
                "{secret} has expired already, and stays, so that no import brings it back (--forget removes it)."
            )),
        }
    }
    if outcomes.iter().all(|outcome| *outcome == Outcome::Unchanged) {
        output.say("Nothing was written.");
        return Ok(ExitCode::SUCCESS);
    }
    output.say(delay);
    if live(&after) == 0 && live(&before) > 0 {
        output.say(format_args!(
            "warning: no secret of it works now: the client gets no token until `edgemint client rotate-secret {}` \
             makes a new one",
            shell::last(id.as_str())
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of a secret that was to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Removed,
    /// An imported one was removed.
    #[serde(rename = "removed")]
    Forgotten,
    Expired,
    Unchanged,
}

/// The record in which those secrets work no longer, and what became of each. `forget`: imported ones go, too.
fn revoked(before: &ClientRecord, ids: &[String], forget: bool, now: u64) -> (ClientRecord, Vec<Outcome>) {
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
        // An import that finds no trace of its secret would put it in again.
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
        let (without, _) = revoke_one(&second, "s2", false);
        assert_eq!(add(&without).secrets[1].id, "s4");
        // Nor where the revision lags behind.
        assert_eq!(add(&record(vec![secret("s7", None), secret("sx", None)])).secrets[2].id, "s8");
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
    fn a_rotation_that_leaves_too_many_slow_hashes_is_refused() {
        let slow = SecretHash::Pbkdf2 { iterations: 1, salt: vec![0; 8], derived: [0; 32] };
        let secrets =
            (1..=5).map(|i| StoredSecret { hash: slow.clone(), ..secret(&format!("dex{i}"), None) });
        let before = record(secrets.collect());
        let after = |end| rotated(&before, SecretHash::Sha256([1; 32]), NOW, end).0;
        assert!(refused_secrets(&after(NOW + 1), NOW).is_some());
        assert_eq!(refused_secrets(&after(NOW), NOW), None, "--overlap 0s");
    }
}
