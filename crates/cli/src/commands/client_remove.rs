//! `edgemint client remove`: deletes client records, after asking.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use edgemint_issuer::ClientRecord;

use super::remove::{self, Removal};
use crate::args::ClientRemove;
use crate::host::Host;
use crate::output::Output;
use crate::project::Project;

pub(super) fn run(
    args: &ClientRemove,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let removal = Removal::<ClientRecord> { ids: &args.ids, yes: args.yes, dry_run: args.dry_run };
    remove::run(&removal, &project, host, output, |_, _, _| Ok(()))
}
