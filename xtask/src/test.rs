//! `cargo xtask test`: everything that CI checks, in the order in which it is cheapest to fail.

use crate::advisories;
use crate::command::{self, Ended};
use crate::fuzz;
use crate::progress::{Progress, seconds};
use crate::project;
use crate::tools::Tools;
use crate::wasm_target::{TARGET, WasmToolchain};
use crate::worker::{Variant, build_worker, gzipped_kib};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// What the deployed Worker may weigh, compressed, as wrangler counts it: code is loaded before the first request.
const GZIPPED_KIB_AT_MOST: f64 = 300.0;

/// Runs it.
pub(crate) fn command(progress: &Progress) -> Result<()> {
    let mut run = Run { took: Vec::new() };
    let tools = run.step("tools", || Tools::ensure(progress))?;
    let wasm = &tools.wasm;

    run.shown("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    run.shown(
        "clippy, native",
        &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    run.clippy_for_wasm("clippy, wasm32", wasm, &[])?;
    run.clippy_for_wasm("clippy, wasm32, panicking variant", wasm, &["--features", "provoke-panic"])?;
    run.tests("native tests", &mut cargo(&["test"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
    run.shown("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    run.dependencies()?;
    run.or_passed_over("known vulnerabilities", advisories::check)?;
    run.or_passed_over("fuzzing", || fuzz::smoke(progress))?;

    // Both are linked into one file: the one that the end-to-end tests need first comes last.
    run.step("build of the panicking variant", || build_worker(&tools, Variant::ProvokePanic, progress))?;
    run.step("build of the Worker", || build_worker(&tools, Variant::Release, progress))?;
    run.deployment("deployment, dry run", &tools, &[])?;
    run.deployment("deployment to production, dry run", &tools, &["--env", "production"])?;
    run.tests("end to end, in workerd", &mut cargo(&["test", "--package", "edgemint-e2e"]))?;
    run.summary();
    Ok(())
}

fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(args).current_dir(project::root());
    cargo
}

/// The steps that ran, and how long each took.
struct Run {
    took: Vec<(String, Duration)>,
}

impl Run {
    fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("== {name}");
        let since = Instant::now();
        let value = work().with_context(|| format!("`cargo xtask test` stopped at the step \"{name}\""))?;
        self.took.push((name.to_owned(), since.elapsed()));
        Ok(value)
    }

    /// A command whose output is the report.
    fn shown(&mut self, name: &str, command: &mut Command) -> Result<Ended> {
        self.step(name, || succeed(command))
    }

    fn tests(&mut self, name: &str, command: &mut Command) -> Result<()> {
        self.step(name, || {
            let passed = passed(&succeed(command)?.stdout);
            if passed == 0 {
                bail!("`{}` ran no test at all", command::shown(command));
            }
            eprintln!("{passed} tests passed");
            Ok(())
        })
    }

    fn clippy_for_wasm(&mut self, name: &str, toolchain: &WasmToolchain, features: &[&str]) -> Result<()> {
        if *toolchain == WasmToolchain::Debian {
            eprintln!("== {name}: passed over, because Debian's compiler for wasm32 has no clippy");
            return Ok(());
        }
        let mut clippy = toolchain.cargo()?;
        clippy.args(["clippy", "--package", "edgemint", "--lib", "--target", TARGET]).args(features);
        self.shown(name, clippy.args(["--", "-D", "warnings"])).map(drop)
    }

    /// What else cargo-deny has to say, where it is installed. Licences and sources are judged without it, too, among the
    /// native tests.
    fn dependencies(&mut self) -> Result<()> {
        if command::ask(&mut cargo(&["deny", "--version"])).is_err() {
            return Ok(());
        }
        let mut deny = cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]);
        self.shown("cargo deny", &mut deny).map(drop)
    }

    /// A step that tells why it cannot be done here, where it cannot.
    fn or_passed_over(&mut self, name: &str, work: impl FnOnce() -> Result<Option<String>>) -> Result<()> {
        if let Some(why) = self.step(name, work)? {
            eprintln!("== {name}: passed over, because {why}");
        }
        Ok(())
    }

    fn deployment(&mut self, name: &str, tools: &Tools, options: &[&str]) -> Result<()> {
        self.step(name, || {
            let gzipped = gzipped_kib(tools, options)?;
            let wasm = project::root().join(Variant::Release.out_dir()).join("index_bg.wasm");
            let raw =
                fs::metadata(&wasm).with_context(|| format!("could not find {}", wasm.display()))?.len();
            eprintln!("the Worker: {gzipped:.1} KiB gzipped (wasm: {raw} bytes before)");
            if gzipped > GZIPPED_KIB_AT_MOST {
                bail!(
                    "the Worker has become too big: {gzipped:.1} KiB gzipped, {GZIPPED_KIB_AT_MOST} at most"
                );
            }
            Ok(())
        })
    }

    fn summary(&self) {
        eprintln!();
        for (name, took) in &self.took {
            eprintln!("{:>12}  {name}", seconds(*took));
        }
        let total = self.took.iter().map(|(_, took)| *took).sum();
        eprintln!("{:>12}  in all: every check passed", seconds(total));
    }
}

/// Runs it with its output shown; when it fails, tells how to run it again.
fn succeed(command: &mut Command) -> Result<Ended> {
    command.env(
        "CARGO_TERM_COLOR",
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) { "always" } else { "never" },
    );
    let ended = command::to_its_end(command, |line| eprintln!("{line}"))?;
    if !ended.status.success() {
        bail!("what it found is above; to run it again alone: `{}`", command::shown(command));
    }
    Ok(ended)
}

/// How many tests passed, by the lines that each test program ends with.
fn passed(output: &str) -> u64 {
    let counts = output.lines().filter_map(|line| {
        let (_, rest) = line.split_once("test result: ")?;
        rest.split_once(". ")?.1.split_once(" passed")?.0.trim().parse::<u64>().ok()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::passed;

    #[test]
    fn tests_are_counted() {
        let output = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\ntest result: ok. 29 passed; 0 failed;\n";
        assert_eq!(passed(output), 31);
        assert_eq!(passed("test result: \u{1b}[32mok\u{1b}[0m. 3 passed; 0 failed"), 3);
        assert_eq!(passed("test result: ok. 0 passed; 0 failed"), 0);
        assert_eq!(passed(""), 0);
    }
}
