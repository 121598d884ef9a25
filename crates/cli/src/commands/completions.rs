//! `edgemint completions`: prints the completion script of a shell.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args as ClapArgs, Command};
use clap_complete::Shell;

use crate::terminal::output::Output;

/// Print a shell completion script
///
/// With the script, the shell completes commands and flags.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint completions bash > ~/.local/share/bash-completion/completions/edgemint
  edgemint completions zsh > ~/.zfunc/_edgemint
  edgemint completions fish > ~/.config/fish/completions/edgemint.fish")]
pub(crate) struct Completions {
    /// Shell to print the script for
    #[arg(value_parser = clap::value_parser!(Shell))]
    pub(crate) shell: Shell,
}

pub(crate) fn run(args: &Completions, mut command: Command, output: &mut Output) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "edgemint", &mut script);
    let script = String::from_utf8(script).context("cannot print the script: it is not UTF-8")?;
    output.result_verbatim(script.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
