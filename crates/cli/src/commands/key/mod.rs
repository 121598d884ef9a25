//! `edgemint key`: one file for each subcommand, with its flags.

pub(crate) mod generate;
pub(crate) mod list;
pub(crate) mod published;
pub(crate) mod retire;
pub(crate) mod rotate;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::key::generate::KeyGenerate;
use crate::commands::key::list::KeyList;
use crate::commands::key::retire::KeyRetire;
use crate::commands::key::rotate::KeyRotate;
use crate::deployment::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Generate(KeyGenerate),
    List(KeyList),
    Rotate(KeyRotate),
    Retire(KeyRetire),
}

/// Runs one subcommand.
pub(crate) fn run(command: &KeyCommand, session: Session<'_>) -> Result<ExitCode> {
    match command {
        KeyCommand::Generate(args) => generate::run(args, session.host, session.output),
        KeyCommand::List(args) => list::run(args, session),
        KeyCommand::Rotate(args) => rotate::run(args, session),
        KeyCommand::Retire(args) => retire::run(args, session),
    }
}
