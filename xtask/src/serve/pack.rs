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

/// Writes `index.js` and `index_bg.wasm` into `out_dir`, which contains `entry.js`.
pub(super) fn pack(tools: &Tools, wasm: &Path, out_dir: &Path, packing: Packing) -> Result<()> {
    let made = wasm.with_file_name("edgemint-packed");
    let _ = fs::remove_dir_all(&made);
    generate(wasm, &made).with_context(|| format!("could not generate the glue of {}", wasm.display()))?;
    let glue = made.join(format!("{NAME}.js"));
    import_as_a_module(&glue)?;
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
            let optimised = made.join("optimised.wasm");
            // The names of functions, which a panic shows in the log.
            run(wasm_opt.args(["-O", "--debuginfo"]).arg(&generated).arg("-o").arg(&optimised))?;
            let optimised = fs::read(&optimised).context("could not read what wasm-opt wrote")?;
            let counting = made.join("counting.wasm");
            fs::write(&counting, hints::counting(&optimised)?)
                .with_context(|| format!("could not write {}", counting.display()))?;
            let counts = count_branches(tools, &counting, out_dir)?;
            fs::write(&packed, hints::hinted(&optimised, &counts)?)
                .with_context(|| format!("could not write {}", packed.display()))
        }
        Packing::Quick => fs::copy(&generated, &packed)
            .map(drop)
            .with_context(|| format!("could not write {}", packed.display())),
    }
}

/// Serves the workload with the modules in `out_dir` and `counting`, the wasm file that counts its branches.
fn count_branches(tools: &Tools, counting: &Path, out_dir: &Path) -> Result<Vec<hints::Count>> {
    let workload = project::root().join("xtask/src/serve/workload.mjs");
    let counts = command::run(tools.npm_program("node")?.arg(workload).arg(out_dir).arg(counting));
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
