//! `edgemint client disable` and `enable`: whether a client gets tokens.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::ClientRecord;
use serde::Serialize;

use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};

/// Disable a client: it gets no token until it is enabled
///
/// Its record and its secrets stay. Tokens that it has got live until they expire.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client disable billing --env production")]
pub(crate) struct ClientDisable {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Enable a client that was disabled
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client enable billing --env production")]
pub(crate) struct ClientEnable {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// What `--json` prints of it.
#[derive(Serialize)]
struct State {
    disabled: bool,
}

pub(crate) fn run(
    args: &ClientChange,
    disabled: bool,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let which = Which { id: &args.id, dry_run: args.dry_run, target: &args.target };
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
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
