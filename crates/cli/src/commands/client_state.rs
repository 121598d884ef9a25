//! `edgemint client disable` and `enable`: whether a client gets tokens.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use edgemint_issuer::ClientId;
use serde::Serialize;

use crate::change;
use crate::client_args::ClientChange;
use crate::delay::Delay;
use crate::host::Host;
use crate::kv::Records;
use crate::output::Output;
use crate::project::Project;

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Changed<'a> {
    id: &'a ClientId,
    disabled: bool,
    changed: bool,
    revision: u64,
    seen_after_seconds: u64,
}

pub(super) fn run(
    args: &ClientChange,
    disabled: bool,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.id;
    let before = change::find(&records, id, &project)?;
    let changed = before.disabled != disabled;
    let mut after = if changed { change::next(&before) } else { before.clone() };
    after.disabled = disabled;
    let word = if disabled { "disabled" } else { "enabled" };
    if changed && args.dry_run {
        change::preview(&records, &project, &after, host, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    if changed {
        change::replace(&records, &project, &before, &after)?;
    }

    let delay = Delay::of(&project);
    if output.is_json() {
        let seen_after_seconds = delay.seconds();
        output.result_json(&Changed {
            id,
            disabled,
            changed,
            revision: after.revision,
            seen_after_seconds,
        })?;
    } else if !changed {
        output.say(format_args!(
            "The client {id} is {word} already in {}: nothing was written.",
            project.target
        ));
    } else {
        output.say(format_args!("The client {id} is {word} in {}.", project.target));
        output.say(delay);
        if disabled {
            output.say("Tokens that it has got live until they expire.");
        }
    }
    Ok(ExitCode::SUCCESS)
}
