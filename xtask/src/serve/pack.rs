//! Packs a compiled Worker: the glue of wasm-bindgen, in one module of JavaScript, and the wasm file, made smaller.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::install::Tools;
use crate::process::{command, project};
use crate::serve::hints;

/// The name of the generated files, which `src/entry.js` imports.
const NAME: &str = "index";

/// The features of wasm that the compiler uses.
const FEATURES: [&str; 7] = [
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "exception-handling",
];

/// The packing of the compiled Worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As deployed.
    Optimised,
    /// Without wasm-opt, which takes ten seconds.
    Quick,
}

/// Writes `index.js` and `index_bg.wasm` into `out_dir`.
pub(super) fn pack(tools: &Tools, wasm: &Path, out_dir: &Path, packing: Packing) -> Result<()> {
    let made = wasm.with_file_name("edgemint-packed");
    let _ = fs::remove_dir_all(&made);
    generate(wasm, &made).with_context(|| format!("could not generate the glue of {}", wasm.display()))?;
    let glue = made.join(format!("{NAME}.js"));
    import_as_a_module(&glue)?;
    project::make_dir(out_dir)?;
    run(tools
        .esbuild()
        .arg(&glue)
        .args(["--bundle", "--format=esm", "--minify", "--log-level=warning"])
        .args(["--external:./index_bg.wasm", "--external:cloudflare:*"])
        .arg(format!("--outfile={}", out_dir.join(format!("{NAME}.js")).display())))?;
    let (generated, packed) = (made.join("index_bg.wasm"), out_dir.join("index_bg.wasm"));
    match packing {
        Packing::Optimised => {
            let mut wasm_opt = tools.wasm_opt()?;
            wasm_opt.args(FEATURES.map(|feature| format!("--enable-{feature}")));
            // The names of functions, which a panic shows in the log.
            let optimised = made.join("optimised.wasm");
            run(wasm_opt.args(["-O", "--debuginfo"]).arg(&generated).arg("-o").arg(&optimised))?;
            let optimised = fs::read(&optimised).context("could not read what wasm-opt wrote")?;
            let counts = count_branches(tools, &optimised, out_dir, &made.join("counting"))?;
            fs::write(&packed, hints::hinted(&optimised, &counts)?)
                .with_context(|| format!("could not write {}", packed.display()))
        }
        Packing::Quick => fs::copy(&generated, &packed)
            .map(drop)
            .with_context(|| format!("could not write {}", packed.display())),
    }
}

/// Serves the workload with a version of the Worker that counts its branches, in `directory`.
fn count_branches(tools: &Tools, wasm: &[u8], out_dir: &Path, directory: &Path) -> Result<Vec<hints::Count>> {
    project::make_dir(directory)?;
    fs::write(directory.join("index_bg.wasm"), hints::counting(wasm)?)?;
    fs::copy(out_dir.join(format!("{NAME}.js")), directory.join(format!("{NAME}.js")))?;
    fs::copy(project::root().join("src/entry.js"), directory.join("entry.js"))?;
    // For Node, a file is a module only if a package says so.
    fs::write(directory.join("package.json"), r#"{"type":"module"}"#)?;
    let workload = project::root().join("xtask/src/serve/workload.mjs");
    let counts = command::run(tools.npm_program("node")?.arg(workload).arg(directory));
    serde_json::from_str(&counts.context("could not count the branches of the Worker")?)
        .context("the workload printed no counts")
}

fn run(command: &mut Command) -> Result<()> {
    command::run(command).map(drop).context("could not pack the Worker")
}

/// The glue can make a new instance of wasm after a panic (`__wbg_reset_state`).
fn generate(wasm: &Path, into: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name(NAME).typescript(false).reset_state_function(true);
    bindgen.module(true)?.generate(into)
}

/// The glue imports wasm in the source phase, which workerd does not know: there, importing wasm means just that.
fn import_as_a_module(glue: &Path) -> Result<()> {
    let text = fs::read_to_string(glue).with_context(|| format!("could not read {}", glue.display()))?;
    if text.matches("import source ").count() != 1 {
        bail!("wasm-bindgen generated another import of the wasm file than xtask/src/serve/pack.rs knows");
    }
    fs::write(glue, text.replace("import source ", "import "))
        .with_context(|| format!("could not write {}", glue.display()))
}
