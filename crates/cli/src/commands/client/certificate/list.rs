//! `edgemint client certificate list`: the certificates that authenticate a client.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{CertificateMatch, ClientCertificate, ClientId, ClientRecord};
use serde::Serialize;

use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::change;
use crate::records::kv::Records;
use crate::terminal::when::utc;
use crate::terminal::words::table;

/// List the certificates that authenticate a client
///
/// Each line has the ID of the certificate, the time at which it was added, and what of a certificate must match.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client certificate list billing --env production")]
pub(crate) struct ClientCertificateList {
    /// ID of the client
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The result with `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a ClientId,
    certificates: &'a [ClientCertificate],
}

pub(crate) fn run(
    args: &ClientCertificateList,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let record: ClientRecord = change::find(&Records::of(&project, host)?, &args.id, &project)?;
    if output.is_json() {
        output.result_json(&Listed { id: &record.id, certificates: &record.certificates })?;
    } else if record.certificates.is_empty() {
        output.say(format_args!("The client {} has no certificates in {}.", record.id, project.target));
    } else {
        output.result_lines(&rows(&record.certificates))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The certificates as a table.
pub(crate) fn rows(certificates: &[ClientCertificate]) -> Vec<String> {
    let heading = ["ID", "CREATED", "MATCHES"].map(str::to_owned);
    let row = |one: &ClientCertificate| [one.id.clone(), utc(one.created), described(&one.r#match)];
    table(&std::iter::once(heading).chain(certificates.iter().map(row)).collect::<Vec<_>>())
}

/// What of a certificate must match, in words.
pub(crate) fn described(matched: &CertificateMatch) -> String {
    match matched {
        CertificateMatch::Sha256(thumbprint) => format!("SHA-256 {thumbprint}"),
        CertificateMatch::Names { subject_dn, issuer_dn } => {
            format!("subject \"{subject_dn}\", issuer \"{issuer_dn}\"")
        }
    }
}
