//! The workspace's test programs: one call of cargo compiles them, and this module runs them.
//!
//! One call, because cargo compiles a dependency again for each set of features, and each selection of packages has a
//! different set. Not through cargo, because it would run them one after the other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::command::Ended;
use crate::process::directory::Directory;
use crate::process::{command, project};

/// The variable that tells the end-to-end tests that the Workers are built, and where the `edgemint` program is.
pub const BUILT: &str = "EDGEMINT_TEST_PROGRAM";

/// The variable with a directory that all test programs of one run share, for what one of them prepares for the others.
pub const SHARED: &str = "EDGEMINT_TEST_SHARED";

/// All packages but the fuzz targets, which need a C++ compiler and the counters of the fuzzer.
pub(crate) const WORKSPACE: [&str; 3] = ["--workspace", "--exclude", "edgemint-fuzz"];

/// The package whose tests need the Workers.
const END_TO_END: &str = "edgemint-e2e";

/// The test programs that take longest. They start first.
const LONGEST: [&str; 8] =
    ["endurance", "rehearsal", "pages", "languages", "openapi", "vectors", "proof_types", "bound"];

/// All compiled programs.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    programs: Vec<Program>,
    edgemint: PathBuf,
    /// What the programs share.
    shared: Arc<Directory>,
}

/// A test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    package: String,
    directory: PathBuf,
    kind: String,
    name: String,
    file: PathBuf,
}

impl Suite {
    /// Compiles the programs; passes each line of cargo's messages to `show`.
    pub(crate) fn build(show: impl Fn(&str) + Sync) -> Result<Self> {
        let mut cargo = cargo();
        cargo.args(["test", "--no-run", "--message-format=json-render-diagnostics"]).args(WORKSPACE);
        let ended = command::to_its_end(&mut cargo, |line| {
            if !line.starts_with('{') {
                show(line);
            }
        })?;
        if !ended.status.success() {
            bail!("the output is above; to run only this again: `{}`", command::shown(&cargo));
        }
        read(&ended.stdout)
    }

    /// The programs that need the Workers, the slowest first.
    pub(crate) fn end_to_end(&self) -> Vec<&Program> {
        self.programs_where(|one| one.package == END_TO_END)
    }

    /// All other programs, the slowest first.
    pub(crate) fn native(&self) -> Vec<&Program> {
        self.programs_where(|one| one.package != END_TO_END)
    }

    fn programs_where(&self, is_meant: impl Fn(&Program) -> bool) -> Vec<&Program> {
        let mut programs: Vec<_> = self.programs.iter().filter(|one| is_meant(one)).collect();
        programs
            .sort_by_key(|one| LONGEST.iter().position(|name| one.name == *name).unwrap_or(LONGEST.len()));
        programs
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &Program) -> Result<Ended> {
        let mut command = Command::new(&program.file);
        // As cargo does, because tests find their files by these.
        command.current_dir(&program.directory).env("CARGO_PKG_NAME", &program.package);
        command.env("CARGO_MANIFEST_DIR", &program.directory);
        command.env("CARGO_MANIFEST_PATH", program.directory.join("Cargo.toml"));
        // The tests start wrangler more than a hundred times, and compiling its code is a sixth of the time of a start.
        command.env("NODE_COMPILE_CACHE", project::cache()?.join("node"));
        command::to_its_end(command.env(BUILT, &self.edgemint).env(SHARED, self.shared.path()), |_| {})
    }

    /// The tests in documentation. Cargo compiles them as it runs them.
    pub(crate) fn documentation() -> Command {
        let mut cargo = cargo();
        cargo.args(["test", "--doc"]).args(WORKSPACE);
        cargo
    }
}

impl Program {
    /// Its package and name, for the report.
    pub(crate) fn shown(&self) -> String {
        let of = match self.kind.as_str() {
            "test" => format!(", {}", self.name),
            "bin" => ", program".to_owned(),
            _ => String::new(),
        };
        format!("{}{of}", self.package)
    }

