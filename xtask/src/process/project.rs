//! Paths of the checkout and of the cache outside it, locks, and directories.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
#[cfg(test)]
pub(crate) use edgemint_local::process::files::fresh;
pub(crate) use edgemint_local::process::files::make_dir;
use serde_json::Value;
pub use xtask_launcher::project::{cache, lock, root};
pub use xtask_launcher::recent;

use crate::process::command;

/// The target directory of this cargo.
pub(crate) fn target_directory(cargo: &mut Command) -> Result<PathBuf> {
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let metadata = command::run(cargo)?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    target.map(PathBuf::from).context("`cargo metadata` named no target directory")
}
