//! `edgemint issuer`: one file for each subcommand, with its flags.

pub(crate) mod add;
pub(crate) mod discovery;
pub(crate) mod list;
pub(crate) mod presets;
pub(crate) mod remove;
pub(crate) mod state;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::issuer::add::IssuerAdd;
use crate::commands::issuer::list::{IssuerList, IssuerShow};
use crate::commands::issuer::remove::IssuerRemove;
use crate::commands::issuer::state::{IssuerDisable, IssuerEnable};
use crate::deployment::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    Add(IssuerAdd),
    List(IssuerList),
    Show(IssuerShow),
    Disable(IssuerDisable),
    Enable(IssuerEnable),
    Remove(IssuerRemove),
}

/// Runs one subcommand.
pub(crate) fn run(command: &IssuerCommand, session: Session<'_>) -> Result<ExitCode> {
    match command {
        IssuerCommand::Add(args) => add::run(args, session),
        IssuerCommand::List(args) => list::list(args, session),
        IssuerCommand::Show(args) => list::show(args, session),
        IssuerCommand::Disable(args) => state::disable(args, session),
        IssuerCommand::Enable(args) => state::enable(args, session),
        IssuerCommand::Remove(args) => remove::run(args, session),
    }
}
