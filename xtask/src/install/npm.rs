//! node_modules: wrangler, the Node that it runs on, and the tools that pack the Worker, as package-lock.json pins
//! them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::progress::Progress;
use crate::process::{command, project};

const OLDEST_NODE: u32 = 18;

/// The paths in node_modules that are used here.
#[derive(Clone, Debug)]
pub(crate) struct NodeModules {
    /// The directory that must be first in PATH: wrangler needs a newer Node than most machines have, and it is in
    /// here.
    pub bin: PathBuf,
    /// The native program, not npm's script that starts it.
    pub esbuild: PathBuf,
    pub wasm_opt: PathBuf,
    /// The native program, not npm's script that starts it: its process is the server.
    pub workerd: PathBuf,
}

/// Checks that Node and npm are installed, when something must be installed with them.
pub(crate) fn check() -> Result<()> {
    let install = "install Node.js 18 or later, which brings npm: https://nodejs.org";
    if wanted(project::root())?.1 {
        return Ok(());
    }
    let node = command::ask(Command::new("node").arg("--version"))
        .with_context(|| format!("there is no working `node`; {install}"))?;
    match major(&node) {
        Some(version) if version >= OLDEST_NODE => {}
        _ => bail!("`node` is {node}, which is too old; {install}"),
    }
    command::ask(Command::new("npm").arg("--version"))
        .with_context(|| format!("there is no working `npm`; {install}"))?;
    Ok(())
}

/// Installs what package-lock.json names, unless it is installed already.
pub(crate) fn ensure(progress: &Progress) -> Result<NodeModules> {
    let _held = project::lock(&project::root().join(".wrangler/npm.lock"))?;
    ensure_in(project::root(), "npm packages", progress)?;
    let modules = modules();
    let esbuild = modules.join(format!("@esbuild/{}/bin/esbuild", platform()?));
    if !esbuild.is_file() {
        bail!(
            "npm installed no esbuild for this platform ({}); remove node_modules and try again",
            esbuild.display()
        );
    }
    let workerd =
        modules.join(format!("@cloudflare/workerd-{}/bin/workerd", platform()?.replace("x64", "64")));
    Ok(NodeModules { bin: modules.join(".bin"), esbuild, wasm_opt: modules.join(".bin/wasm-opt"), workerd })
}

/// Installs what the package-lock.json in `directory` names, unless it is installed already.
pub(crate) fn ensure_in(directory: &Path, what: &str, progress: &Progress) -> Result<()> {
    let (wanted, is_installed) = wanted(directory)?;
    if is_installed {
        return Ok(());
    }
    let step = progress.step(format!("installing {what}"));
    command::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(directory))
        .with_context(|| {
            format!("could not install {what}; check that npm can reach its registry, then run this again")
        })?;
    step.done();
    let stamp = stamp(directory);
    fs::write(&stamp, &wanted).with_context(|| format!("could not write {}", stamp.display()))
}

fn modules() -> PathBuf {
    project::root().join("node_modules")
}

/// The text of package-lock.json, and whether the installed packages match it.
fn wanted(directory: &Path) -> Result<(String, bool)> {
    let file = directory.join("package-lock.json");
    let wanted = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    let installed = fs::read_to_string(stamp(directory)).ok();
    Ok((wanted.clone(), installed == Some(wanted)))
}

fn stamp(directory: &Path) -> PathBuf {
    directory.join("node_modules/.edgemint-installed")
}

/// `v20.20.2` → 20.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// This platform's name in npm's packages: `linux-x64`.
fn platform() -> Result<String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("neither esbuild nor workerd runs on {other}; use an x86_64 or aarch64 machine"),
    };
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    Ok(format!("{os}-{arch}"))
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v22.0.0-nightly"), Some(22));
        assert_eq!(major("node"), None);
    }
}
