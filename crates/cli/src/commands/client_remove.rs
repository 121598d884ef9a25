//! `edgemint client remove`: deletes client records, after asking.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use edgemint_issuer::ClientId;
use serde_json::json;

use crate::args::ClientRemove;
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
    if !there.is_empty() {
        let names = there.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        let question = format!("Remove {names} from {}?", project.target);
        confirm(args.yes, &question, "nothing was removed", host, output)?;
        records.remove(&there)?;
        output.say(format_args!("Removed {names} from {}.", project.target));
        output.say(delay);
    }
    if output.is_json() {
        let seen_after_seconds = delay.seconds();
        output.result_json(
            &json!({ "removed": there, "missing": missing, "seen_after_seconds": seen_after_seconds }),
        )?;
    }
    // Those that are missing are where they were to be: the same command again completes one that failed.
    Ok(ExitCode::SUCCESS)
}
