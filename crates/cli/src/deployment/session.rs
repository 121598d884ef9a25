//! What each command works with.

use std::path::Path;

use crate::host::Host;
use crate::terminal::output::Output;

/// The outside of one command: where its configuration is, what the host gives, and where its output goes.
pub(crate) struct Session<'a> {
    /// The path of wrangler.toml, if it was typed.
    pub(crate) config: Option<&'a Path>,
    pub(crate) host: &'a Host,
    pub(crate) output: &'a mut Output,
}
