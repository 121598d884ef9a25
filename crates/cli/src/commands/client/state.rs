//! `edgemint client disable` and `enable`: whether a client gets tokens.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use edgemint_issuer::ClientRecord;
use serde::Serialize;

use crate::client_args::ClientChange;
use crate::host::Host;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};
use crate::terminal::output::Output;

/// What `--json` prints of it.
#[derive(Serialize)]
struct State {
    disabled: bool,
}

pub(crate) fn run(
    args: &ClientChange,
    disabled: bool,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let which = Which { id: &args.id, dry_run: args.dry_run, target: &args.target };
    change_one::run(&which, config, host, output, |record: &mut ClientRecord, place| {
        record.disabled = disabled;
        let (id, target) = (&args.id, &place.project.target);
        let word = if disabled { "disabled" } else { "enabled" };
        let lives = "Tokens that it has got live until they expire.";
        Ok(Said {
            what: State { disabled },
            done: format!("The client {id} is {word} in {target}"),
            already: format!("The client {id} is {word} already in {target}"),
            notes: if disabled { vec![lives.to_owned()] } else { Vec::new() },
            warnings: Vec::new(),
        })
    })
}
