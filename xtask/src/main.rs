//! The thin binary: reads what was typed, runs it, and turns an error into one sentence and an exit code.

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match xtask::run(&xtask::args::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In one piece: wrangler prefixes each piece that a build program writes.
            let sentence = format!("error: {error:#}\n");
            let _ = stderr().write_all(sentence.as_bytes());
            ExitCode::FAILURE
        }
    }
}
