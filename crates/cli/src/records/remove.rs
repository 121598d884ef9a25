//! Deletes records after asking: what `client remove` and `api remove` have in common.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::deployment::delay::Delay;
use crate::deployment::project::Project;
use crate::host::Host;
use crate::records::change;
use crate::records::kind::Kind;
use crate::records::kv::Records;
use crate::terminal::confirm::confirm;
use crate::terminal::output::Output;
use crate::terminal::words::listed;

/// What was typed.
pub(crate) struct Removal<'a, R: Kind> {
    pub(crate) ids: &'a [R::Id],
    pub(crate) yes: bool,
    pub(crate) dry_run: bool,
}

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Report<'a, I> {
    dry_run: bool,
    /// What would remove them, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    removed: &'a [&'a I],
    missing: &'a [&'a I],
    seen_after_seconds: u64,
}

/// Removes what is there of it. `may_go` has a last word, given those and before anybody is asked.
pub(crate) fn run<R: Kind>(
    removal: &Removal<'_, R>,
    project: &Project,
    host: &Host,
    output: &mut Output,
    may_go: impl FnOnce(&Records<'_>, &[&R::Id], &mut Output) -> Result<()>,
) -> Result<ExitCode> {
    let mut ids: Vec<&R::Id> = removal.ids.iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let records = Records::of(project, host)?;
    let stored = records.read::<R>(&ids)?;
    let (there, missing): (Vec<&R::Id>, Vec<&R::Id>) =
        ids.into_iter().partition(|id| stored.contains_key(*id));

    let (delay, target, dry_run) = (Delay::of(project), &project.target, removal.dry_run);
    for id in &missing {
        output.say(format_args!("warning: there is no {} {id} in {target}", R::NAME));
    }
    if !there.is_empty() {
        may_go(&records, &there, output)?;
        let names = listed(there.iter().map(ToString::to_string), "");
        if dry_run {
            output.say(format_args!("It would remove {names} from {target} by\n  {}", records.told_remove()));
            output.say("Nothing was removed.");
        } else {
            let question = format!("Remove {names} from {target}?");
            confirm(removal.yes, &question, "nothing was removed", host, output)?;
            let written = change::written_meanwhile::<R>(&records, &stored, &there)?;
            ensure!(
                written.is_empty(),
                "another operator wrote {} at the same time, so nothing was removed: look again, and run the same command again",
                listed(written.iter().map(ToString::to_string), "")
            );
            records.remove::<R>(&there)?;
            output.say(format_args!("Removed {names} from {target}."));
            output.say(delay);
        }
    }
    if output.is_json() {
        output.result_json(&Report {
            dry_run,
            command: (dry_run && !there.is_empty()).then(|| records.told_remove()),
            removed: &there,
            missing: &missing,
            seen_after_seconds: delay.seconds(),
        })?;
    }
    // Those that are missing are where they were to be: the same command again completes one that failed.
    Ok(ExitCode::SUCCESS)
}
