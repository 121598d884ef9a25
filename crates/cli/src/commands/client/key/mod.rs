//! `edgemint client key`: one file for each subcommand, with its flags.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod set;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::client::key::add::ClientKeyAdd;
use crate::commands::client::key::list::ClientKeyList;
use crate::commands::client::key::remove::ClientKeyRemove;
use crate::commands::client::key::set::ClientKeySet;
use crate::deployment::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientKeyCommand {
    Add(ClientKeyAdd),
    List(ClientKeyList),
    Set(ClientKeySet),
    Remove(ClientKeyRemove),
}

/// Runs one subcommand.
pub(crate) fn run(command: &ClientKeyCommand, session: Session<'_>) -> Result<ExitCode> {
    match command {
        ClientKeyCommand::Add(args) => add::run(args, session),
        ClientKeyCommand::List(args) => list::run(args, session),
        ClientKeyCommand::Set(args) => set::run(args, session),
        ClientKeyCommand::Remove(args) => remove::run(args, session),
    }
}
