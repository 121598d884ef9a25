//! `edgemint completions`: the script that a shell completes with.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

use crate::cli::Args;
use crate::completions_args::Completions;
use crate::terminal::output::Output;

pub(super) fn run(args: &Completions, output: &mut Output) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "edgemint", &mut script);
    let script = String::from_utf8(script).context("the script is not text")?;
    output.result_verbatim(script.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
