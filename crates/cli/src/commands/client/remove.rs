//! `edgemint client remove`: deletes client records, after asking.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use edgemint_issuer::ClientRecord;

use crate::cli::ClientRemove;
use crate::deployment::project::Project;
use crate::host::Host;
use crate::records::remove;
use crate::records::remove::Removal;
use crate::terminal::output::Output;

pub(crate) fn run(
    args: &ClientRemove,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let removal = Removal::<ClientRecord> { ids: &args.ids, yes: args.yes, dry_run: args.dry_run };
    remove::run(&removal, &project, host, output, |_, _, _| Ok(()))
}
