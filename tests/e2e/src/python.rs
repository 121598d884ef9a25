//! Python with packages of PyPI, for the tests that run programs of others.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

/// Shows that `python3` can make an environment with pip.
pub const PYTHON: &str = "python3 -m ensurepip --version";

/// The Python of an environment in `dir` that has the packages of the file `requirements`. It is made once for a list of
/// packages.
pub fn python_with(requirements: &Path, dir: &Path) -> PathBuf {
    let (program, done) = (dir.join("bin/python"), dir.join("requirements.txt"));
    if std::fs::read(&done).ok() != std::fs::read(requirements).ok() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir));
        let mut pip = Command::new(&program);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(requirements));
        std::fs::copy(requirements, &done).expect("a file");
    }
    program
}
