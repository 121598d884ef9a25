//! The `edgemint` program, built from this checkout.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use edgemint_local::serve::operator::Edgemint;
use serde_json::Value;

use crate::install::Tools;
use crate::process::{command, project};

/// Builds the program, for the deployment of this checkout.
pub(crate) fn edgemint(tools: &Tools, profile: &str) -> Result<Edgemint> {
    let program = build(profile)?;
    Ok(Edgemint { program, config: project::root().join("wrangler.toml"), path: Some(tools.path()?) })
}

/// Builds the program, and returns its path. `profile`: `dev` or `release`.
pub(crate) fn build(profile: &str) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", "edgemint-cli", "--bin", "edgemint", "--profile", profile]);
    cargo.arg("--message-format=json-render-diagnostics").current_dir(project::root());
    let messages = command::run(&mut cargo).context("could not build the `edgemint` program")?;
    executable(&messages).context("cargo built no program `edgemint`")
}

/// The path of the program in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned()));
    programs.find(|path| path.ends_with("/edgemint")).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::executable;

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n{\"executable\":\"/t/debug/edgemint\"}\n{\"reason\":\"build-finished\"}";
        assert_eq!(executable(messages), Some("/t/debug/edgemint".into()));
        assert_eq!(executable("{}"), None);
    }
}
