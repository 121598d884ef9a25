//! The commands of `edgemint`, and the module that runs each.

#[cfg(test)]
mod reference;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::api::{self, ApiCommand};
use crate::commands::check::{self, Check};
use crate::commands::client::{self, ClientCommand};
use crate::commands::completions::{self, Completions};
use crate::commands::deploy::{self, Deploy};
use crate::commands::dev::{self, Dev};
use crate::commands::init::{self, Init};
use crate::commands::issuer::{self, IssuerCommand};
use crate::commands::key::{self, KeyCommand};
use crate::commands::token::{self, TokenCommand};
use crate::deployment::session::Session;
use crate::host::Host;
use crate::terminal::output::Output;

const EXIT_CODES: &str = "\
Exit codes:
  0  success, with or without warnings
  1  rejected or failed; stderr lists what was done and what was not
  2  invalid arguments

Secrets and keys are printed once, on stdout. Messages for people are on stderr.";

/// Manage signing keys, clients and APIs of a deployment
#[derive(Debug, Parser)]
#[command(name = "edgemint", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print one JSON object on stdout instead of text
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// Path of the deployment's wrangler.toml. A file that you pass here is trusted, whatever its permissions
    /// [default: the nearest one in this directory or above it, if no other user can write it]
    #[arg(short, long, global = true, value_name = "PATH", display_order = 901)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(Dev),
    Init(Init),
    Deploy(Deploy),
    /// Generate, list, rotate and retire signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage and back up clients, their secrets and their grants
    #[command(subcommand)]
    Client(ClientCommand),
    /// Manage the APIs that tokens are for, and their scopes
    #[command(subcommand)]
    Api(ApiCommand),
    /// Manage the issuers that are trusted to identify workloads
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Get, inspect, introspect and revoke tokens
    #[command(subcommand)]
    Token(TokenCommand),
    Check(Check),
    Completions(Completions),
}

/// Runs the command. An exit code of 1 without an error means that the printed result lists the rejections.
///
/// # Errors
///
/// If the command fails. The error names the part that was done nevertheless.
pub fn run(args: &Args, host: &Host, output: &mut Output) -> Result<ExitCode> {
    let session = Session { config: args.config.as_deref(), host, output };
    match &args.command {
        Command::Dev(args) => dev::run(args, session),
        Command::Init(args) => init::run(args, session),
        Command::Deploy(args) => deploy::run(args, session),
        Command::Key(command) => key::run(command, session),
        Command::Client(command) => client::run(command, session),
        Command::Api(command) => api::run(command, session),
        Command::Issuer(command) => issuer::run(command, session),
        Command::Token(command) => token::run(command, session),
        Command::Check(args) => check::run(args, session),
        Command::Completions(args) => completions::run(args, Args::command(), session.output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Args::command().debug_assert();
    }
}
