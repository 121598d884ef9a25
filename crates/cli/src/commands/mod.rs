//! What is done about each command.

pub(crate) mod api;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod key;
pub(crate) mod token;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Args, ClientCommand, Command, KeyCommand};
use crate::commands::api::ApiCommand;
use crate::commands::token::TokenCommand;
use crate::host::Host;
use crate::terminal::output::Output;

/// Does what was typed. An exit code of 1 without an error: the result says what was refused.
///
/// # Errors
///
/// When it could not be done; the error says what was done all the same.
pub fn run(args: &Args, host: &Host, output: &mut Output) -> Result<ExitCode> {
    let config = args.config.as_deref();
    match &args.command {
        Command::Key(KeyCommand::List(args)) => key::list::run(args, config, host, output),
        Command::Key(KeyCommand::Retire(args)) => key::retire::run(args, config, host, output),
        Command::Key(KeyCommand::Rotate(args)) => key::rotate::run(args, config, host, output),
        Command::Api(ApiCommand::Add(args)) => api::add::run(args, config, host, output),
        Command::Api(ApiCommand::List(args)) => api::list::list(args, config, host, output),
        Command::Api(ApiCommand::Show(args)) => api::list::show(args, config, host, output),
        Command::Api(ApiCommand::Set(args)) => api::set::run(args, config, host, output),
        Command::Api(ApiCommand::Remove(args)) => api::remove::run(args, config, host, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Token(TokenCommand::Get(args)) => token::get::run(args, config, host, output),
        Command::Token(TokenCommand::Inspect(args)) => token::inspect::run(args, config, host, output),
        Command::Token(TokenCommand::Introspect(args)) => {
            token::introspect::introspect(args, config, host, output)
        }
        Command::Token(TokenCommand::Revoke(args)) => token::introspect::revoke(args, config, host, output),
        Command::Check(args) => check::run(args, config, host, output),
        Command::Key(KeyCommand::Generate(args)) => key::generate::run(args, host, output),
        Command::Client(ClientCommand::Add(args)) => client::add::run(args, config, host, output),
        Command::Client(ClientCommand::List(args)) => client::list::list(args, config, host, output),
        Command::Client(ClientCommand::Show(args)) => client::list::show(args, config, host, output),
        Command::Client(ClientCommand::RotateSecret(args)) => {
            client::secrets::rotate(args, config, host, output)
        }
        Command::Client(ClientCommand::RevokeSecret(args)) => {
            client::secrets::revoke(args, config, host, output)
        }
        Command::Client(ClientCommand::Disable(args)) => {
            client::state::run(&args.change, true, config, host, output)
        }
        Command::Client(ClientCommand::Enable(args)) => {
            client::state::run(&args.change, false, config, host, output)
        }
        Command::Client(ClientCommand::Grant(args)) => client::grant::grant(args, config, host, output),
        Command::Client(ClientCommand::Ungrant(args)) => client::grant::ungrant(args, config, host, output),
        Command::Client(ClientCommand::Claims(args)) => client::claims::run(args, config, host, output),
        Command::Client(ClientCommand::AllowIntrospection(args)) => {
            client::tokens::allow_introspection(args, config, host, output)
        }
        Command::Client(ClientCommand::RevokeTokens(args)) => {
            client::tokens::revoke(args, config, host, output)
        }
        Command::Client(ClientCommand::Export(args)) => client::export::run(args, config, host, output),
        Command::Client(ClientCommand::Import(args)) => client::import::run(args, config, host, output),
        Command::Client(ClientCommand::Remove(args)) => client::remove::run(args, config, host, output),
    }
}
