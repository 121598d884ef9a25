//! `edgemint`, the operator's command line: signing keys, client records and API records of a deployment.
//!
//! What was typed is [`Args`]; what is done about it stands in `commands`, one file each. Everything that
//! the outside gives (the time, randomness, the environment, the terminal) comes in as [`Host`], read in
//! `main.rs` and nowhere else. Records go to Workers KV through `wrangler`, which owns the credentials,
//! and are written by the serialiser that the Worker reads with: [`edgemint_issuer::ClientRecord`] and
//! [`edgemint_issuer::ApiRecord`].

#![deny(clippy::print_stdout, clippy::print_stderr)] // `Output` writes, and nothing else.

mod api_args;
mod args;
mod backup;
mod change;
mod check_args;
mod client_args;
mod commands;
mod completions_args;
mod confirm;
mod delay;
mod dex;
mod grant_args;
mod hashing;
mod host;
mod http;
mod jwt;
mod key_args;
mod key_names;
mod kind;
mod kv;
mod local_keys;
mod local_server;
mod near;
mod new_client;
mod output;
mod plan;
mod printable;
mod private_file;
mod project;
mod scratch;
mod shell;
mod token_args;
mod trust;
mod view;
mod when;
mod wrangler;

pub use args::Args;
pub use commands::run;
pub use host::Host;
pub use output::Output;
pub use scratch::remove_all as remove_scratch_files;
