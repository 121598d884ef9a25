//! Commands, child processes, ports and progress reports.

pub(crate) mod children;
pub(crate) mod command;
pub(crate) mod http;
pub(crate) mod lines;
pub(crate) mod port;
pub(crate) mod progress;
pub(crate) mod project;
