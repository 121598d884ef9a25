//! The common part of `client remove` and `api remove`: delete records after a confirmation prompt.

use std::fmt;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::deployment::delay::Delay;
use crate::deployment::project::{Project, Target};
use crate::host::Host;
use crate::records::change;
use crate::records::kind::Kind;
use crate::records::kv::Records;
use crate::terminal::confirm::confirm;
use crate::terminal::output::{Output, sentences};
use crate::terminal::words::listed;

/// The arguments of the command.
pub(crate) struct Removal<'a, R: Kind> {
    pub(crate) ids: &'a [R::Id],
    pub(crate) yes: bool,
    pub(crate) dry_run: bool,
}

/// The result: JSON for scripts, sentences for people. Before it, warnings name missing records.
#[derive(Serialize)]
struct Report<'a, I> {
    dry_run: bool,
    /// The command that would remove them, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    removed: &'a [&'a I],
    missing: &'a [&'a I],
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    #[serde(skip)]
    target: &'a Target,
}

impl<I: fmt::Display> fmt::Display for Report<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, target) = (names(self.removed.iter().copied()), self.target);
        if let Some(command) = &self.command {
            let would = format!("Dry run: would remove {names} from {target} by running\n  {command}");
            sentences(f, [would.as_str(), "Nothing was removed."])
        } else if self.removed.is_empty() {
            Ok(())
        } else {
            sentences(f, [format!("Removed {names} from {target}."), self.delay.to_string()])
        }
    }
}

/// IDs separated by commas.
fn names<'a, I: fmt::Display + 'a>(ids: impl IntoIterator<Item = &'a I>) -> String {
    listed(ids.into_iter().map(ToString::to_string), "")
}

/// Removes the records that exist. `may_go` can still reject the removal: it runs with their IDs before the prompt.
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

    let (target, dry_run) = (&project.target, removal.dry_run);
    for id in &missing {
        output.say(format_args!("warning: the {} {id} does not exist in {target}", R::NAME));
    }
    if !there.is_empty() {
        may_go(&records, &there, output)?;
    }
    if !there.is_empty() && !dry_run {
        let question = format!("Remove {} from {target}?", names(there.iter().copied()));
        confirm(removal.yes, &question, "nothing was removed", host, output)?;
        let written = change::written_meanwhile::<R>(&records, &stored, &there)?;
        ensure!(
            written.is_empty(),
            "cannot remove the records: another operator wrote {} at the same time. Nothing was removed. Check the \
             records, and run the command again.",
            names(&written)
        );
        records.remove::<R>(&there)?;
    }
    output.report(&Report {
        dry_run,
        command: (dry_run && !there.is_empty()).then(|| records.told_remove()),
        removed: &there,
        missing: &missing,
        delay: Delay::of(project),
        target,
    })?;
    // Missing records are not an error, so that running a failed command again completes it.
    Ok(ExitCode::SUCCESS)
}
