//! Directories and private files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Creates a directory and its parents.
///
/// # Errors
/// When it cannot be created.
pub fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("could not create the directory {}", dir.display()))
}

/// Options to write a file that only its owner can read.
pub(crate) fn private() -> fs::OpenOptions {
    let mut options = fs::File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file that only its owner can read.
pub(crate) fn replace_private(path: &Path, text: &str) -> Result<()> {
    let write = || private().create(true).truncate(true).open(path)?.write_all(text.as_bytes());
    write().with_context(|| format!("could not write {}", path.display()))
}

/// An empty directory with this name in the system's temporary directory, for a test that removes it.
///
/// # Panics
/// When it cannot be created.
#[doc(hidden)]
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot go on must stop")]
pub fn fresh(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("edgemint-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a temporary directory");
    dir
}
