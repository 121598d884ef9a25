//! Files that their owner alone may read, and that did not exist: for secrets, keys and backups.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::host::Host;

/// A file that is to be made. Until it is kept, it goes again: a secret that did not come into force is none.
pub(crate) struct PrivateFile {
    path: PathBuf,
    made: bool,
}

impl PrivateFile {
    /// The file of this name, when one was typed. Refused when it exists, before anything else is done.
    pub(crate) fn named(name: Option<&Path>, host: &Host) -> Result<Option<Self>> {
        let Some(name) = name else { return Ok(None) };
        let path = host.current_dir.join(name);
        if path.exists() {
            bail!("there is a file {} already, and nothing is overwritten: name another", name.display());
        }
        Ok(Some(Self { path, made: false }))
    }

    /// Makes it, with this text and a line break: mode 0600. None is left when it cannot be written whole.
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
        write().with_context(|| format!("could not write {}", self.path.display()))?;
        self.made = true;
        Ok(())
    }

    /// Keeps it.
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
