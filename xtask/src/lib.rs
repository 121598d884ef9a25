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
pub use crate::process::project::root;
use crate::serve::worker;
pub use crate::serve::worker::{Built, Variant, build_worker};
pub use crate::serve::workerd;
#[cfg(feature = "checks")]
pub use crate::test::suite::BUILT;

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

/// Becomes the program that has the checks.
#[cfg(not(feature = "checks"))]
fn check(command: &Check, _: &Progress) -> Result<()> {
    use std::os::unix::process::CommandExt as _;

    use anyhow::Context as _;

    use crate::install::compiled::{is_fresh, target_directory};

    let mut cargo = std::process::Command::new("cargo");
    cargo.args(["run", "--quiet", "--package", "xtask", "--features", "checks", "--manifest-path"]);
    cargo.arg(root().join("Cargo.toml")).arg("--").args(std::env::args_os().skip(1));
    // In a fresh checkout, everything is compiled for the first time. The data for incremental compilation would then
    // cost a quarter of the CPU time of our own crates. Cargo compiles nothing again when this variable changes.
    if matches!(command, Check::Test)
        && std::env::var_os("CARGO_INCREMENTAL").is_none()
        && is_fresh(&target_directory(&mut std::process::Command::new("cargo"))?)
    {
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    Err(cargo.exec()).context("could not start cargo")
}
