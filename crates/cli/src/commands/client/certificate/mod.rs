//! `edgemint client certificate`: one file for each subcommand, with its flags.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::client::certificate::add::ClientCertificateAdd;
use crate::commands::client::certificate::list::ClientCertificateList;
use crate::commands::client::certificate::remove::ClientCertificateRemove;
use crate::deployment::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCertificateCommand {
    Add(ClientCertificateAdd),
    List(ClientCertificateList),
    Remove(ClientCertificateRemove),
}

/// Runs one subcommand.
pub(crate) fn run(command: &ClientCertificateCommand, session: Session<'_>) -> Result<ExitCode> {
    match command {
        ClientCertificateCommand::Add(args) => add::run(args, session),
        ClientCertificateCommand::List(args) => list::run(args, session),
        ClientCertificateCommand::Remove(args) => remove::run(args, session),
    }
}
