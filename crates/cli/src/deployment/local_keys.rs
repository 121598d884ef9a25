//! The signing keys of the local state, in the file keys.env, which `cargo xtask dev` creates and reads.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::{SIGNING_KEY_PREFIX, SigningKey, setting};
use edgemint_local::serve::dotenv::lines;
use zeroize::Zeroizing;

use crate::host::Host;

/// The path and the text of the file.
pub(crate) struct LocalKeys {
    path: PathBuf,
    text: Zeroizing<String>,
}

impl LocalKeys {
    /// Reads the file. A missing file has no keys.
    pub(crate) fn read(state: &Path) -> Result<Self> {
        let path = state.join("keys.env");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path, text: Zeroizing::new(text) }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(Self { path, text: Zeroizing::default() })
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The names of all lines.
    pub(crate) fn names(&self) -> Vec<String> {
        lines(&self.text).map(|(name, _)| name.to_owned()).collect()
    }

    /// The signing keys, parsed.
    pub(crate) fn keys(&self) -> Result<Vec<SigningKey>> {
        let keys = lines(&self.text).filter(|(name, _)| name.starts_with(SIGNING_KEY_PREFIX));
        keys.map(|(name, value)| {
            SigningKey::parse(name, value)
                .map_err(|error| anyhow::anyhow!("{} in {} {error}", name, self.path.display()))
        })
        .collect()
    }

    /// Adds a key.
    pub(crate) fn add(&self, name: &str, jwk: &str, host: &Host) -> Result<()> {
        ensure!(
            !jwk.contains(['\'', '\n', '\r']),
            "cannot write the key to {}: its JSON has a quote or a line \
                                                    break",
            self.path.display()
        );
        let end = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { "\n" };
        self.replace(&[&self.text, end, name, "='", jwk, "'\n"], host)
    }

    /// Removes a key, and keeps every other line unchanged.
    pub(crate) fn remove(&self, name: &str, host: &Host) -> Result<()> {
        let is_it = |line: &str| line.split_once('=').is_some_and(|(found, _)| setting(found) == name);
        let rest: Vec<&str> = self.text.split_inclusive('\n').filter(|line| !is_it(line)).collect();
        self.replace(&rest, host)
    }

    /// Replaces the file by a complete new one. A failure cannot leave a partial file.
    fn replace(&self, parts: &[&str], host: &Host) -> Result<()> {
        let Some(dir) = self.path.parent() else {
            bail!("cannot write {}: its path has no directory", self.path.display())
        };
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let suffix: String = host.random_bytes::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let new = dir.join(format!("keys.env.{suffix}"));
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&new)?;
            for part in parts {
                file.write_all(part.as_bytes())?;
            }
            file.sync_all()?;
            fs::rename(&new, &self.path)
        };
        write().with_context(|| {
            let _ = fs::remove_file(&new);
            format!("cannot write {}; the file is unchanged", self.path.display())
        })
    }
}
