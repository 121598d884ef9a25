//! The thin binary: reads what was typed, runs it, and turns an error into one sentence and an exit code.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match xtask::run(&xtask::args::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
