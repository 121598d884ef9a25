//! The Worker on this machine: starts `wrangler dev` with given variables and secrets, watches it, and ends it.
//! `edgemint dev` and `cargo xtask dev` serve with [`dev`], and the end-to-end tests use [`Server`].
//!
//! Nothing in here knows OAuth, records or keys. The `edgemint` program does.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it starts programs for a person at a terminal: it reads the environment and the clock, and it prints"
)]

pub mod dev;
pub mod process;
pub mod serve;

pub use crate::serve::server::{OnLine, Server, ServerOptions};
