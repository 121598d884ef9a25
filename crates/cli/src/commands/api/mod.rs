//! `edgemint api`: one file for each subcommand, with its flags.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod set;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::api::add::ApiAdd;
use crate::commands::api::list::{ApiList, ApiShow};
use crate::commands::api::remove::ApiRemove;
use crate::commands::api::set::ApiSet;
use crate::deployment::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    Add(ApiAdd),
    List(ApiList),
    Show(ApiShow),
    Set(ApiSet),
    Remove(ApiRemove),
}

/// Runs one subcommand.
pub(crate) fn run(command: &ApiCommand, session: Session<'_>) -> Result<ExitCode> {
    match command {
        ApiCommand::Add(args) => add::run(args, session),
        ApiCommand::List(args) => list::list(args, session),
        ApiCommand::Show(args) => list::show(args, session),
        ApiCommand::Set(args) => set::run(args, session),
        ApiCommand::Remove(args) => remove::run(args, session),
    }
}
