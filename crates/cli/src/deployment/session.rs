//! The context of a command.

use std::path::Path;

use crate::host::Host;
use crate::terminal::output::Output;

/// The path of the configuration, the host and the output of one command.
pub(crate) struct Session<'a> {
    /// The value of `--config`, if there is one.
    pub(crate) config: Option<&'a Path>,
    pub(crate) host: &'a Host,
    pub(crate) output: &'a mut Output,
}