    /// The command that runs it again.
    pub(crate) fn again(&self) -> String {
        let package = &self.package;
        match self.kind.as_str() {
            "test" => format!("cargo test -p {package} --test {}", self.name),
            "bin" => format!("cargo test -p {package} --bin {}", self.name),
            _ => format!("cargo test -p {package} --lib"),
        }
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project::root());
    cargo
}

/// Reads cargo's messages.
fn read(messages: &str) -> Result<Suite> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let (mut programs, mut edgemint) = (Vec::new(), None);
    for message in messages {
        let Some(file) = message.get("executable").and_then(Value::as_str) else { continue };
        if message.pointer("/profile/test") == Some(&Value::Bool(true)) {
            programs.push(program(&message, file).context("cargo names a test program in an unknown way")?);
        } else if message.pointer("/target/name").is_some_and(|name| name == "edgemint") {
            edgemint = Some(PathBuf::from(file));
        }
    }
    let edgemint = edgemint.context("cargo built no program `edgemint`")?;
    Ok(Suite { programs, edgemint, shared: Arc::new(Directory::temporary("test")?) })
}

fn program(message: &Value, file: &str) -> Option<Program> {
    let text = |pointer: &str| Some(message.pointer(pointer)?.as_str()?.to_owned());
    let directory = Path::new(&text("/manifest_path")?).parent()?.to_path_buf();
    // `path+file:///…/issuer#edgemint-issuer@0.1.0`, or `path+file:///…/xtask#0.1.0`.
    let id = text("/package_id")?;
    let (path, version) = id.rsplit_once('#')?;
    let package =
        version.split_once('@').map(|(name, _)| name).or_else(|| path.rsplit('/').next())?.to_owned();
    let kind = text("/target/kind/0")?;
    Some(Program { package, directory, kind, name: text("/target/name")?, file: file.into() })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn programs_are_found_among_cargos_messages() {
        let messages = r#"
{"reason":"compiler-artifact","package_id":"path+file:///c/crates/issuer#edgemint-issuer@0.1.0","manifest_path":"/c/crates/issuer/Cargo.toml","target":{"kind":["test"],"name":"vectors"},"profile":{"test":true},"executable":"/t/vectors-1"}
{"reason":"compiler-artifact","package_id":"path+file:///c/xtask#0.1.0","manifest_path":"/c/xtask/Cargo.toml","target":{"kind":["lib"],"name":"xtask"},"profile":{"test":true},"executable":"/t/xtask-1"}
{"reason":"compiler-artifact","package_id":"path+file:///c/tests/e2e#edgemint-e2e@0.1.0","manifest_path":"/c/tests/e2e/Cargo.toml","target":{"kind":["test"],"name":"load"},"profile":{"test":true},"executable":"/t/load-1"}
{"reason":"compiler-artifact","package_id":"path+file:///c/tests/e2e#edgemint-e2e@0.1.0","manifest_path":"/c/tests/e2e/Cargo.toml","target":{"kind":["test"],"name":"endurance"},"profile":{"test":true},"executable":"/t/endurance-1"}
{"reason":"compiler-artifact","package_id":"path+file:///c/crates/cli#edgemint-cli@0.1.0","manifest_path":"/c/crates/cli/Cargo.toml","target":{"kind":["bin"],"name":"edgemint"},"profile":{"test":false},"executable":"/t/edgemint"}
{"reason":"build-finished","success":true}"#;
        let suite = read(messages).expect("it is complete");
        assert_eq!(suite.edgemint, std::path::Path::new("/t/edgemint"));
        let shown = |programs: Vec<&super::Program>| -> Vec<String> {
            programs.into_iter().map(|program| format!("{}: {}", program.shown(), program.again())).collect()
        };
        assert_eq!(
            shown(suite.native()),
            [
                "edgemint-issuer, vectors: cargo test -p edgemint-issuer --test vectors",
                "xtask: cargo test -p xtask --lib"
            ]
        );
        assert_eq!(
            shown(suite.end_to_end()),
            [
                "edgemint-e2e, endurance: cargo test -p edgemint-e2e --test endurance",
                "edgemint-e2e, load: cargo test -p edgemint-e2e --test load"
            ]
        );
        assert!(read("{}").is_err());
    }
}
