//! `edgemint client import`: imports the clients of a dex configuration, or restores a backup.

pub(crate) mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Args as ClapArgs;
use edgemint_dex_import as dex;
use edgemint_dex_import::hashing::Secret;
use edgemint_dex_import::{DexClient, Refused};
use edgemint_issuer::{ApiRecord, ClientId, ClientRecord, SecretHash, TrustedIssuer};
use zeroize::Zeroizing;

use crate::commands::client::import::report::Report;
use crate::commands::client::judged::Known;
use crate::commands::client::plan::{Planned, Verdict};
use crate::commands::client::{backup, judged, plan};
use crate::deployment::delay::Delay;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::host::Host;
use crate::records::change;
use crate::records::kind::Kind;
use crate::records::kv::{ById, Pair, Records, in_parallel};
use crate::terminal::output::Output;

/// Import clients from a dex configuration or a backup
///
/// FILE is a dex configuration (YAML or JSON), only the list of its staticClients, or a backup of edgemint. Trusted
/// issuers and APIs in a backup are written first. The command also finds a configuration in Helm values, a ConfigMap or a Secret, and reads
/// the records of dex's Kubernetes storage. It uses these fields of each client: id or idEnv, secret or secretEnv,
/// name, public, trustedPeers and clientCredentialsClaims.groups. It lists every other field once as not used.
///
/// Secrets are stored as salted, slow hashes. Another import of the same file changes nothing. Clients that are not in
/// the file stay unchanged. If the command rejects a client, it prints the reason, imports the others, and exits with
/// code 1. It rejects secrets that look like a placeholder of another tool (`$name`, `{{ .x }}`, `changeme`).
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client import dex.yaml --env production --dry-run
  CI_SECRET=… edgemint client import dex.yaml --env production
  kubectl get configmap dex -o yaml | edgemint client import - --env production --dry-run")]
