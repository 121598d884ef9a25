//! Python with packages of PyPI, for the tests that run programs of others.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{prepared, run};

/// Shows that `python3` can make an environment with pip.
pub const PYTHON: &str = "python3 -m ensurepip --version";

/// The Python of an environment that has the packages of the file `requirements`.
pub fn python_with(requirements: &Path) -> PathBuf {
    let packages = std::fs::read_to_string(requirements).expect("the list of packages");
    let version = run(Command::new("python3").arg("-VV"));
    let program = |directory: &Path| directory.join("bin/python");
    let make = |directory: &Path| {
        run(Command::new("python3").args(["-m", "venv"]).arg(directory));
        let mut pip = Command::new(program(directory));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(requirements));
    };
    program(&prepared("python", &format!("{version}{packages}"), make))
}
