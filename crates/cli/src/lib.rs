//! The CLI `edgemint`, which manages the signing keys, client records and API records of a deployment.
//!
//! [`Args`] are the parsed arguments. `commands` runs each command, in one file each. Everything that
//! the environment provides (the time, randomness, variables, the terminal) is passed in as [`Host`]. Only
//! `main.rs` reads it. The CLI writes records to Workers KV through `wrangler`, which owns the credentials.
//! It uses the types that the Worker reads them with: [`edgemint_issuer::ClientRecord`] and
//! [`edgemint_issuer::ApiRecord`].
#![deny(clippy::print_stdout, clippy::print_stderr)] // Only `Output` writes to the streams.

mod cli;
mod commands;
mod crypto;
mod deployment;
mod flags;
mod host;
mod records;
mod terminal;

pub use crate::cli::{Args, run};
pub use crate::host::Host;
pub use crate::terminal::output::Output;

/// The reaction to Ctrl-C: removes scratch files, ends child processes, and then this program, unless the command is
/// `dev`, which ends by itself.
pub fn interrupted() {
    host::scratch::remove_all();
    edgemint_local::process::children::signalled();
}
