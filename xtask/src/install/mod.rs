//! The tools that building and serving the Worker needs: finds them or installs them.

pub(crate) mod actionlint;
pub(crate) mod cargo_tools;
pub(crate) mod npm;
pub(crate) mod wasm_target;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, thread};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::install::cargo_tools::WorkerTools;
use crate::install::npm::NodeModules;
use crate::install::wasm_target::WasmToolchain;
use crate::process::children;
use crate::process::progress::Progress;

/// Does one of several tasks that run at once. The first error is recorded and ends the other tasks' programs.
fn attempt<T>(first: &Mutex<Option<anyhow::Error>>, work: impl FnOnce() -> Result<T>) -> Option<T> {
    work()
        .map_err(|error| {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            if first.is_none() {
                *first = Some(error);
                children::end_running();
            }
        })
        .ok()
}

/// The tools, all installed.
#[derive(Clone, Debug)]
pub struct Tools {
    node: NodeModules,
    pub(crate) wasm: WasmToolchain,
}

impl Tools {
    /// Installs missing tools: npm packages and Rust's wasm target. Takes a fraction of a second when all are
    /// installed.
    ///
    /// # Errors
    /// Returns one sentence: what could not be installed, and what to do about it.
    pub fn ensure(progress: &Progress) -> Result<Self> {
        let (tools, ()) = Self::ensure_while(progress, |_| Ok(()))?;
        Ok(tools)
    }

    /// As [`Tools::ensure`]; meanwhile runs `meanwhile`, which needs only a compiler.
    pub(crate) fn ensure_while<T: Send>(
        progress: &Progress,
        meanwhile: impl FnOnce(&WasmToolchain) -> Result<T> + Send,
    ) -> Result<(Self, T)> {
        npm::check()?;
        wasm_target::check_compiler()?;
        let first = Mutex::default();
        let (node, wasm) = thread::scope(|scope| {
            let node = scope.spawn(|| attempt(&first, || npm::ensure(progress)));
            let wasm = attempt(&first, || {
                let wasm = wasm_target::ensure(progress)?;
                let value = meanwhile(&wasm)?;
                Ok((wasm, value))
            });
            (node.join().ok().flatten(), wasm)
        });
        if let (Some(node), Some((wasm, value))) = (node, wasm) {
            return Ok((Self { node, wasm }, value));
        }
        let first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
        Err(first.unwrap_or_else(|| anyhow!("the set-up stopped without an error message")))
    }

    /// `PATH` with this project's npm programs first, so that wrangler runs on the Node that it ships with.
    ///
    /// # Errors
    /// When a directory in `PATH` has a name that `PATH` cannot contain.
    pub fn path(&self) -> Result<OsString> {
        let rest = env::var_os("PATH").unwrap_or_default();
        let dirs = [self.node.bin.clone()].into_iter().chain(env::split_paths(&rest));
        env::join_paths(dirs).context("cannot add node_modules/.bin to PATH")
    }

    /// A program from node_modules (`wrangler`, `node`), with the environment that it needs.
    ///
    /// # Errors
    /// As [`Tools::path`].
    pub fn npm_program(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(self.node.bin.join(name));
        command
            .env("PATH", self.path()?)
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_HIDE_BANNER", "true");
        Ok(command)
    }

    /// The native workerd, not npm's script that starts it.
    pub(crate) fn workerd(&self) -> Result<Command> {
        if !self.node.workerd.is_file() {
            bail!("npm installed no workerd for this platform ({})", self.node.workerd.display());
        }
        Ok(Command::new(&self.node.workerd))
    }

    /// The native esbuild.
    pub(crate) fn esbuild(&self) -> Command {
        Command::new(&self.node.esbuild)
    }

    /// wasm-opt, a script that needs Node.
    pub(crate) fn wasm_opt(&self) -> Result<Command> {
        self.npm_program("wasm-opt")
    }

    /// worker-build with the paths of its tools, so that it downloads none.
    pub(crate) fn worker_build(&self, programs: &WorkerTools) -> Result<Command> {
        let mut command = Command::new(&programs.worker_build);
        self.wasm.apply(&mut command);
        let mut dirs: Vec<PathBuf> = self.wasm.path_dirs();
        dirs.push(self.node.bin.clone());
        dirs.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        command.env("PATH", env::join_paths(dirs).context("cannot add node_modules/.bin to PATH")?);
        command.env("WASM_BINDGEN_BIN", &programs.wasm_bindgen);
        command.env("ESBUILD_BIN", &self.node.esbuild).env("WASM_OPT_BIN", &self.node.wasm_opt);
        Ok(command)
    }
}