pub(crate) struct ClientImport {
    /// File to import. `-` reads stdin
    pub(crate) file: PathBuf,
    /// Import this client unchanged, even if a value looks like a placeholder. Repeatable
    #[arg(long, value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) allow_literal: Vec<ClientId>,
    /// Print what would change, client by client, but change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The number of secrets or records above which the command announces that it takes a while.
const MANY: usize = 200;

pub(crate) fn run(args: &ClientImport, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let (name, text) = read(args)?;
    let wrong = |error: dex::FileError| anyhow!("{name}: {error}");
    let restored = backup::read(&text).transpose().map_err(wrong)?;
    let is_backup = restored.is_some();

    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let (mut place, mut warnings) = (None, Vec::new());
    let (mut issuers, mut apis, mut clients, unused_fields) = match restored {
        Some(backup) => {
            ensure!(
                args.allow_literal.is_empty(),
                "cannot use --allow-literal with {name}: a backup contains no placeholders. Run the command without \
                 --allow-literal."
            );
            let (apis, clients) = (backup.apis.len(), backup.clients.len());
            let issuers = match backup.issuers.len() {
                0 => String::new(),
                count => format!("trusted issuers: {count}, "),
            };
            output.say(format_args!(
                "{name} is a backup of edgemint ({issuers}APIs: {apis}, clients: {clients}). Each record is restored \
                 unchanged."
            ));
            let issuers = restore(backup.issuers, &records)?;
            let (apis, clients) = (restore(backup.apis, &records)?, restore(backup.clients, &records)?);
            (issuers, apis, clients, BTreeSet::new())
        }
        None => {
            let file = args.file.to_string_lossy();
            let variable = |name: &str| host.text_variable(name);
            let asked = dex::Asked { file: &file, variable: &variable, literal: &args.allow_literal };
            let dex = dex::read(&text, &asked).map_err(wrong)?;
            ensure!(
                !may_be_cut_off(&text),
                "cannot import {name}: the last line does not end with a line break, so the file may be cut off \
                 within a secret. Nothing was written. If the file is complete, add a line break."
            );
            if let Some(place) = &dex.place {
                output.say(format_args!("The clients were found in {place}"));
            }
            place = dex.place.clone();
            warnings = unknown_literals(args, &dex.entries);
            let unused_fields = dex.unused_fields.clone();
            let clients = carry_over(dex, &records, args.dry_run, host, output)?;
            (Plan::nothing(), Plan::nothing(), clients, unused_fields)
        }
    };
    for warning in &warnings {
        output.say(format_args!("warning: {warning}"));
    }

    let known = Known {
        apis: known::<ApiRecord>(&clients.planned, &apis.planned, &records)?,
        issuers: known::<TrustedIssuer>(&clients.planned, &issuers.planned, &records)?,
    };
    judged::judge(&mut clients.planned, &known, host.now);
    judged::refuse_own_issuer(&mut issuers.planned, project.issuer());
    if !args.dry_run {
        issuers.leave_what_others_wrote(&records)?;
        apis.leave_what_others_wrote(&records)?;
        clients.leave_what_others_wrote(&records)?;
    }
    // The clients last: a grant has no effect without its API, and a rule none without its issuer.
    let to_write: Vec<Pair> = issuers.pairs().chain(apis.pairs()).chain(clients.pairs()).collect();
    if !args.dry_run && !to_write.is_empty() {
        if to_write.len() > MANY {
            output.say(format_args!("Writing {} records to {} …", to_write.len(), project.target));
        }
        records.write_all(&to_write)?;
    }
    let report = Report {
        dry_run: args.dry_run,
        command: (args.dry_run && !to_write.is_empty()).then(|| records.told_write()),
        issuers: &issuers.planned,
        apis: &apis.planned,
        clients: &clients.planned,
        backup: is_backup,
        found_at: place.as_deref(),
        warnings: &warnings,
        unused_fields: &unused_fields,
        delay: Delay::of(&project),
        target: &project.target,
    };
    output.report(&report)?;
    Ok(if report.is_refusal() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The name of the file for messages, and its text.
fn read(args: &ClientImport) -> Result<(String, Zeroizing<String>)> {
    let is_stdin = args.file.as_os_str() == "-";
    let name = if is_stdin { "standard input".to_owned() } else { args.file.display().to_string() };
    let mut bytes = Zeroizing::new(Vec::new());
    let read = match is_stdin {
        true => std::io::stdin().read_to_end(&mut bytes),
        false => File::open(&args.file).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.with_context(|| format!("cannot read {name}"))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| anyhow!("cannot read {name}: it is not a text file in UTF-8"))?;
    Ok((name, Zeroizing::new(text.to_owned())))
}

/// A warning for each `--allow-literal` without effect: its ID may be misspelled.
fn unknown_literals(args: &ClientImport, entries: &[Result<DexClient, Refused>]) -> Vec<String> {
    let is = |id: &ClientId, entry: &Result<DexClient, Refused>| match entry {
        Ok(client) => client.id == *id,
        Err(refused) => refused.id.as_deref() == Some(id.as_str()),
    };
    let unknown = args.allow_literal.iter().filter(|id| !entries.iter().any(|entry| is(id, entry)));
    unknown
        .map(|id| format!("`--allow-literal {id}` has no effect: no client in the file has this ID"))
        .collect()
}

/// Whether the last value may be cut off. Brackets and quotes mark their end. A plain string at the end of a YAML file
/// does not.
fn may_be_cut_off(text: &str) -> bool {
    !text.ends_with(['\n', '\r', ']', '}', '"', '\''])
}

/// The decisions about the entries of one kind, and the stored records that they are based on.
struct Plan<R: Kind> {
    planned: Vec<Planned<R>>,
    stored: ById<R>,
}

impl<R: Kind> Plan<R> {
    fn nothing() -> Self {
        Self { planned: Vec::new(), stored: BTreeMap::new() }
    }

    /// Rejects entries whose records another operator wrote meanwhile, so that they stay unchanged. Hashing many
    /// secrets leaves time for that.
    fn leave_what_others_wrote(&mut self, records: &Records<'_>) -> Result<()> {
        let ids: Vec<&R::Id> =
            self.planned.iter().filter_map(|planned| Some(planned.record.as_ref()?.id())).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let written = change::written_meanwhile::<R>(records, &self.stored, &ids)
            .context("cannot check the stored records again, so nothing was written")?;
        for one in &mut self.planned {
            if one.record.as_ref().is_some_and(|record| written.contains(record.id())) {
                one.refuse_at_last(
                    "another operator wrote it at the same time. Run the command again".to_owned(),
                );
            }
        }
        Ok(())
    }

    /// The records to write.
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.planned.iter().filter_map(|planned| planned.record.as_ref()).map(Pair::of)
    }
}

/// The IDs of one kind of records to compare the IDs of new clients with: the stored ones and those in the file.
fn known<R: Kind>(
    clients: &[Planned],
    planned: &[Planned<R>],
    records: &Records<'_>,
) -> Result<BTreeSet<R::Id>> {
    let can_collide = |client: &Planned| {
        let id = client.record.as_ref().map(|record| record.id.as_str());
        client.result == Verdict::Added && id.is_some_and(|id| R::parse_id(id).is_ok())
    };
    if !clients.iter().any(can_collide) {
        return Ok(BTreeSet::new());
    }
    let context = || format!("cannot compare the clients with the IDs of {}s", R::NAME);
    let mut known = records.ids::<R>().with_context(context)?;
    known.extend(planned.iter().filter_map(|one| Some(one.record.as_ref()?.id().clone())));
    Ok(known)
}

/// Plans the import of dex clients. It computes the slow hashes on all cores.
fn carry_over(
    dex: dex::DexFile,
    records: &Records<'_>,
    dry_run: bool,
    host: &Host,
    output: &mut Output,
) -> Result<Plan<ClientRecord>> {
    let ids: Vec<&ClientId> = dex.entries.iter().flatten().map(|client| &client.id).collect();
    let stored = records.read::<ClientRecord>(&ids)?;
    let secrets = dex.entries.iter().flatten().filter(|client| client.secret.is_some()).count();
    if secrets > MANY {
        output.say(format_args!("Hashing {secrets} secrets (deliberately slow) …"));
    }
    let entries = dex.entries.into_iter().map(|entry| Ok((entry, host.random_bytes::<16>()?)));
    let entries = entries.collect::<Result<Vec<_>>>()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = output.progress_bar(if secrets > MANY { entries.len() } else { 0 });
    let planned = in_parallel(&entries, threads, |(entry, salt)| {
        let planned = match entry {
            Ok(client) => plan::dex_client(client, stored.get(&client.id), host.now, &|secret: &Secret| {
                // A dry run never shows or stores the hash.
                if dry_run { SecretHash::Sha256([0; 32]) } else { secret.hash(*salt) }
            }),
            Err(refused) => Planned::refused(refused.clone()),
        };
        bar.inc(1);
        planned
    });
    bar.finish_and_clear();
    Ok(Plan { planned, stored })
}

/// Plans the restoration of a backup.
fn restore<R: Kind>(entries: backup::Entries<R>, records: &Records<'_>) -> Result<Plan<R>> {
    let ids: Vec<&R::Id> = entries.iter().flatten().map(Kind::id).collect();
    if entries.is_empty() {
        return Ok(Plan::nothing());
    }
    let stored = records.read::<R>(&ids)?;
    let planned = entries.into_iter().enumerate().map(|(i, entry)| match entry {
        Ok(record) => {
            let stored = stored.get(record.id());
            plan::record(i + 1, record, stored)
        }
        Err(refused) => Planned::refused(refused),
    });
    Ok(Plan { planned: planned.collect(), stored })
}
