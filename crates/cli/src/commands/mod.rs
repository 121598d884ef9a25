//! What is done about each command.

mod api_add;
mod api_list;
mod api_remove;
mod api_set;
mod ask;
mod change_one;
mod check;
mod check_apis;
mod check_brakes;
mod check_clients;
mod check_counts;
mod check_keys;
mod check_live;
mod client_add;
mod client_claims;
mod client_export;
mod client_grant;
mod client_import;
mod client_list;
mod client_remove;
mod client_secrets;
mod client_state;
mod client_tokens;
mod completions;
mod key_generate;
mod key_list;
mod key_retire;
mod key_rotate;
mod list;
mod remove;
mod token_get;
mod token_inspect;
mod token_introspect;

use std::process::ExitCode;

use anyhow::Result;

use crate::api_args::ApiCommand;
use crate::args::{Args, ClientCommand, Command, KeyCommand};
use crate::host::Host;
use crate::output::Output;
use crate::token_args::TokenCommand;

/// Does what was typed. An exit code of 1 without an error: the result says what was refused.
///
/// # Errors
///
/// When it could not be done; the error says what was done all the same.
pub fn run(args: &Args, host: &Host, output: &mut Output) -> Result<ExitCode> {
    let config = args.config.as_deref();
    match &args.command {
        Command::Key(KeyCommand::List(args)) => key_list::run(args, config, host, output),
        Command::Key(KeyCommand::Retire(args)) => key_retire::run(args, config, host, output),
        Command::Key(KeyCommand::Rotate(args)) => key_rotate::run(args, config, host, output),
        Command::Api(ApiCommand::Add(args)) => api_add::run(args, config, host, output),
        Command::Api(ApiCommand::List(args)) => api_list::list(args, config, host, output),
        Command::Api(ApiCommand::Show(args)) => api_list::show(args, config, host, output),
        Command::Api(ApiCommand::Set(args)) => api_set::run(args, config, host, output),
        Command::Api(ApiCommand::Remove(args)) => api_remove::run(args, config, host, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Token(TokenCommand::Get(args)) => token_get::run(args, config, host, output),
        Command::Token(TokenCommand::Inspect(args)) => token_inspect::run(args, config, host, output),
        Command::Token(TokenCommand::Introspect(args)) => {
            token_introspect::introspect(args, config, host, output)
        }
        Command::Token(TokenCommand::Revoke(args)) => token_introspect::revoke(args, config, host, output),
        Command::Check(args) => check::run(args, config, host, output),
        Command::Key(KeyCommand::Generate(args)) => key_generate::run(args, host, output),
        Command::Client(ClientCommand::Add(args)) => client_add::run(args, config, host, output),
        Command::Client(ClientCommand::List(args)) => client_list::list(args, config, host, output),
        Command::Client(ClientCommand::Show(args)) => client_list::show(args, config, host, output),
        Command::Client(ClientCommand::RotateSecret(args)) => {
            client_secrets::rotate(args, config, host, output)
        }
        Command::Client(ClientCommand::RevokeSecret(args)) => {
            client_secrets::revoke(args, config, host, output)
        }
        Command::Client(ClientCommand::Disable(args)) => {
            client_state::run(&args.change, true, config, host, output)
        }
        Command::Client(ClientCommand::Enable(args)) => {
            client_state::run(&args.change, false, config, host, output)
        }
        Command::Client(ClientCommand::Grant(args)) => client_grant::grant(args, config, host, output),
        Command::Client(ClientCommand::Ungrant(args)) => client_grant::ungrant(args, config, host, output),
        Command::Client(ClientCommand::Claims(args)) => client_claims::run(args, config, host, output),
        Command::Client(ClientCommand::AllowIntrospection(args)) => {
            client_tokens::allow_introspection(args, config, host, output)
        }
        Command::Client(ClientCommand::RevokeTokens(args)) => {
            client_tokens::revoke(args, config, host, output)
        }
        Command::Client(ClientCommand::Export(args)) => client_export::run(args, config, host, output),
        Command::Client(ClientCommand::Import(args)) => client_import::run(args, config, host, output),
        Command::Client(ClientCommand::Remove(args)) => client_remove::run(args, config, host, output),
    }
}
