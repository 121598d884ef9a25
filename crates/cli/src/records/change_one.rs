//! The common part of commands that change one record: read, decide, write, report.

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::deployment::delay::Delay;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::change;
use crate::records::change::Applied;
use crate::records::kind::Kind;
use crate::records::kv::Records;

/// The record to change, from the command line.
pub(crate) struct Which<'a, R: Kind> {
    pub(crate) id: &'a R::Id,
    pub(crate) dry_run: bool,
    pub(crate) target: &'a TargetArgs,
}

/// The context of a decision.
pub(crate) struct Place<'a> {
    pub(crate) records: &'a Records<'a>,
    pub(crate) project: &'a Project,
}

/// The texts of a change.
pub(crate) struct Said<T> {
    /// The members that `--json` prints between the ID and the common members.
    pub(crate) what: T,
    /// The message after the change, without a period.
    pub(crate) done: String,
    /// The message if the record already has the change.
    pub(crate) already: String,
    /// Further messages after the change.
    pub(crate) notes: Vec<String>,
    /// Warnings about unintended effects, also in a dry run.
    pub(crate) warnings: Vec<String>,
}

/// The result with `--json`.
#[derive(Serialize)]
struct Changed<'a, I, T> {
    id: &'a I,
    #[serde(flatten)]
    what: T,
    changed: bool,
    revision: u64,
    seen_after_seconds: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Changes one record. `decide` changes the copy and returns the texts.
pub(crate) fn run<R: Kind, T: Serialize>(
    which: &Which<'_, R>,
    Session { config, host, output }: Session<'_>,
    decide: impl FnOnce(&mut R, &Place<'_>) -> Result<Said<T>>,
) -> Result<ExitCode> {
    let project = Project::find(config, which.target, host)?;
    let records = Records::of(&project, host)?;
    let before = change::find::<R>(&records, which.id, &project)?;
    let mut after = before.clone();
    let said = decide(&mut after, &Place { records: &records, project: &project })?;
    let applied = change::apply(&records, &project, &before, &mut after, which.dry_run, host, output)?;
    if applied == Applied::Previewed {
        said.warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    let delay = Delay::of(&project);
    if output.is_json() {
        output.result_json(&Changed {
            id: which.id,
            what: said.what,
            changed: applied == Applied::Written,
            revision: *after.revision(),
            seen_after_seconds: delay.seconds(),
            warnings: said.warnings,
        })?;
    } else if applied == Applied::Unchanged {
        output.say(format_args!("{}. Nothing was written.", said.already));
    } else {
        output.say(format_args!("{}.", said.done));
        output.say(delay);
        said.warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        said.notes.iter().for_each(|note| output.say(note));
    }
    Ok(ExitCode::SUCCESS)
}
