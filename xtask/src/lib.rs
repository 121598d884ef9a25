//! The commands for contributors: `cargo xtask dev`, `build`, `bench`, `fuzz`, `release-notes`, `sbom`, `simulate` and `test`. For the
//! end-to-end tests, the same steps as a library: [`Tools::ensure`], [`build_worker`], [`Server::start`],
//! [`workerd::command`].
//!
//! Except for `bench`, which fills a store, nothing in here knows OAuth, records or keys. The crates and the `edgemint`
//! program do.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program for a developer's terminal: it reads the environment and the clock, and it prints"
)]

pub mod args;
mod bench;
mod dev;
mod fuzz;
mod install;
mod process;
mod release_notes;
mod sbom;
mod serve;
mod simulate;
mod test;

use anyhow::Result;

use crate::args::{Args, Command};
pub use crate::install::Tools;
use crate::process::children;
pub use crate::process::lines::{Lines, PATIENCE};
pub use crate::process::port::Port;
pub use crate::process::progress::{Progress, Step};
pub use crate::process::project::root;
pub use crate::serve::server::{OnLine, Server, ServerOptions};
use crate::serve::worker;
pub use crate::serve::worker::{Built, Variant, build_worker};
pub use crate::serve::workerd;
pub use crate::test::suite::BUILT;

/// Runs one command, as the program does.
///
/// # Errors
/// Returns one sentence: what failed, and what to do about it.
pub fn run(args: &Args) -> Result<()> {
    children::end_on_signal()?;
    let progress = Progress::to_stderr();
    match &args.command {
        Command::Bench(options) => bench::command(options, &progress),
        Command::Build(options) => worker::command(options, &progress),
        Command::Dev(options) => dev::command(options, &progress),
        Command::Fuzz(options) => fuzz::command(options, &progress),
        Command::ReleaseNotes(options) => release_notes::command(options),
        Command::Sbom(options) => sbom::command(options),
        Command::Simulate(options) => {
            simulate::command(options);
            Ok(())
        }
        Command::Test => test::command(&progress),
    }
}
