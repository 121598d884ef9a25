//! actionlint, the checker of GitHub's workflows: built once per version and machine, from the Go module
//! xtask/actionlint, whose go.sum has the hash of each source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::progress::Progress;
use crate::process::{command, project};

const PROGRAM: &str = "github.com/rhysd/actionlint/cmd/actionlint";

/// Builds the program if it is missing, and returns its path; nothing if this machine has no Go.
pub(crate) fn ensure(progress: &Progress) -> Result<Option<PathBuf>> {
    let module = project::root().join("xtask/actionlint");
    let manifest = module.join("go.mod");
    let text =
        fs::read_to_string(&manifest).with_context(|| format!("could not read {}", manifest.display()))?;
    let version = version(&text).with_context(|| format!("{} requires no actionlint", manifest.display()))?;
    let tools = project::cache()?.join("tools");
    let home = tools.join(format!("actionlint-{version}"));
    let program = home.join("actionlint");
    if program.is_file() {
        return Ok(Some(program));
    }
    if command::ask(Command::new("go").arg("version")).is_err() {
        return Ok(None);
    }
    let _held = project::lock(&tools.join("lock-actionlint"))?;
    if !program.is_file() {
        let step = progress.step(format!("building actionlint {version} (once on this machine)"));
        build(&module, &tools.join("unfinished-actionlint"), &home)?;
        step.done();
    }
    Ok(Some(program))
}

/// Builds into a separate directory, which is moved into place when it is complete.
fn build(module: &Path, unfinished: &Path, home: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(unfinished);
    project::make_dir(unfinished)?;
    let mut go = Command::new("go");
    // `readonly` makes a wrong or missing hash in go.sum an error.
    go.args(["build", "-mod=readonly", "-trimpath", "-ldflags=-s", "-o"]).arg(unfinished.join(""));
    // Without cgo, it needs no C compiler and builds faster.
    go.arg(PROGRAM).env("CGO_ENABLED", "0").env("GOWORK", "off").current_dir(module);
    command::run(&mut go).context(
        "could not build actionlint; check that go can reach its module proxy, then run this again",
    )?;
    let _ = fs::remove_dir_all(home);
    fs::rename(unfinished, home).with_context(|| format!("could not move actionlint to {}", home.display()))
}

/// The version of actionlint in a go.mod: `v1.7.12`.
fn version(manifest: &str) -> Option<&str> {
    let mut words = manifest.lines().map(str::split_whitespace);
    words.find_map(|mut words| {
        words.find(|word| *word == "github.com/rhysd/actionlint")?;
        words.next()
    })
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_that_of_the_manifest() {
        let manifest = "module m\n\ntool github.com/rhysd/actionlint/cmd/actionlint\n\nrequire (\n\tgithub.com/rhysd/actionlint v1.7.12 // indirect\n)\n";
        assert_eq!(version(manifest), Some("v1.7.12"));
        assert_eq!(version("require github.com/rhysd/actionlint v1.8.0\n"), Some("v1.8.0"));
        assert_eq!(version("module m\n"), None);
    }
}
