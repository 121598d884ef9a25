//! Builds the Worker when its sources changed: compiles it with cargo, and packs it.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use edgemint_local::serve::wrangler_config::{Rebuild, Worker};

use crate::args;
use crate::install::Tools;
use crate::install::wasm_target::{TARGET, WasmToolchain};
use crate::process::progress::Progress;
use crate::process::{command, project};
use crate::serve::pack;
use crate::serve::pack::Packing;

/// A variant of the Worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The deployed one, in build/.
    Release,
    /// The same for development, in build/ too: quick to compile, slower to run.
    Development,
    /// The one for tests, whose `GET /panic` panics, in build-panic/: quick to compile.
    ProvokePanic,
}

/// A built Worker.
#[derive(Clone, Debug)]
pub struct Built {
    /// The directory with entry.js, index.js and index_bg.wasm.
    pub out_dir: PathBuf,
    /// The wasm file.
    pub wasm: PathBuf,
}

impl Variant {
    /// The output directory, relative to the top of the checkout.
    #[must_use]
    pub fn out_dir(self) -> &'static str {
        match self {
            Self::Release | Self::Development => "build",
            Self::ProvokePanic => "build-panic",
        }
    }

    /// This variant as a server runs it.
    #[must_use]
    pub fn worker(self) -> Worker {
        let root = project::root();
        let main = root.join(self.out_dir()).join("entry.js");
        Worker { config: root.join("wrangler.toml"), main, rebuild: None }
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Release | Self::Development => &[],
            Self::ProvokePanic => &["--features", "provoke-panic"],
        }
    }

    /// The profile in Cargo.toml.
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Development | Self::ProvokePanic => "quick",
        }
    }
}

/// How wrangler builds the variant for development again when a source file changes.
pub(crate) fn rebuild() -> Result<Rebuild> {
    let this = env::current_exe().context("could not find the path of this program")?;
    // The program prints its own error. If wrangler learned of the failure, it would add 200 lines about its internals.
    let command = format!("'{}' build --quick || :", this.display().to_string().replace('\'', r"'\''"));
    let watched = ["src", "crates/issuer/src"].map(|sources| project::root().join(sources)).to_vec();
    Ok(Rebuild { command, directory: project::root().to_owned(), watched })
}

/// Runs `cargo xtask build`.
pub(crate) fn command(options: &args::Build, progress: &Progress) -> Result<()> {
    // wrangler sets it when it runs this command, before it serves or deploys.
    let wrangler_command = env::var_os("WRANGLER_COMMAND");
    let variant = wanted(options, wrangler_command.as_deref());
    build_worker(&Tools::ensure(progress)?, variant, progress).map(drop)
}

fn wanted(options: &args::Build, wrangler_command: Option<&OsStr>) -> Variant {
    if options.provoke_panic {
        Variant::ProvokePanic
    } else if options.quick || wrangler_command.is_some_and(|command| command == "dev") {
        Variant::Development
    } else {
        Variant::Release
    }
}

/// Builds the Worker, unless the existing build has the same sources.
///
/// # Errors
/// Returns one sentence, followed by the output of the compiler.
pub fn build_worker(tools: &Tools, variant: Variant, progress: &Progress) -> Result<Built> {
    let (compiled, _held) = compile_and_hold(&tools.wasm, variant, progress)?;
    let out_dir = project::root().join(variant.out_dir());
    let built = Built { wasm: out_dir.join("index_bg.wasm"), out_dir: out_dir.clone() };
    project::make_dir(&out_dir)?;
    add_entry(&out_dir)?;
    let stamp = out_dir.join(".built-from");
    let sources = fingerprint(&compiled)?;
    if fs::read_to_string(&stamp).is_ok_and(|present| present == sources)
        && built.wasm.is_file()
        && out_dir.join("index.js").is_file()
    {
        return Ok(built);
    }
    let step = progress.step(format!("packing the Worker into {}", variant.out_dir()));
    let packing = if variant == Variant::Release { Packing::Optimised } else { Packing::Quick };
    pack::pack(tools, &compiled, &out_dir, packing)?;
    fs::write(&stamp, sources).with_context(|| format!("could not write {}", stamp.display()))?;
    step.done();
    Ok(built)
}

