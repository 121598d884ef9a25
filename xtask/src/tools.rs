//! Everything that building and serving the Worker needs, present or installed.

use crate::cargo_tools::{self, CargoTools};
use crate::npm::{self, NodeModules};
use crate::progress::Progress;
use crate::wasm_target::{self, WasmToolchain};
use anyhow::{Context as _, Result, anyhow};
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

/// The tools, all of them there.
#[derive(Clone, Debug)]
pub struct Tools {
    node: NodeModules,
    cargo: CargoTools,
    pub(crate) wasm: WasmToolchain,
}

impl Tools {
    /// Installs what is missing: npm packages, worker-build, wasm-bindgen, Rust's wasm target. When all is there,
    /// this takes a fraction of a second.
    ///
    /// # Errors
    /// One sentence: what could not be installed, and what to do about it.
    pub fn ensure(progress: &Progress) -> Result<Self> {
        let (tools, ()) = Self::ensure_while(progress, |_| Ok(()))?;
        Ok(tools)
    }

    /// As [`Tools::ensure`]; meanwhile does what needs no more than a compiler.
    pub(crate) fn ensure_while<T: Send>(
        progress: &Progress,
        meanwhile: impl FnOnce(&WasmToolchain) -> Result<T> + Send,
    ) -> Result<(Self, T)> {
        thread::scope(|scope| {
            let node = scope.spawn(|| npm::ensure(progress));
            let cargo = scope.spawn(|| cargo_tools::ensure(progress));
            let compiled = wasm_target::ensure(progress).and_then(|wasm| {
                let value = meanwhile(&wasm)?;
                Ok((wasm, value))
            });
            let node = node.join().map_err(|_| anyhow!("a thread that installed npm packages panicked"))?;
            let cargo = cargo.join().map_err(|_| anyhow!("a thread that installed tools panicked"))?;
            let (wasm, value) = compiled?;
            Ok((Self { node: node?, cargo: cargo?, wasm }, value))
        })
    }

    /// `PATH` with this project's npm programs first, so that wrangler runs on the Node that it brings.
    ///
    /// # Errors
    /// When a directory in `PATH` has a name that `PATH` cannot hold.
    pub fn path(&self) -> Result<OsString> {
        let rest = env::var_os("PATH").unwrap_or_default();
        let dirs = [self.node.bin.clone()].into_iter().chain(env::split_paths(&rest));
        env::join_paths(dirs).context("PATH cannot be extended by node_modules/.bin")
    }

    /// A program from node_modules (`wrangler`, `node`), with what it needs in its environment.
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

    /// worker-build, told where its tools are, so that it downloads none.
    pub(crate) fn worker_build(&self) -> Result<Command> {
        let mut command = Command::new(&self.cargo.worker_build);
        self.wasm.apply(&mut command);
        let mut dirs: Vec<PathBuf> = self.wasm.path_dirs();
        dirs.push(self.node.bin.clone());
        dirs.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        command.env("PATH", env::join_paths(dirs).context("PATH cannot be extended by node_modules/.bin")?);
        command.env("WASM_BINDGEN_BIN", &self.cargo.wasm_bindgen);
        command.env("ESBUILD_BIN", &self.node.esbuild).env("WASM_OPT_BIN", &self.node.wasm_opt);
        Ok(command)
    }
}
