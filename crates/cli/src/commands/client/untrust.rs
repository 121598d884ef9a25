//! `edgemint client untrust`: removes rules, so that a workload no longer is a client.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::ClientRecord;
use serde::Serialize;

use crate::commands::client::withdrawn::RevokeTokens;
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};
use crate::terminal::words::{listed, some_of};

/// Remove rules for workloads from a client
///
/// Once the removal takes effect, tokens of these workloads no longer identify the client. Access tokens that the
/// client already has stay valid until they expire, unless you pass --revoke-tokens.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client untrust deploy github2 --env production   (`client show deploy` names the rules)
  edgemint client untrust deploy github2 --revoke-tokens --env production   (the workload is an attacker's)")]
pub(crate) struct ClientUntrust {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// Names of the rules
    #[arg(required = true, value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    #[command(flatten)]
    pub(crate) revoke: RevokeTokens,
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Untrusted {
    rules: Vec<String>,
    not_before: Option<u64>,
}

pub(crate) fn run(args: &ClientUntrust, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    let now = host.now;
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        remove(record, &args.rules)?;
        args.revoke.apply(record, now);
        let (id, target) = (&typed.id, &place.project.target);
        let rules = match args.rules.as_slice() {
            [rule] => format!("The rule {rule} of the client {id} in {target} is removed"),
            rules => format!("The rules {} of the client {id} in {target} are removed", listed(rules, "")),
        };
        let gone = (!record.can_authenticate())
            .then(|| "the client cannot authenticate now, so it gets no token".to_owned());
        Ok(Said {
            what: Untrusted { rules: args.rules.clone(), not_before: record.not_before },
            already: rules.clone(),
            done: rules,
            notes: vec![args.revoke.note(record, place.project, now)?],
            warnings: gone.into_iter().collect(),
        })
    })
}

/// Removes the rules from the record. Fails if it lacks one of them.
fn remove(record: &mut ClientRecord, rules: &[String]) -> Result<()> {
    let known: Vec<&str> = record.identities.iter().map(|rule| rule.id.as_str()).collect();
    if let Some(unknown) = rules.iter().find(|rule| !known.contains(&rule.as_str())) {
        let known = if known.is_empty() { "none".to_owned() } else { some_of(&known) };
        bail!(
            "cannot find the rule {unknown} of the client {}. Nothing was changed. Its rules: {known}.",
            record.id
        );
    }
    record.identities.retain(|rule| !rules.contains(&rule.id));
    Ok(())
}
