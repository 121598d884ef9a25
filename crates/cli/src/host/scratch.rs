//! Temporary private files that pass values to wrangler. Other processes can see the arguments and the
//! environment of a process, so values must not be there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};

use crate::host::Host;

/// The directories that exist now. The handler of Ctrl-C removes them.
static ALL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A directory (mode 0700) of files (mode 0600) that is removed when this value is dropped.
pub(crate) struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    pub(crate) fn new(host: &Host) -> Result<Self> {
        let name: String = host.random_bytes::<12>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let dir = host.temp_dir.join(format!("edgemint-{name}"));
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&dir).with_context(|| format!("cannot create the directory {}", dir.display()))?;
        ALL.lock().unwrap_or_else(PoisonError::into_inner).push(dir.clone());
        Ok(Self { dir })
    }

    /// Writes a new file.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.dir.join(name);
        let write = || {
            let mut file = create(&path)?;
            file.write_all(content)
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
        ALL.lock().unwrap_or_else(PoisonError::into_inner).retain(|dir| *dir != self.dir);
    }
}

/// Removes all scratch directories, for the handler of Ctrl-C: after it, no value is dropped.
pub(crate) fn remove_all() {
    for dir in ALL.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = fs::remove_dir_all(dir);
    }
}
