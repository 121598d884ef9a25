//! The implementation of each command.

pub(crate) mod api;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod dev;
pub(crate) mod init;
pub(crate) mod issuer;
pub(crate) mod key;
pub(crate) mod token;
