//! `edgemint token`: one file for each subcommand, with its flags.

pub(crate) mod ask;
pub(crate) mod credentials;
pub(crate) mod get;
pub(crate) mod inspect;
pub(crate) mod introspect;
pub(crate) mod jwt;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::token::get::TokenGet;
use crate::commands::token::inspect::TokenInspect;
use crate::commands::token::introspect::{TokenIntrospect, TokenRevoke};
use crate::deployment::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    Get(TokenGet),
    Inspect(TokenInspect),
    Introspect(TokenIntrospect),
    Revoke(TokenRevoke),
}

/// Runs one subcommand.
pub(crate) fn run(command: &TokenCommand, session: Session<'_>) -> Result<ExitCode> {
    match command {
        TokenCommand::Get(args) => get::run(args, session),
        TokenCommand::Inspect(args) => inspect::run(args, session),
        TokenCommand::Introspect(args) => introspect::introspect(args, session),
        TokenCommand::Revoke(args) => introspect::revoke(args, session),
    }
}
