//! What the outside gives: read once in `main.rs`, and passed in.

pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod private_file;
pub(crate) mod scratch;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// The facts of this run, and the two things that it may ask for as it goes.
#[derive(Debug, Clone)]
pub struct Host {
    /// The time, in seconds since 1970.
    pub now: u64,
    /// Where the command was typed.
    pub current_dir: PathBuf,
    /// Where files may stand that are gone when the command ends.
    pub temp_dir: PathBuf,
    /// An environment variable.
    pub variable: fn(&str) -> Option<OsString>,
    /// Fills a buffer with random bytes.
    pub random: fn(&mut [u8]) -> io::Result<()>,
    /// Whether somebody sits at a terminal and can be asked.
    pub can_ask: bool,
    /// Reads the line that they answer.
    pub answer: fn() -> io::Result<String>,
    /// Asks for what must not be seen, and reads it without showing it.
    pub hidden_answer: fn(&str) -> io::Result<String>,
}

impl Host {
    /// So many random bytes.
    pub(crate) fn random_bytes<const N: usize>(&self) -> anyhow::Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes)
            .map_err(|error| anyhow::anyhow!("this machine gives no random bytes: {error}"))?;
        Ok(bytes)
    }

    /// An environment variable that is set, and not to nothing.
    pub(crate) fn text_variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)?.into_string().ok().filter(|value| !value.is_empty())
    }
}
