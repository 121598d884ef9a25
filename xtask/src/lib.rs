//! What a contributor runs: `cargo xtask dev`, `build`, `bench`, `fuzz`, `sbom`, `simulate` and `test`; and, for the end-to-end tests,
//! the same steps as a library: [`Tools::ensure`], [`build_worker`], [`Server::start`], [`workerd::command`].
//!
//! But for `bench`, which fills a store, nothing in here knows OAuth, records or keys: that is the crates' and the
//! `edgemint` binary's business.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program for a developer's terminal: it reads the environment and the clock, and it prints"
)]

mod advisories;
pub mod args;
mod bench;
mod cargo_tools;
mod children;
mod cli;
mod command;
mod compiled;
mod dev;
mod dotenv;
mod fuzz;
mod http;
mod lines;
mod noise;
mod npm;
mod port;
mod progress;
mod project;
mod rustsec;
mod sbom;
mod server;
mod simulate;
mod state;
mod steps;
mod suite;
mod test;
mod tools;
mod wasm_target;
mod worker;
pub mod workerd;
mod wrangler_config;

use anyhow::Result;
use args::{Args, Command};

pub use lines::{Lines, PATIENCE};
pub use port::Port;
pub use progress::{Progress, Step};
pub use project::root;
pub use server::{OnLine, Server, ServerOptions};
pub use suite::BUILT;
pub use tools::Tools;
pub use worker::{Built, Variant, build_worker};

/// Runs one command, as the binary does.
///
/// # Errors
/// One sentence: what failed, and what to do about it.
pub fn run(args: &Args) -> Result<()> {
    children::end_on_signal()?;
    let progress = Progress::to_stderr();
    match &args.command {
        Command::Bench(options) => bench::command(options, &progress),
        Command::Build(options) => worker::command(options, &progress),
        Command::Dev(options) => dev::command(options, &progress),
        Command::Fuzz(options) => fuzz::command(options, &progress),
        Command::Sbom(options) => sbom::command(options),
        Command::Simulate(options) => {
            simulate::command(options);
            Ok(())
        }
        Command::Test => test::command(&progress),
    }
}
