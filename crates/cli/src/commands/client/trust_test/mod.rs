//! `edgemint client trust-test`: says which rule of a client an identity token matches, or why none does.

pub(crate) mod judge;
pub(crate) mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientId, ClientRecord, TrustedIssuer};
use serde::Serialize;

use crate::commands::client::trust::own_issuer;
use crate::commands::client::trust_test::judge::{Facts, Judged, Signature};
use crate::commands::issuer::discovery;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::host::secret_text::read_text;
use crate::records::change;
use crate::records::kv::Records;

/// Test whether an identity token is accepted as a client
///
/// Compares the token of a workload with every rule of the client, as the Worker does. Prints the rule that matches,
/// or for each rule the first condition that the token does not meet. It also checks the times, the type and the
/// algorithm of the token, and its signature if the keys of its issuer can be fetched. The token is never printed,
/// and is not used up. The exit code is 0 if the token would be accepted.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client trust-test deploy --token-file token.txt --env production
  kubectl create token billing --audience https://tokens.example.com | edgemint client trust-test billing --token-file - --env production")]
pub(crate) struct ClientTrustTest {
    /// ID of the client
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    /// File that contains the token. `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: PathBuf,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The result with `--json`.
#[derive(Serialize)]
struct Tested<'a> {
    id: &'a ClientId,
    accepted: bool,
    /// The rule that identifies the client.
    rule: Option<&'a str>,
    #[serde(flatten)]
    judged: &'a Judged,
}

pub(crate) fn run(args: &ClientTrustTest, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let file = Some(args.token_file.as_path()).filter(|file| *file != Path::new("-"));
    let text = read_text(file, "the token", host)?;
    let records = Records::of(&project, host)?;
    let record: ClientRecord = change::find(&records, &args.id, &project)?;
    let issuers = records.read_all::<TrustedIssuer>()?;
    let own = own_issuer(&project).with_context(|| {
        format!("cannot test the token: {} does not set ISSUER for {}", project.config.display(), project.target)
    })?;
    let facts = Facts { record: &record, issuers: &issuers, own: &own, now: host.now, fetch: &discovery::fetch };
    let judged = judge::judge(text.trim(), &facts);
    let rule = judged.accepted_by();
    if output.is_json() {
        output.result_json(&Tested { id: &args.id, accepted: rule.is_some(), rule, judged: &judged })?;
    } else {
        lines(&judged, &args.id).iter().try_for_each(|line| output.result(line))?;
    }
    Ok(if rule.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The outcome as text.
fn lines(judged: &Judged, id: &ClientId) -> Vec<String> {
    let mut lines: Vec<String> = judged.wrong.iter().map(|wrong| format!("error: {wrong}")).collect();
    lines.push(match &judged.signature {
        Signature::Valid => "signature: valid".to_owned(),
        Signature::Invalid => "error: no key of the issuer verifies the signature".to_owned(),
        Signature::NotChecked(why) => format!("signature: not checked: {why}"),
    });
    for rule in &judged.rules {
        let outcome = rule.failed.as_deref().unwrap_or("matches");
        lines.push(format!("rule {} ({}): {outcome}", rule.rule, rule.described));
    }
    if judged.rules.is_empty() {
        lines.push(format!("The client {id} has no rules, or the token cannot be compared with them."));
    }
    lines.push(match judged.accepted_by() {
        Some(rule) => format!("The token is accepted: the rule {rule} says that the workload is the client {id}."),
        None => format!("The token is rejected for the client {id}."),
    });
    lines
}
