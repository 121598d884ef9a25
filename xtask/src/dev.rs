//! `cargo xtask dev`: sets up a clean checkout, builds everything, and serves until a signal ends it.

use std::io::{Write as _, stdout};
use std::thread;

use anyhow::{Result, anyhow};
use edgemint_local::dev::{self, DevArgs, Setup};
use edgemint_local::serve::operator::Edgemint;
use edgemint_local::serve::state;
use edgemint_local::serve::wrangler_config::Worker;

use crate::install::Tools;
use crate::process::progress::Progress;
use crate::process::project;
use crate::serve::worker::{Variant, build_worker};
use crate::serve::{operator, worker};

/// Runs the command.
pub(crate) fn command(options: &DevArgs, progress: &Progress) -> Result<()> {
    dev::check(options)?;
    let state = dev::state_dir(options, project::root())?;
    let (tools, program) = Tools::ensure_while(progress, |toolchain| {
        // The crates of the Worker wait for each other, so it does not need all cores.
        beside(
            || worker::compile(toolchain, Variant::Development, progress),
            || {
                let step = progress.step("building the edgemint program");
                let program = operator::build("dev")?;
                step.done();
                Ok(program)
            },
        )
    })?;
    build_worker(&tools, Variant::Development, progress)?;
    if options.state.is_none() {
        state::share_keys(&state, project::root())?;
    }
    let worker = Worker { rebuild: Some(worker::rebuild()?), ..Variant::Development.worker() };
    let edgemint = Edgemint { program, config: worker.config.clone(), path: Some(tools.path()?) };
    let setup = Setup { worker, wrangler: tools.npm_program("wrangler")?, edgemint, state };
    dev::run(options, setup, progress, |ready| {
        // The reader may close the pipe after the first line, so an error here is ignored.
        let _ = stdout().write_all(format!("{ready}\n").as_bytes()).and_then(|()| stdout().flush());
    })
}

/// Does both at once. Returns the result of `other`.
fn beside<T: Send>(one: impl FnOnce() -> Result<()>, other: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        one()?;
        other.join().map_err(|_| anyhow!("a thread panicked"))?
    })
}
