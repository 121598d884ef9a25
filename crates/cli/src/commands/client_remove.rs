//! `edgemint client remove`: deletes client records, after asking.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use edgemint_issuer::ClientId;
use serde_json::json;

use crate::args::ClientRemove;
use crate::change;
use crate::confirm::confirm;
use crate::delay::Delay;
use crate::host::Host;
use crate::kv::Records;
use crate::output::Output;
use crate::project::Project;

pub(super) fn run(
    args: &ClientRemove,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let mut ids: Vec<&ClientId> = args.ids.iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let stored = records.read(&ids)?;
    let (there, missing): (Vec<&ClientId>, Vec<&ClientId>) =
        ids.into_iter().partition(|id| stored.contains_key(*id));

    let delay = Delay::of(&project);
    for id in &missing {
        output.say(format_args!("warning: there is no client {id} in {}", project.target));
    }
    let names = there.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    if args.dry_run && !there.is_empty() {
        output.say(format_args!(
            "It would remove {names} from {} by\n  {}\nNothing was removed.",
            project.target,
            records.told_remove()
        ));
    }
    if !args.dry_run && !there.is_empty() {
        let question = format!("Remove {names} from {}?", project.target);
        confirm(args.yes, &question, "nothing was removed", host, output)?;
        let written = change::written_meanwhile(&records, &stored, &there)?;
        ensure!(
            written.is_empty(),
            "another operator wrote {} at the same time, so nothing was removed: look again, and run the same command again",
            written.iter().map(ClientId::as_str).collect::<Vec<_>>().join(", ")
        );
        records.remove(&there)?;
        output.say(format_args!("Removed {names} from {}.", project.target));
        output.say(delay);
    }
    if output.is_json() {
        let seen_after_seconds = delay.seconds();
        output.result_json(
            &json!({ "dry_run": args.dry_run, "removed": there, "missing": missing, "seen_after_seconds": seen_after_seconds }),
        )?;
    }
    // Those that are missing are where they were to be: the same command again completes one that failed.
    Ok(ExitCode::SUCCESS)
}
