//! The environment of the process. `main.rs` reads it once and passes it in.

pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod private_file;
pub(crate) mod scratch;
pub(crate) mod secret_text;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// The facts of this run, and functions for random bytes, variables and answers.
#[derive(Debug, Clone)]
pub struct Host {
    /// The time, in seconds since 1970.
    pub now: u64,
    /// The current directory.
    pub current_dir: PathBuf,
    /// The directory for files that are deleted when the command ends.
    pub temp_dir: PathBuf,
    /// Returns an environment variable.
    pub variable: fn(&str) -> Option<OsString>,
    /// Fills a buffer with random bytes.
    pub random: fn(&mut [u8]) -> io::Result<()>,
    /// Whether there is a terminal to prompt on.
    pub can_ask: bool,
    /// Reads one line as the answer to a prompt.
    pub answer: fn() -> io::Result<String>,
    /// Prompts for a secret and reads it without showing it.
    pub hidden_answer: fn(&str) -> io::Result<String>,
}

impl Host {
    /// `N` random bytes.
    pub(crate) fn random_bytes<const N: usize>(&self) -> anyhow::Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes)
            .map_err(|error| anyhow::anyhow!("cannot get random bytes from this machine: {error}"))?;
        Ok(bytes)
    }

    /// An environment variable that is set and not empty.
    pub(crate) fn text_variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)?.into_string().ok().filter(|value| !value.is_empty())
    }
}
