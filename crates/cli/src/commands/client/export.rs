//! `edgemint client export`: writes a backup of all clients, APIs and trusted issuers, with hashes and without secrets.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ApiRecord, ClientRecord, TrustedIssuer};
use edgemint_printable::printable_json;
use serde::Serialize;

use crate::commands::client::backup;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::host::private_file::PrivateFile;
use crate::records::kind::Kind;
use crate::records::kv::{ById, Records, Stored};
use crate::terminal::words::counted;

/// Write a backup of all clients, APIs and trusted issuers
///
/// Restore the backup with `client import`. It contains hashes and no secrets. In an empty namespace, the import
/// makes every client work again with the secrets that it had. Store the backup where only operators can read it:
/// an attacker can guess secrets that people chose from their hashes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client export clients.json --env production
  edgemint client export --env production | age -r age1… > clients.json.age
  edgemint client import clients.json --env production   (restores it)")]
pub(crate) struct ClientExport {
    /// New file for the backup, which only its owner can read. The file must not exist [default: stdout]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The result with `--json`, if the backup is written to a file.
#[derive(Serialize)]
struct Exported<'a> {
    file: &'a Path,
    #[serde(skip_serializing_if = "is_zero")]
    issuers: usize,
    #[serde(skip_serializing_if = "is_zero")]
    apis: usize,
    clients: usize,
    /// The IDs of clients.
    unreadable: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unreadable_apis: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unreadable_issuers: &'a [String],
}

pub(crate) fn run(args: &ClientExport, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let new_file = PrivateFile::named(args.file.as_deref(), host)?;
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let stored_issuers = records.read_all::<TrustedIssuer>()?;
    let (stored_apis, stored) = (records.read_all::<ApiRecord>()?, records.read_all::<ClientRecord>()?);
    let issuers: Vec<&TrustedIssuer> = stored_issuers.values().flatten().collect();
    let apis: Vec<&ApiRecord> = stored_apis.values().flatten().collect();
    let clients: Vec<&ClientRecord> = stored.values().flatten().collect();
    // Names in the backup come from elsewhere, and people look at the file. So they are escaped.
    let text = printable_json(&backup::write(&issuers, &apis, &clients));
    let mut unreadable = unreadable_of::<TrustedIssuer>(&stored_issuers, "trusted issuer ");
    unreadable.extend(unreadable_of::<ApiRecord>(&stored_apis, "API "));
    unreadable.extend(unreadable_of::<ClientRecord>(&stored, ""));
    match args.file.as_deref().zip(new_file) {
        None => output.result_verbatim(&text)?,
        Some((file, mut new_file)) => {
            new_file.write(&text)?;
            new_file.keep();
            if output.is_json() {
                let unreadable = stored.iter().filter(|(_, stored)| stored.is_err());
                output.result_json(&Exported {
                    file,
                    issuers: issuers.len(),
                    apis: apis.len(),
                    clients: clients.len(),
                    unreadable: unreadable.map(|(id, _)| id.as_str()).collect(),
                    unreadable_apis: &unreadable_ids::<ApiRecord>(&stored_apis),
                    unreadable_issuers: &unreadable_ids::<TrustedIssuer>(&stored_issuers),
                })?;
            }
        }
    }
    let others = [(apis.len(), "API"), (issuers.len(), "trusted issuer")];
    let others = others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what));
    let all: Vec<String> = std::iter::once(counted(clients.len(), "client")).chain(others).collect();
    output.say(format_args!("Exported {} of {}.", all.join(" and "), project.target));
    if !unreadable.is_empty() {
        bail!("the backup is incomplete; these records could not be read: {}", unreadable.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// The records that are missing in the backup, and why.
fn unreadable_of<R: Kind>(stored: &ById<R>, kind: &str) -> Vec<String> {
    let of = |(id, stored): (&R::Id, &Stored<R>)| {
        stored.as_ref().err().map(|error| format!("{kind}{id} ({error})"))
    };
    stored.iter().filter_map(of).collect()
}

/// The IDs of the records that are missing in the backup.
fn unreadable_ids<R: Kind>(stored: &ById<R>) -> Vec<String> {
    stored.iter().filter(|(_, stored)| stored.is_err()).map(|(id, _)| id.to_string()).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
