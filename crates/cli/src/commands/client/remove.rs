//! `edgemint client remove`: deletes client records after a prompt.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientId, ClientRecord};

use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::remove;
use crate::records::remove::Removal;

/// Remove clients
///
/// Deletes their records. Once that takes effect, their secrets no longer work. You cannot restore them. Issued
/// tokens stay valid until they expire.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client remove billing --env production")]
pub(crate) struct ClientRemove {
    /// IDs of the clients
    #[arg(required = true, value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) ids: Vec<ClientId>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print what would be removed, but remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

pub(crate) fn run(args: &ClientRemove, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let removal = Removal::<ClientRecord> { ids: &args.ids, yes: args.yes, dry_run: args.dry_run };
    remove::run(&removal, &project, host, output, |_, _, _| Ok(()))
}
