//! The signing keys of the local state: the file keys.env, which `cargo xtask dev` makes and reads.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::{SIGNING_KEY_PREFIX, SigningKey, setting};
use zeroize::Zeroizing;

use crate::host::Host;

/// Name and value of every line that has them; other lines are comments.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !setting(line).starts_with('#')).filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let (name, value) = (setting(name), setting(value));
        let unquoted =
            ['\'', '`', '"'].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
        Some((name, setting(unquoted.unwrap_or(value))))
    })
}

/// The file, as text, and where it is.
pub(crate) struct LocalKeys {
    path: PathBuf,
    text: Zeroizing<String>,
}

impl LocalKeys {
    /// Reads the file; one that is not there has no keys.
    pub(crate) fn read(state: &Path) -> Result<Self> {
        let path = state.join("keys.env");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path, text: Zeroizing::new(text) }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(Self { path, text: Zeroizing::default() })
            }
            Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
        }
    }

    /// The names.
    pub(crate) fn names(&self) -> Vec<String> {
        lines(&self.text).map(|(name, _)| name.to_owned()).collect()
    }

    /// The keys.
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
        ensure!(!jwk.contains(['\'', '\n', '\r']), "the key cannot be written to {}", self.path.display());
        let end = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { "\n" };
        self.replace(&[&self.text, end, name, "='", jwk, "'\n"], host)
    }

    /// Removes a key; every other line stays as it is.
    pub(crate) fn remove(&self, name: &str, host: &Host) -> Result<()> {
        let is_it = |line: &str| line.split_once('=').is_some_and(|(found, _)| setting(found) == name);
        let rest: Vec<&str> = self.text.split_inclusive('\n').filter(|line| !is_it(line)).collect();
        self.replace(&rest, host)
    }

    /// A whole new file takes the place of the old one, so that neither can be lost.
    fn replace(&self, parts: &[&str], host: &Host) -> Result<()> {
        let Some(dir) = self.path.parent() else { bail!("{} has no folder", self.path.display()) };
        fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
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
            format!("could not write {}; it is as it was", self.path.display())
        })
    }
}
