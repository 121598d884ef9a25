//! `edgemint client rotate-secret` and `revoke-secret`: a new secret beside the old ones, and the end of one.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use edgemint_issuer::{ClientId, ClientRecord, GeneratedSecret, SecretHash, StoredSecret};
use serde::Serialize;
use zeroize::Zeroizing;

use super::client_add::reveal;
use crate::change;
use crate::client_args::{ClientRevokeSecret, ClientRotateSecret};
use crate::delay::Delay;
use crate::host::Host;
use crate::kv::Records;
use crate::output::Output;
use crate::plan::is_imported;
use crate::private_file::PrivateFile;
use crate::project::Project;
use crate::shell;
use crate::when::utc;

/// What a generated secret's ID begins with; a number follows.
const GENERATED: &str = "s";

/// An old secret, and when it ends.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Ending {
    id: String,
    expires: u64,
}

pub(super) fn rotate(
    args: &ClientRotateSecret,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
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
    if args.change.dry_run {
        change::preview(&records, &project, &after, host, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &mut file {
        file.write(secret.expose())?;
    }
    change::replace(&records, &project, &before, &after).context("no new secret is shown")?;
    let file = file.map(PrivateFile::keep);

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
            issuer: project.issuer(),
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
    reveal(id, &secret, file.as_deref(), project.issuer(), None, output)?;
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

pub(super) fn revoke(
    args: &ClientRevokeSecret,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    /// The result, as `--json` prints it.
    #[derive(Serialize)]
    struct Revoked<'a> {
        id: &'a ClientId,
        secret_id: &'a str,
        result: Outcome,
        live_secrets: usize,
        revision: u64,
        seen_after_seconds: u64,
    }
    let project = Project::find(config, &args.change.target, host)?;
    let records = Records::of(&project, host)?;
    let (id, secret_id) = (&args.change.id, args.secret_id.as_str());
    let before: ClientRecord = change::find(&records, id, &project)?;
    let Some((after, result)) = revoked(&before, secret_id, host.now) else {
        let names: Vec<&str> = before.secrets.iter().map(|secret| secret.id.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        bail!("the client {id} in {} has no secret {secret_id} (it has: {names})", project.target);
    };
    if result != Outcome::Unchanged {
        if args.change.dry_run {
            change::preview(&records, &project, &after, host, output)?;
            return Ok(ExitCode::SUCCESS);
        }
        change::replace(&records, &project, &before, &after)?;
    }

    let live = |record: &ClientRecord| record.secrets.iter().filter(|s| s.is_live(host.now)).count();
    let delay = Delay::of(&project);
    if output.is_json() {
        output.result_json(&Revoked {
            id,
            secret_id,
            result,
            live_secrets: live(&after),
            revision: after.revision,
            seen_after_seconds: delay.seconds(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let target = &project.target;
    match result {
        Outcome::Removed => {
            output.say(format_args!("The secret {secret_id} of the client {id} in {target} is removed."));
        }
        Outcome::Expired => output.say(format_args!(
            "The secret {secret_id} of the client {id} in {target} has expired now. It came from an import, so its \
             hash stays, and no import brings it back."
        )),
        Outcome::Unchanged => {
            output.say(format_args!(
                "The secret {secret_id} of the client {id} in {target} has expired already, and stays, so that no \
                 import brings it back: nothing was written."
            ));
            return Ok(ExitCode::SUCCESS);
        }
    }
    output.say(delay);
    if live(&after) == 0 && live(&before) > 0 {
        output.say(format_args!(
            "warning: it was the last that worked: the client gets no token until `edgemint client rotate-secret {}` \
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
    Expired,
    Unchanged,
}

/// The record in which that secret works no longer; `None` when it has no such secret.
fn revoked(before: &ClientRecord, secret_id: &str, now: u64) -> Option<(ClientRecord, Outcome)> {
    let secret = before.secrets.iter().find(|secret| secret.id == secret_id)?;
    if !is_imported(secret) {
        let mut after = change::next(before);
        after.secrets.retain(|secret| secret.id != secret_id);
        return Some((after, Outcome::Removed));
    }
    // An import that finds no trace of its secret would put it in again.
    if !secret.is_live(now) {
        return Some((before.clone(), Outcome::Unchanged));
    }
    let mut after = change::next(before);
    for secret in after.secrets.iter_mut().filter(|secret| secret.id == secret_id) {
        secret.expires = Some(now);
    }
    Some((after, Outcome::Expired))
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
        let (without, _) = revoked(&second, "s2", NOW).expect("it is there");
        assert_eq!(add(&without).secrets[1].id, "s4");
        // Nor where the revision lags behind.
        assert_eq!(add(&record(vec![secret("s7", None), secret("sx", None)])).secrets[2].id, "s8");
    }

    #[test]
    fn a_revoked_secret_is_gone_and_an_imported_one_is_not_brought_back() {
        let before = record(vec![secret("s1", None), secret("dex", None), secret("dex2", Some(NOW))]);
        let result = |id| revoked(&before, id, NOW).map(|(after, result)| (after.revision, result));
        assert_eq!(result("s1"), Some((2, Outcome::Removed)));
        assert_eq!(result("dex"), Some((2, Outcome::Expired)));
        assert_eq!(result("dex2"), Some((1, Outcome::Unchanged)));
        assert_eq!(result("s2"), None);
        let (after, _) = revoked(&before, "s1", NOW).expect("it is there");
        assert_eq!(told(&after), [("dex", None), ("dex2", Some(NOW))]);
        let (after, _) = revoked(&before, "dex", NOW).expect("it is there");
        assert_eq!(told(&after)[1], ("dex", Some(NOW)));
    }
}
