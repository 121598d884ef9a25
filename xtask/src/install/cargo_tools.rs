//! Programs from crates.io for the benchmarks, built from source once per version and machine: worker-build and
//! wasm-bindgen, which build the Worker to compare with, and oha, which generates load.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::progress::Progress;
use crate::process::{command, project};

/// A program from crates.io.
struct Crate {
    name: &'static str,
    version: &'static str,
    bin: &'static str,
    /// Build options beyond the name and version.
    options: &'static [&'static str],
    profile: &'static [(&'static str, &'static str)],
}

/// The version must agree with the `worker` crate.
const WORKER_BUILD: Crate = Crate {
    name: "worker-build",
    version: "0.8.7",
    bin: "worker-build",
    options: NO_TLS,
    profile: &LIGHT_PROFILE,
};

/// The version must agree with the `wasm-bindgen` crate to the patch.
const WASM_BINDGEN: Crate = Crate {
    name: "wasm-bindgen-cli",
    version: "0.2.129",
    bin: "wasm-bindgen",
    options: NO_TLS,
    profile: &LIGHT_PROFILE,
};

/// The load generator; docs/internals/benchmarks.md says why oha. It is built with optimisation, because it runs beside
/// the measured server.
const OHA: Crate = Crate {
    name: "oha",
    version: "1.16.0",
    bin: "oha",
    options: &[],
    profile: &[("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")],
};

/// No default features: they contain TLS for downloads, and worker-build never downloads because it gets every tool.
const NO_TLS: &[&str] = &["--no-default-features"];

/// They run for only a second or two per build, so their own build time matters more.
const LIGHT_PROFILE: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
];

/// The paths of the programs that build a Worker as the crate `worker` says.
#[derive(Clone, Debug)]
pub(crate) struct WorkerTools {
    pub worker_build: PathBuf,
    pub wasm_bindgen: PathBuf,
}

/// Installs missing programs.
pub(crate) fn worker_tools(progress: &Progress) -> Result<WorkerTools> {
    let tools = project::cache()?.join("tools");
    let found =
        WorkerTools { worker_build: WORKER_BUILD.path(&tools), wasm_bindgen: WASM_BINDGEN.path(&tools) };
    if found.worker_build.is_file() && found.wasm_bindgen.is_file() {
        return Ok(found);
    }
    let _held = project::lock(&tools.join("lock"))?;
    // One shared target directory, so that common dependencies are built once. It is useless afterwards.
    let scratch = tools.join("scratch");
    for wanted in [&WORKER_BUILD, &WASM_BINDGEN] {
        if !wanted.path(&tools).is_file() {
            wanted.install(&tools, &scratch, progress)?;
        }
    }
    let _ = fs::remove_dir_all(&scratch);
    Ok(found)
}

/// Installs the load generator if it is missing, and returns its path.
pub(crate) fn load_generator(progress: &Progress) -> Result<PathBuf> {
    let tools = project::cache()?.join("tools");
    let _held = project::lock(&tools.join("lock"))?;
    let program = OHA.path(&tools);
    if !program.is_file() {
        let scratch = tools.join("scratch-load");
        OHA.install(&tools, &scratch, progress)?;
        let _ = fs::remove_dir_all(&scratch);
    }
    Ok(program)
}

impl Crate {
    fn home(&self, tools: &Path) -> PathBuf {
        tools.join(format!("{}-{}", self.name, self.version))
    }

    fn path(&self, tools: &Path) -> PathBuf {
        self.home(tools).join("bin").join(self.bin)
    }

    /// Installs into a separate directory, which is moved into place when it is complete.
    fn install(&self, tools: &Path, scratch: &Path, progress: &Progress) -> Result<()> {
        let what = format!("{} {}", self.name, self.version);
        let step = progress.step(format!("building {what} (once on this machine)"));
        let unfinished = scratch.join(self.name);
        let mut cargo = Command::new("cargo");
        cargo.arg("install").arg(format!("{}@{}", self.name, self.version));
        cargo.arg("--locked").args(self.options).args(["--bin", self.bin, "--root"]).arg(&unfinished);
        cargo
            .env("CARGO_TARGET_DIR", scratch.join("target"))
            .envs(self.profile.iter().copied())
            .current_dir(tools);
        command::run(&mut cargo).with_context(|| {
            format!("could not install {what}; check that cargo can reach crates.io and that a C compiler, pkg-config \
                     and OpenSSL's headers are installed (Debian: apt-get install build-essential pkg-config \
                     libssl-dev), then run this again")
        })?;
        let home = self.home(tools);
        let _ = fs::remove_dir_all(&home);
        fs::rename(&unfinished, &home)
            .with_context(|| format!("could not move {what} to {}", home.display()))?;
        step.done();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{WASM_BINDGEN, WORKER_BUILD};
    use crate::process::project;

    /// A tool with another version than its crate makes the build fail late and with an obscure error.
    #[test]
    fn the_tools_agree_with_the_lockfile() {
        let lock = std::fs::read_to_string(project::root().join("Cargo.lock")).expect("Cargo.lock is there");
        for (name, version) in [("worker", WORKER_BUILD.version), ("wasm-bindgen", WASM_BINDGEN.version)] {
            let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
            assert!(lock.contains(&entry), "Cargo.lock has another version of {name} than {version}");
        }
    }
}
