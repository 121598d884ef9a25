//! Child processes, their output, ports and progress.

pub mod children;
pub mod command;
pub mod files;
pub mod http;
pub mod lines;
pub mod port;
pub mod progress;