/// The compressed size of an upload by `wrangler deploy` with these options, in KiB, as wrangler counts it.
pub(crate) fn gzipped_kib(tools: &Tools, options: &[&str]) -> Result<f64> {
    let mut wrangler = tools.npm_program("wrangler")?;
    wrangler.args(["deploy", "--dry-run"]).args(options).current_dir(project::root()).env("NO_COLOR", "1");
    let said = command::run(&mut wrangler)?;
    told_kib(&said).context("`wrangler deploy --dry-run` printed no size")
}

/// `Total Upload: 546.10 KiB / gzip: 199.85 KiB` → 199.85.
fn told_kib(output: &str) -> Option<f64> {
    let line = output.lines().find(|line| line.contains("Total Upload:"))?;
    line.split_once("gzip:")?.1.trim().strip_suffix("KiB")?.trim().parse().ok()
}

/// Adds the module that the runtime calls. An unchanged file is not touched, because servers watch it.
fn add_entry(out_dir: &Path) -> Result<()> {
    let (from, to) = (project::root().join("src/entry.js"), out_dir.join("entry.js"));
    let entry = fs::read(&from).with_context(|| format!("could not read {}", from.display()))?;
    if fs::read(&to).ok().as_ref() != Some(&entry) {
        fs::write(&to, entry).with_context(|| format!("could not write {}", to.display()))?;
    }
    Ok(())
}

/// Compiles the Worker, so that [`build_worker`] need not.
pub(crate) fn compile(toolchain: &WasmToolchain, variant: Variant, progress: &Progress) -> Result<()> {
    compile_and_hold(toolchain, variant, progress).map(drop)
}

/// Variants with the same profile are linked into one file, so the caller holds the lock until it has read the file.
fn compile_and_hold(
    toolchain: &WasmToolchain,
    variant: Variant,
    progress: &Progress,
) -> Result<(PathBuf, fs::File)> {
    let target = project::target_directory(&mut toolchain.cargo()?)?;
    let held = project::lock(&project::root().join(".wrangler/worker.lock"))?;
    let step = progress.step("compiling the Worker");
    let mut cargo = toolchain.cargo()?;
    cargo.args(["build", "--lib", "--package", "edgemint", "--target", TARGET]);
    cargo.args(["--profile", variant.profile()]).args(variant.features());
    command::run(&mut cargo).context("could not compile the Worker")?;
    step.done();
    Ok((target.join(TARGET).join(variant.profile()).join("edgemint.wasm"), held))
}

/// A hash of the inputs of the output: the compiled file, entry.js, the tools in package-lock.json, and the code that
/// packs. The compiled file says which version of wasm-bindgen fits.
fn fingerprint(wasm: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for of_packing in [include_str!("pack.rs"), include_str!("hints.rs"), include_str!("workload.mjs")] {
        of_packing.hash(&mut hasher);
    }
    let root = project::root();
    for path in [wasm, &root.join("package-lock.json"), &root.join("src/entry.js")] {
        fs::read(path).with_context(|| format!("could not read {}", path.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Variant, told_kib, wanted};
    use crate::args::Build;

    #[test]
    fn wrangler_serves_a_quick_build_and_deploys_an_optimised_one() {
        let wanted = |provoke_panic, quick, wrangler_command: Option<&str>| {
            wanted(&Build { provoke_panic, quick }, wrangler_command.map(OsStr::new))
        };
        assert_eq!(wanted(false, false, Some("dev")), Variant::Development);
        for command in ["deploy", "versions upload", ""] {
            assert_eq!(wanted(false, false, Some(command)), Variant::Release, "{command}");
        }
        assert_eq!(wanted(false, false, None), Variant::Release);
        assert_eq!(wanted(false, true, None), Variant::Development);
        assert_eq!(wanted(true, true, Some("dev")), Variant::ProvokePanic);
    }

    #[test]
    fn the_size_is_read() {
        assert_eq!(told_kib("Total Upload: 546.10 KiB / gzip: 199.85 KiB\n"), Some(199.85));
        assert_eq!(told_kib("nothing"), None);
    }
}
