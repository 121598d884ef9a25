//! Paths of the checkout and of the cache outside it, and locks that keep two runs from doing the same work.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, io};

/// The variable in which the launcher tells xtask the top directory of the checkout.
pub const CHECKOUT: &str = "EDGEMINT_CHECKOUT";

/// The top directory of the checkout.
///
/// It is found at run time, because the program may have been compiled in another clone: by [`CHECKOUT`], or from the
/// package whose tests cargo runs, or from the current directory.
#[must_use]
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let named = |name| env::var_os(name).map(PathBuf::from);
        let below = named("CARGO_MANIFEST_DIR").or_else(|| named(CHECKOUT));
        let below = below.or_else(|| env::current_dir().ok()).unwrap_or_default();
        let is_top = |dir: &&Path| dir.join("xtask/Cargo.toml").is_file();
        below.ancestors().find(is_top).unwrap_or(&below).to_path_buf()
    });
    &ROOT
}

/// The directory for what is expensive to build. It is outside the checkout, so that a fresh clone does not build it
/// again: `$EDGEMINT_CACHE`, or `$XDG_CACHE_HOME/edgemint`, or `~/.cache/edgemint`.
///
/// # Errors
/// When none of these variables is set.
pub fn cache() -> io::Result<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("EDGEMINT_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|dir| dir.join("edgemint")))
        .or_else(|| named("HOME").map(|dir| dir.join(".cache/edgemint")))
        .map(|dir| if dir.is_absolute() { dir } else { root().join(dir) })
        .ok_or_else(|| {
            io::Error::other("no directory for built tools; set HOME, or set EDGEMINT_CACHE to a directory")
        })
}

/// Waits until no other run holds the lock on `file`, and holds it until the returned file is dropped.
///
/// # Errors
/// When the file cannot be created or locked.
pub fn lock(file: &Path) -> io::Result<File> {
    let locked = || {
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        let held = File::options().create(true).truncate(false).write(true).open(file)?;
        held.lock()?;
        Ok(held)
    };
    locked().map_err(about("lock", file))
}

/// The files and directories in `directory`. If it cannot be read, the list is empty.
pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Says what could not be done with a file.
pub(crate) fn about(what: &str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("could not {what} {}: {error}", path.display()))
}

/// An empty directory with this name, for a test that removes it.
#[cfg(test)]
pub(crate) fn fresh(name: &str) -> PathBuf {
    let dir = env::temp_dir().join(format!("xtask-launcher-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a temporary directory");
    dir
}
