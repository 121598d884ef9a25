//! The commands of `edgemint`, and which room runs each.

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
use crate::commands::key::{self, KeyCommand};
use crate::commands::token::{self, TokenCommand};
use crate::deployment::session::Session;
use crate::host::Host;
use crate::terminal::output::Output;

const EXIT_CODES: &str = "\
Exit codes:
  0  done (warnings do not change that)
  1  refused or failed; what was done and what was not stands on stderr
  2  the command was not understood

Secrets and keys are printed once, on stdout; everything else that people read stands on stderr.";

/// Signing keys, clients and APIs of an edgemint deployment
#[derive(Debug, Parser)]
#[command(name = "edgemint", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print one JSON object on stdout, and no prose
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// The wrangler.toml of the deployment, trusted whoever may write it [default: the nearest one, from this
    /// directory upwards, if nobody else may write it]
    #[arg(short, long, global = true, value_name = "PATH", display_order = 901)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, list, rotate and retire signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Add, look at and change clients, their secrets and their grants, back them up
    #[command(subcommand)]
    Client(ClientCommand),
    /// Add, look at and change the APIs that tokens are for, and their scopes
    #[command(subcommand)]
    Api(ApiCommand),
    /// Get, inspect and revoke tokens
    #[command(subcommand)]
    Token(TokenCommand),
    Check(Check),
    Completions(Completions),
}

/// Does what was typed. An exit code of 1 without an error: the result says what was refused.
///
/// # Errors
///
/// When it could not be done; the error says what was done all the same.
pub fn run(args: &Args, host: &Host, output: &mut Output) -> Result<ExitCode> {
    let session = Session { config: args.config.as_deref(), host, output };
    match &args.command {
        Command::Key(command) => key::run(command, session),
        Command::Client(command) => client::run(command, session),
        Command::Api(command) => api::run(command, session),
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
