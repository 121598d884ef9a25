//! The `xtask` program: parses the arguments, runs the command, and turns an error into one sentence and an exit code.

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match xtask::run(&xtask::args::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In one write, because wrangler adds a prefix to each write of a build program.
            let sentence = format!("error: {error:#}\n");
            let _ = stderr().write_all(sentence.as_bytes());
            ExitCode::FAILURE
        }
    }
}
