//! `edgemint issuer remove`: deletes records of trusted issuers after a prompt. It refuses while clients have a rule
//! for one.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientRecord, TrustedIssuer, TrustedIssuerId};
use edgemint_printable::shell;

use crate::commands::issuer::list::trusting;
use crate::commands::issuer::presets;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::remove;
use crate::records::remove::Removal;
use crate::terminal::words::some_of;

pub(crate) fn run(args: &IssuerRemove, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let removal = Removal::<TrustedIssuer> { ids: &args.ids, yes: args.yes, dry_run: args.dry_run };
    remove::run(&removal, &project, host, output, |records, issuers, output| {
        let clients = records.read_all::<ClientRecord>()?;
        for issuer in issuers {
            let names = trusting(issuer, &clients);
            if names.is_empty() {
                continue;
            }
            let told = some_of(&names);
            if !args.force {
                bail!(
                    "cannot remove {issuer}: these clients have a rule for it: {told}. Nothing was removed. Remove the \
                     rules with `edgemint client untrust CLIENT RULE`, or pass --force."
                );
            }
            output.say(format_args!(
                "warning: these clients keep a rule for {issuer}, which then has no effect: {told}. The tokens that they \
                 have are valid until they expire. To revoke these tokens, too, run first `edgemint issuer disable \
                 --revoke-tokens {}`",
                shell::last(issuer.as_str())
            ));
        }
        Ok(())
    })
}

/// Remove trusted issuers
///
/// Once the removal takes effect, tokens of these issuers identify no client. Tokens that clients already have stay
/// valid until they expire. The command refuses while a client has a rule for one of the issuers.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint issuer remove https://gitlab.example.com --env production")]
pub(crate) struct IssuerRemove {
    /// URLs of the issuers, or presets
    #[arg(required = true, value_name = "URL|PRESET", value_parser = presets::parse)]
    pub(crate) ids: Vec<TrustedIssuerId>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Remove an issuer even if clients have a rule for it. They keep the rule, which then has no effect
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what would be removed, but remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
