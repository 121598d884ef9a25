//! `cargo xtask test`: every check of CI. Cheap checks come first, and steps that wait run beside steps that compute.

pub(crate) mod advisories;
pub(crate) mod rustsec;
pub(crate) mod steps;
pub(crate) mod suite;
pub(crate) mod workflows;

use std::collections::VecDeque;
use std::process::Command;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};

use crate::fuzz;
use crate::install::Tools;
use crate::install::wasm_target::{TARGET, WasmToolchain};
use crate::process::progress::{Progress, seconds};
use crate::process::{command, project};
use crate::serve::worker::{Variant, build_worker, gzipped_kib};
use crate::test::steps::{Report, Steps};
use crate::test::suite::{Program, Suite, WORKSPACE};

/// The highest compressed size of the deployed Worker, as wrangler counts it. Code is loaded before the first request.
const GZIPPED_KIB_AT_MOST: f64 = 380.0;

/// The number of end-to-end test programs that run at once. They wait for much of the time.
const AT_ONCE: usize = 3;

/// The number of other test programs that run at once. One of them runs the compiler all the time.
const NATIVE_AT_ONCE: usize = 2;

/// Runs the command.
pub(crate) fn command(progress: &Progress) -> Result<()> {
    let steps = Steps::new(progress);
    let tools = steps.step("tools", |_| Tools::ensure(progress))?;
    steps.command("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    let (compiled, to_be_compiled) = mpsc::channel();
    steps.side_by_side(
        || {
            steps.or_passed_over("workflows", |report| workflows::check(progress, report))?;
            natively(&steps, &tools.wasm, |suite| {
                let _ = compiled.send(suite.clone());
            })?;
            steps.or_passed_over("fuzzing", |report| fuzz::smoke(progress, |line| report.line(line)))
        },
        || {
            steps.step("build of the panicking variant", |_| {
                build_worker(&tools, Variant::ProvokePanic, progress)
            })?;
            steps.step("build of the Worker", |_| build_worker(&tools, Variant::Release, progress))?;
            deployment(&steps, "deployment, dry run", &tools, &[])?;
            deployment(&steps, "deployment to production, dry run", &tools, &["--env", "production"])?;
            let suite: Suite = to_be_compiled.recv().context("the test programs were not compiled")?;
            steps.step("end to end, in workerd", |report| run(&suite, suite.end_to_end(), AT_ONCE, report))
        },
    )?;
    steps.step("compiled crates, for the next clone", |_| Ok(xtask_launcher::compiled::keep()?))?;
    steps.summary();
    Ok(())
}

/// Runs the checks that need no Worker.
fn natively(steps: &Steps<'_>, wasm: &WasmToolchain, compiled: impl FnOnce(&Suite)) -> Result<()> {
    steps.command(
        "clippy, native",
        cargo(&["clippy"]).args(WORKSPACE).args(["--all-targets", "--", "-D", "warnings"]),
    )?;
    clippy_for_wasm(steps, "clippy, wasm32", wasm, &[])?;
    clippy_for_wasm(steps, "clippy, wasm32, panicking variant", wasm, &["--features", "provoke-panic"])?;
    let suite = steps.step("build of the tests", |report| Suite::build(|line| report.line(line)))?;
    compiled(&suite);
    steps.step("native tests", |report| run(&suite, suite.native(), NATIVE_AT_ONCE, report))?;
    steps.command("tests in documentation", &mut Suite::documentation())?;
    let mut doc = cargo(&["doc", "--no-deps"]);
    steps.command("documentation", doc.args(WORKSPACE).env("RUSTDOCFLAGS", "-D warnings"))?;
    dependencies(steps)?;
    steps.or_passed_over("known vulnerabilities", |_| advisories::check())
}

fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(args).current_dir(project::root());
    cargo
}

/// Runs these programs, `at_once` at a time. After a failure, no further program is started.
fn run(suite: &Suite, programs: Vec<&Program>, at_once: usize, report: &Report) -> Result<()> {
    let queue = Mutex::new(VecDeque::from(programs));
    let (passed, failed) = (Mutex::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let next = unpoisoned(&queue).pop_front();
            let Some(program) = next else { return Ok(()) };
            let since = Instant::now();
            let ended = suite.run(program)?;
            let tests = self::passed(&ended.stdout);
            *unpoisoned(&passed) += tests;
            let mut lines =
                vec![format!("{tests:>5} passed in {}: {}", seconds(since.elapsed()), program.shown())];
            if ended.status.success() {
                let notes = ended.stderr.lines().filter(|line| line.starts_with("note: "));
                lines.extend(notes.map(|line| format!("      {line}")));
            } else {
                lines.extend([ended.stdout, ended.stderr]);
                unpoisoned(&failed).push(program.again());
                unpoisoned(&queue).clear();
            }
            report.line(lines.join("\n"));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(result) => result,
            Err(_) => bail!("a thread panicked"),
        })
    })?;
    let (passed, failed) = (*unpoisoned(&passed), unpoisoned(&failed).join("`, `"));
    if !failed.is_empty() {
        bail!("the output is above; to run only the failed programs again: `{failed}`");
    }
    if passed == 0 {
        bail!("no test ran");
    }
    report.line(format!("{passed} tests passed"));
    Ok(())
}

fn unpoisoned<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clippy_for_wasm(
    steps: &Steps<'_>,
    name: &str,
    toolchain: &WasmToolchain,
    features: &[&str],
) -> Result<()> {
    steps.or_passed_over(name, |report| {
        if *toolchain == WasmToolchain::Debian {
            return Ok(Some("Debian's compiler for wasm32 has no clippy".to_owned()));
        }
        let mut clippy = toolchain.cargo()?;
        clippy.args(["clippy", "--package", "edgemint", "--lib", "--target", TARGET]).args(features);
        report.of(clippy.args(["--", "-D", "warnings"]))?;
        Ok(None)
    })
}

/// Runs cargo-deny, where it is installed. The native tests check licences and sources without it.
fn dependencies(steps: &Steps<'_>) -> Result<()> {
    if command::ask(&mut cargo(&["deny", "--version"])).is_err() {
        return Ok(());
    }
    let mut deny = cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]);
    steps.command("cargo deny", &mut deny)
}

fn deployment(steps: &Steps<'_>, name: &str, tools: &Tools, options: &[&str]) -> Result<()> {
    steps.step(name, |report| {
        let gzipped = gzipped_kib(tools, options)?;
        let wasm = project::root().join(Variant::Release.out_dir()).join("index_bg.wasm");
        let raw = fs::metadata(&wasm).with_context(|| format!("could not find {}", wasm.display()))?.len();
        report.line(format!("the Worker: {gzipped:.1} KiB gzipped (wasm: {raw} bytes before)"));
        if gzipped > GZIPPED_KIB_AT_MOST {
            bail!("the Worker is too big: {gzipped:.1} KiB gzipped, allowed are {GZIPPED_KIB_AT_MOST}");
        }
        Ok(())
    })
}

/// The number of passed tests, from the last lines of each test program.
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
