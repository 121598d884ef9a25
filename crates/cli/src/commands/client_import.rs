//! `edgemint client import`: the clients of a dex configuration, or of a backup, into the records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use edgemint_issuer::{ClientId, ClientRecord, SecretHash};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::ClientImport;
use crate::delay::Delay;
use crate::hashing::Secret;
use crate::host::Host;
use crate::kv::{Records, Stored, in_parallel};
use crate::output::Output;
use crate::plan::{self, Planned, Verdict};
use crate::project::{Project, Target};
use crate::{backup, change, dex};

/// From so many secrets on it takes long enough to say so.
const MANY: usize = 200;

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    clients: &'a [Planned],
    unused_fields: &'a BTreeSet<String>,
    seen_after_seconds: u64,
}

pub(super) fn run(
    args: &ClientImport,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let file = args.file.display();
    let text =
        std::fs::read(&args.file).map(Zeroizing::new).with_context(|| format!("could not read {file}"))?;
    let text = std::str::from_utf8(&text).map_err(|_| anyhow!("{file} is not a text file in UTF-8"))?;
    let wrong = |error: dex::FileError| anyhow!("{file}: {error}");
    let restored = backup::read(text).transpose().map_err(wrong)?;

    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let ((mut planned, stored), unused_fields) = match restored {
        Some(entries) => (restore(entries, &records)?, BTreeSet::new()),
        None => {
            let dex = dex::read(text, &|name| host.text_variable(name)).map_err(wrong)?;
            let unused_fields = dex.unused_fields.clone();
            (carry_over(dex, &records, args.dry_run, host, output)?, unused_fields)
        }
    };

    if !args.dry_run {
        leave_what_others_wrote(&mut planned, &stored, &records)?;
    }
    let to_write: Vec<&ClientRecord> = planned.iter().filter_map(|planned| planned.record.as_ref()).collect();
    if !args.dry_run && !to_write.is_empty() {
        if to_write.len() > MANY {
            output.say(format_args!("Writing {} records to {} …", to_write.len(), project.target));
        }
        records.write(&to_write)?;
    }
    let delay = Delay::of(&project);
    let refused = planned.iter().any(|planned| planned.result == Verdict::Refused);
    if output.is_json() {
        let report = Report {
            dry_run: args.dry_run,
            clients: &planned,
            unused_fields: &unused_fields,
            seen_after_seconds: delay.seconds(),
        };
        output.result_json(&report)?;
    } else {
        tell(&planned, &unused_fields, args.dry_run, &project.target, output);
        if !args.dry_run && !to_write.is_empty() {
            output.say(delay);
        }
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Hashing many secrets takes a while, in which another operator may have written one of the records: that one
/// stays as it is.
fn leave_what_others_wrote(planned: &mut [Planned], stored: &AllStored, records: &Records<'_>) -> Result<()> {
    let ids: Vec<&ClientId> =
        planned.iter().filter_map(|planned| Some(&planned.record.as_ref()?.id)).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let written = change::written_meanwhile(records, stored, &ids)
        .context("what is stored could not be looked at again, and nothing was written")?;
    for one in planned.iter_mut() {
        if one.record.as_ref().is_some_and(|record| written.contains(&record.id)) {
            one.refuse_at_last(
                "another operator wrote it at the same time: run the same command again".to_owned(),
            );
        }
    }
    Ok(())
}

/// What was stored when the plan was made.
type AllStored = BTreeMap<ClientId, Stored>;

/// Plans the import of dex clients: the slow hashes on all cores.
fn carry_over(
    dex: dex::DexFile,
    records: &Records<'_>,
    dry_run: bool,
    host: &Host,
    output: &mut Output,
) -> Result<(Vec<Planned>, AllStored)> {
    let ids: Vec<&ClientId> = dex.entries.iter().flatten().map(|client| &client.id).collect();
    let stored = records.read(&ids)?;
    let secrets = dex.entries.iter().flatten().filter(|client| client.secret.is_some()).count();
    if secrets > MANY {
        output.say(format_args!("Hashing {secrets} secrets, slowly, as it must be …"));
    }
    let entries = dex.entries.into_iter().map(|entry| Ok((entry, host.random_bytes::<16>()?)));
    let entries = entries.collect::<Result<Vec<_>>>()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = output.progress_bar(if secrets > MANY { entries.len() } else { 0 });
    let planned = in_parallel(&entries, threads, |(entry, salt)| {
        let planned = match entry {
            Ok(client) => plan::dex_client(client, stored.get(&client.id), host.now, &|secret: &Secret| {
                // Nobody sees the hash of a dry run.
                if dry_run { SecretHash::Sha256([0; 32]) } else { secret.hash(*salt) }
            }),
            Err(refused) => Planned::refused(refused.clone()),
        };
        bar.inc(1);
        planned
    });
    bar.finish_and_clear();
    Ok((planned, stored))
}

/// Plans the restoring of a backup.
fn restore(entries: backup::Entries, records: &Records<'_>) -> Result<(Vec<Planned>, AllStored)> {
    let ids: Vec<&ClientId> = entries.iter().flatten().map(|record| &record.id).collect();
    let stored = records.read(&ids)?;
    let planned = entries.into_iter().enumerate().map(|(i, entry)| match entry {
        Ok(record) => {
            let stored = stored.get(&record.id);
            plan::record(i + 1, record, stored)
        }
        Err(refused) => Planned::refused(refused),
    });
    Ok((planned.collect(), stored))
}

/// The summary for people.
fn tell(
    planned: &[Planned],
    unused_fields: &BTreeSet<String>,
    dry_run: bool,
    target: &Target,
    output: &mut Output,
) {
    for one in planned {
        let id = match &one.id {
            Some(id) => format!("{id} (entry {})", one.entry),
            None => format!("entry {}", one.entry),
        };
        let changes = one.changes.join(", ");
        match one.result {
            Verdict::Refused => {
                output.say(format_args!("refused: {id}: {}", one.reason.as_deref().unwrap_or_default()));
            }
            Verdict::Added if dry_run => output.say(format_args!("would add: {id}: {changes}")),
            Verdict::Updated if dry_run => output.say(format_args!("would update: {id}: {changes}")),
            Verdict::Added | Verdict::Updated | Verdict::Unchanged => {}
        }
        for warning in &one.warnings {
            output.say(format_args!("warning: {id}: {warning}"));
        }
    }
    if !unused_fields.is_empty() {
        let names = unused_fields.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        output.say(format_args!("Not used here: {names}"));
    }
    let count = |verdict| planned.iter().filter(|planned| planned.result == verdict).count();
    let counts = format!(
        "{} added, {} updated, {} unchanged, {} refused",
        count(Verdict::Added),
        count(Verdict::Updated),
        count(Verdict::Unchanged),
        count(Verdict::Refused)
    );
    if dry_run {
        output.say(format_args!("It would be {counts}. Nothing was written to {target}."));
    } else {
        output.say(format_args!("Imported into {target}: {counts}."));
    }
}
