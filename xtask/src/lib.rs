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
#![cfg_attr(
    not(feature = "checks"),
    allow(dead_code, unused_imports, reason = "the checks use the rest of what is in here")
)]

pub mod args;
#[cfg(feature = "checks")]
mod bench;
mod dev;
#[cfg(feature = "checks")]
mod fuzz;
mod install;
#[cfg(feature = "checks")]
pub mod package;
mod process;
#[cfg(feature = "checks")]
mod release_notes;
#[cfg(feature = "checks")]
mod sbom;
mod serve;
#[cfg(feature = "checks")]
mod simulate;
#[cfg(feature = "checks")]
mod test;

use anyhow::Result;
pub use edgemint_local::process::lines::{Lines, PATIENCE};
pub use edgemint_local::process::port::Port;
pub use edgemint_local::process::progress::{Progress, Step};
pub use edgemint_local::{OnLine, Server, ServerOptions};

use crate::args::{Args, Check, Command};
pub use crate::install::Tools;
use crate::process::children;
pub use crate::process::project::{cache, lock, recent, root};
use crate::serve::worker;
pub use crate::serve::worker::{Built, Variant, build_worker};
pub use crate::serve::workerd;
#[cfg(feature = "checks")]
pub use crate::test::suite::{BUILT, SHARED};

/// Runs one command, as the program does.
///
/// # Errors
/// Returns one sentence: what failed, and what to do about it.
pub fn run(args: &Args) -> Result<()> {
    children::end_on_signal()?;
    let progress = Progress::to_stderr();
    match &args.command {
        Command::Build(options) => worker::command(options, &progress),
        Command::Dev(options) => dev::command(options, &progress),
        Command::Check(command) => check(command, &progress),
    }
}

/// Runs a command that needs the feature `checks`.
#[cfg(feature = "checks")]
fn check(command: &Check, progress: &Progress) -> Result<()> {
    match command {
        Check::Bench(options) => bench::command(options, progress),
        Check::Fuzz(options) => fuzz::command(options, progress),
        Check::Package(options) => package::command(options, progress),
        Check::ReleaseNotes(options) => release_notes::command(options),
        Check::Sbom(options) => sbom::command(options),
        Check::Simulate(options) => {
            simulate::command(options);
            Ok(())
        }
        Check::Test => test::command(progress),
    }
}

/// Refuses a command that needs the feature `checks`. The launcher starts xtask with the feature for these commands.
#[cfg(not(feature = "checks"))]
fn check(_: &Check, _: &Progress) -> Result<()> {
    anyhow::bail!("xtask was compiled without this command; run it as `cargo xtask`")
}
