//! `edgemint client disable` and `enable`: set whether a client gets tokens.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::ClientRecord;
use serde::Serialize;

use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};

/// Disable a client, so that it gets no tokens
///
/// The client gets no tokens until you enable it again. Its record and secrets are kept. Issued tokens stay valid
/// until they expire.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client disable billing --env production")]
pub(crate) struct ClientDisable {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Enable a disabled client
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client enable billing --env production")]
pub(crate) struct ClientEnable {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// The members that `--json` prints.
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
        let lives = "Issued tokens stay valid until they expire.";
        Ok(Said {
            what: State { disabled },
            done: format!("The client {id} is {word} in {target}"),
            already: format!("The client {id} is already {word} in {target}"),
            notes: if disabled { vec![lives.to_owned()] } else { Vec::new() },
            warnings: Vec::new(),
        })
    })
}
