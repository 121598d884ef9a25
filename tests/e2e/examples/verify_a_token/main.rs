//! The Rust program of docs/guides/verify-a-token.md, so that it is compiled. A test compares `program.rs` with the page.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

include!("program.rs");
