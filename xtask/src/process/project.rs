//! Paths of the checkout and of the cache outside it, and locks that keep two runs from doing the same work.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
#[cfg(test)]
pub(crate) use edgemint_local::process::files::fresh;
pub(crate) use edgemint_local::process::files::make_dir;

/// The top directory of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The directory for what is expensive to build. It is outside the checkout, so that a fresh clone does not build it
/// again: `$EDGEMINT_CACHE`, or `$XDG_CACHE_HOME/edgemint`, or `~/.cache/edgemint`.
pub(crate) fn cache() -> Result<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("EDGEMINT_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|dir| dir.join("edgemint")))
        .or_else(|| named("HOME").map(|dir| dir.join(".cache/edgemint")))
        .map(|dir| if dir.is_absolute() { dir } else { root().join(dir) })
        .context("no directory for built tools; set HOME, or set EDGEMINT_CACHE to a directory")
}

/// Waits until no other run holds the lock on `file`, and holds it until the returned file is dropped.
pub(crate) fn lock(file: &Path) -> Result<File> {
    if let Some(dir) = file.parent() {
        make_dir(dir)?;
    }
    let open = File::options().create(true).truncate(false).write(true).open(file);
    let held = open.with_context(|| format!("could not open the lock file {}", file.display()))?;
    held.lock().with_context(|| format!("could not lock {}", file.display()))?;
    Ok(held)
}
