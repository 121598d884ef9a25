//! New files that only their owner can read, for secrets, keys and backups.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::host::Host;

/// A file to create. It is deleted on drop unless it is kept: otherwise, a failed command would leave a secret that
/// was never stored and does not work.
pub(crate) struct PrivateFile {
    path: PathBuf,
    made: bool,
}

impl PrivateFile {
    /// The file of this name, if the command line has one. Fails if the file exists, before anything else is done.
    pub(crate) fn named(name: Option<&Path>, host: &Host) -> Result<Option<Self>> {
        let Some(name) = name else { return Ok(None) };
        let path = host.current_dir.join(name);
        if path.exists() {
            bail!("cannot create {}: the file exists. Pass another name.", name.display());
        }
        Ok(Some(Self { path, made: false }))
    }

    /// Creates it with mode 0600, this text and a line break. If it cannot be written completely, it is deleted.
    pub(crate) fn write(&mut self, text: &str) -> Result<()> {
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&self.path)?;
            let write = |file: &mut File| {
                writeln!(file, "{text}")?;
                file.sync_all()
            };
            write(&mut file).inspect_err(|_| {
                let _ = std::fs::remove_file(&self.path);
            })
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))?;
        self.made = true;
        Ok(())
    }

    /// Keeps the file. Returns its path.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.made = false;
        std::mem::take(&mut self.path)
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        if self.made {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
