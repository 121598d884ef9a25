//! What must be known before xtask is compiled: the paths of the checkout, and the cache of compiled crates.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a program for a developer's terminal: it reads the environment and the clock, and it prints"
)]

pub mod compiled;
mod outputs;
pub mod project;
pub mod recent;
mod records;
mod sources;
