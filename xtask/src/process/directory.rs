//! A directory for the files of one run.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Result;

use crate::process::project::make_dir;

/// A directory that is deleted when this is dropped.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Creates one in the system's temporary directory.
    pub(crate) fn temporary(name: &str) -> Result<Self> {
        let name = format!("edgemint-{name}-{}", std::process::id());
        Self::create(env::temp_dir().join(name))
    }

    /// Creates it, without the files of an earlier run.
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        let _ = fs::remove_dir_all(&path);
        make_dir(&path)?;
        Ok(Self(path))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
