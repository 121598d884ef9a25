//! The program behind `cargo xtask`: copies what an earlier clone compiled into a fresh one, and then becomes xtask.
#![allow(clippy::disallowed_methods, reason = "it reads the environment, and it ends as xtask")]

use std::ffi::{OsStr, OsString};
use std::io::{Write as _, stderr};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::{env, io};

use xtask_launcher::{compiled, project};

/// The commands that xtask has without its feature `checks`, which takes longer to compile.
const WITHOUT_CHECKS: [&str; 2] = ["build", "dev"];

fn main() -> ExitCode {
    match start() {
        Ok(failed) => failed,
        Err(error) => {
            // In one write, because wrangler adds a prefix to each write of a build program.
            let _ = stderr().write_all(format!("error: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Compiles xtask and becomes it. Returns only when that fails.
fn start() -> io::Result<ExitCode> {
    compiled::bring()?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let mut cargo = here("cargo");
    cargo.args(["build", "--quiet", "--package", "xtask", "--bin", "xtask", "--manifest-path"]);
    cargo.arg(project::root().join("Cargo.toml"));
    if WITHOUT_CHECKS.iter().any(|name| arguments.first().is_some_and(|first| first == name)) {
        cargo.arg("--no-default-features");
    }
    let built = cargo.status().map_err(|error| about("cargo", &error))?;
    if !built.success() {
        return Ok(ExitCode::FAILURE);
    }
    let mut xtask = here(env::current_exe()?.with_file_name("xtask"));
    let error = xtask.args(arguments).env(project::CHECKOUT, project::root()).exec();
    Err(about("xtask", &error))
}

/// A program that does not know which package cargo ran before it. Otherwise, each build script that asks for a variable
/// of its package, such as that of `ring`, would run again in each clone.
fn here(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let of_a_package = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if name.to_str().is_some_and(|name| of_a_package.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}

fn about(program: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not start {program}: {error}"))
}
