//! What npm installed with this program. The launcher in the npm package `edgemint` names it in variables.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::deployment::trust;
use crate::host::Host;

/// The folder of the Worker in a project.
const IN_PROJECT: &str = "node_modules/@edgemint/worker";

/// Node, and wrangler's script for it.
pub(crate) fn wrangler(host: &Host) -> Option<(PathBuf, PathBuf)> {
    let node = host.text_variable("EDGEMINT_NODE")?;
    let script = PathBuf::from(host.text_variable("EDGEMINT_WRANGLER")?);
    script.is_file().then(|| (PathBuf::from(node), script))
}

/// The folder of the package with the Worker: the project's own, or the one that was installed with this program.
pub(crate) fn worker(project: Option<&Path>, host: &Host) -> Result<PathBuf> {
    let own = project.map(|dir| dir.join(IN_PROJECT)).filter(|dir| dir.is_dir());
    if let Some(own) = own {
        trust::must_be_ours(&[&own], &own)?;
        return Ok(own);
    }
    let with_this = host.text_variable("EDGEMINT_WORKER_DIR").map(PathBuf::from);
    with_this.filter(|dir| dir.is_dir()).context(
        "cannot find the package @edgemint/worker, which contains the Worker. Install edgemint with npm: run `npm install \
         edgemint`, then `npx edgemint`.",
    )
}

/// The text of the configuration in the package with the Worker.
pub(crate) fn config(worker: &Path) -> Result<String> {
    let path = worker.join("wrangler.template.toml");
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}
