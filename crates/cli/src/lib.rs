//! `edgemint`, the operator's command line: signing keys, client records and API records of a deployment.
//!
//! What was typed is [`Args`]; what is done about it stands in `commands`, one file each. Everything that
//! the outside gives (the time, randomness, the environment, the terminal) comes in as [`Host`], read in
//! `main.rs` and nowhere else. Records go to Workers KV through `wrangler`, which owns the credentials,
//! and are written by the serialiser that the Worker reads with: [`edgemint_issuer::ClientRecord`] and
//! [`edgemint_issuer::ApiRecord`].
#![deny(clippy::print_stdout, clippy::print_stderr)] // `Output` writes, and nothing else.

mod cli;
mod commands;
mod deployment;
mod flags;
mod host;
mod records;
mod terminal;

pub use crate::cli::{Args, run};
pub use crate::host::Host;
pub use crate::host::scratch::remove_all as remove_scratch_files;
pub use crate::terminal::output::Output;
