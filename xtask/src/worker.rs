//! Builds the Worker, when its sources changed: cargo, then worker-build (wasm-bindgen, wasm-opt, esbuild).

use crate::args;
use crate::command;
use crate::progress::Progress;
use crate::project;
use crate::tools::Tools;
use crate::wasm_target::{TARGET, WasmToolchain};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// Which Worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The one that is deployed, in build/.
    Release,
    /// The one whose `GET /panic` panics, for tests, in build-panic/.
    ProvokePanic,
}

/// A Worker that is built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where index.js and index_bg.wasm are.
    pub out_dir: PathBuf,
    /// The wasm file.
    pub wasm: PathBuf,
}

impl Variant {
    /// Where it is built, below the top of the checkout.
    #[must_use]
    pub fn out_dir(self) -> &'static str {
        match self {
            Self::Release => "build",
            Self::ProvokePanic => "build-panic",
        }
    }

    fn cargo_args(self) -> &'static [&'static str] {
        match self {
            Self::Release => &["--package", "edgemint"],
            Self::ProvokePanic => &["--package", "edgemint", "--features", "provoke-panic"],
        }
    }
}

/// `cargo xtask build`.
pub(crate) fn command(options: &args::Build, progress: &Progress) -> Result<()> {
    let variant = if options.provoke_panic { Variant::ProvokePanic } else { Variant::Release };
    let tools = Tools::ensure(progress)?;
    build_worker(&tools, variant, progress)?;
    Ok(())
}

/// Builds it, unless what is there was built from the same sources.
///
/// # Errors
/// One sentence, followed by what the compiler said.
pub fn build_worker(tools: &Tools, variant: Variant, progress: &Progress) -> Result<Built> {
    let (compiled, _held) = compile_and_hold(&tools.wasm, variant, progress)?;
    let out_dir = project::root().join(variant.out_dir());
    let built = Built { wasm: out_dir.join("index_bg.wasm"), out_dir: out_dir.clone() };
    let stamp = out_dir.join(".built-from");
    let wanted = fingerprint(&compiled)?;
    let present = fs::read_to_string(&stamp).ok();
    if present.as_deref() == Some(&wanted) && built.wasm.is_file() && out_dir.join("index.js").is_file() {
        return Ok(built);
    }
    let step = progress.step(format!("packing the Worker into {}", variant.out_dir()));
    let mut worker_build = tools.worker_build()?;
    worker_build.args(["--release", "--out-dir", variant.out_dir(), "."]).args(variant.cargo_args());
    command::run(&mut worker_build).context("could not build the Worker")?;
    fs::write(&stamp, wanted).with_context(|| format!("could not write {}", stamp.display()))?;
    step.done();
    Ok(built)
}

/// Compiles it, so that [`build_worker`] finds that done.
pub(crate) fn compile(toolchain: &WasmToolchain, variant: Variant, progress: &Progress) -> Result<()> {
    compile_and_hold(toolchain, variant, progress).map(drop)
}

/// Both variants are linked into one file: the lock is held for as long as the file is needed.
fn compile_and_hold(
    toolchain: &WasmToolchain,
    variant: Variant,
    progress: &Progress,
) -> Result<(PathBuf, fs::File)> {
    let target = target_directory(toolchain)?;
    let held = project::lock(&target.join(".xtask-worker-lock"))?;
    let step = progress.step("compiling the Worker");
    let mut cargo = toolchain.cargo()?;
    cargo.args(["build", "--lib", "--release", "--target", TARGET]).args(variant.cargo_args());
    command::run(&mut cargo).context("could not compile the Worker")?;
    step.done();
    Ok((target.join(TARGET).join("release/edgemint.wasm"), held))
}

fn target_directory(toolchain: &WasmToolchain) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo()?;
    let metadata = command::run(cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    target.map(PathBuf::from).context("`cargo metadata` named no target directory")
}

/// What the output depends on: the compiled file, and the tools that package-lock.json and this program name.
fn fingerprint(wasm: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for path in [wasm, &project::root().join("package-lock.json")] {
        fs::read(path).with_context(|| format!("could not read {}", path.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}
