//! `cargo xtask fuzz`: builds the fuzz targets with libFuzzer's counters, seeds them from the vectors, and runs them.
//!
//! As cargo-fuzz does, but on the stable toolchain. The counters are an LLVM pass that rustc contains. Only the
//! sanitizers need a nightly toolchain, and they detect errors that safe Rust does not make.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::args;
use crate::process::progress::{Progress, seconds};
use crate::process::{command, project};

/// The package of the targets, which other commands leave out.
const PACKAGE: &str = "edgemint-fuzz";

/// Counters for each edge, and tracing of compared values.
const RUSTFLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// The run time of each target in `cargo xtask test`.
const SMOKE: Duration = Duration::from_secs(2);

/// Whether each run starts the same, or keeps its inputs for the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Corpus {
    Kept,
    Fresh,
}

/// Runs the command.
pub(crate) fn command(options: &args::Fuzz, progress: &Progress) -> Result<()> {
    let known = targets()?;
    let wanted = match &options.target {
        None => known,
        Some(target) if known.contains(target) => vec![target.clone()],
        Some(other) => bail!("there is no fuzz target {other}; the targets are {}", known.join(", ")),
    };
    let fuzzer = Fuzzer::build(progress)?;
    fuzzer.write_seeds(&wanted)?;
    if let (Some(input), Some(target)) = (&options.input, &options.target) {
        let mut replay = fuzzer.program(target);
        println!("{}", command::run(replay.arg(input))?);
        return Ok(());
    }
    if options.seeds {
        println!("the seeds are in {}", fuzzer.below.join("seeds").display());
        return Ok(());
    }
    fuzzer.run_all(&wanted, Duration::from_secs(options.seconds), Corpus::Kept, |line| progress.say(&line))
}

/// Runs each target for a few seconds and reports through `say`. Returns the reason when the targets cannot be built.
pub(crate) fn smoke(progress: &Progress, say: impl Fn(String)) -> Result<Option<String>> {
    if !has_cpp_compiler() {
        return Ok(Some("libFuzzer needs a C++ compiler, and there is none".to_owned()));
    }
    let fuzzer = Fuzzer::build(progress)?;
    let targets = targets()?;
    fuzzer.write_seeds(&targets)?;
    fuzzer.run_all(&targets, SMOKE, Corpus::Fresh, say)?;
    Ok(None)
}

fn has_cpp_compiler() -> bool {
    let compiler = env::var("CXX").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "c++".to_owned());
    Command::new(compiler).arg("--version").output().is_ok_and(|answer| answer.status.success())
}

/// The names of the targets.
fn targets() -> Result<Vec<String>> {
    let folder = project::root().join("fuzz/targets");
    let files = fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))?;
    let names =
        files.flatten().filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".rs")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.retain(|name| name != "main");
    names.sort();
    Ok(names)
}

/// The built targets: one program with all of them, and one that writes their seeds.
struct Fuzzer {
    programs: PathBuf,
    /// The directory with seeds, corpora and findings.
    below: PathBuf,
}

impl Fuzzer {
    fn build(progress: &Progress) -> Result<Self> {
        if !has_cpp_compiler() {
            bail!(
                "libFuzzer needs a C++ compiler; install one (Debian: apt-get install g++), or set CXX to one"
            );
        }
        let target = project::target_directory(&mut cargo())?;
        let host = command::run(Command::new("rustc").arg("-vV").current_dir(project::root()))?;
        let host =
            host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc printed no host")?;
        let step = progress.step("building the fuzz targets");
        let mut build = cargo();
        // With an explicit target, cargo builds build scripts and macros without counters.
        build.args(["build", "--locked", "--package", PACKAGE, "--target", host]);
        // Optimised, for several hundred thousand inputs in seconds. Build scripts and macros are those of every build.
        build.env("CARGO_PROFILE_DEV_OPT_LEVEL", "2");
        build.env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\u{1f}")).env("CARGO_TARGET_DIR", &target);
        command::run(&mut build).context("could not build the fuzz targets")?;
        step.done();
        Ok(Self { programs: target.join(host).join("debug"), below: target.join("fuzz") })
    }

    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(self.programs.join(name));
        // As cargo does, because the programs find the vectors by it.
        program.env("CARGO_MANIFEST_DIR", project::root().join("fuzz"));
        program
    }

    fn write_seeds(&self, targets: &[String]) -> Result<()> {
        let seeds = self.below.join("seeds");
        let _ = fs::remove_dir_all(&seeds);
        command::run(self.program("seeds").arg(&seeds).args(targets))
            .context("could not create seeds from the vectors")?;
        Ok(())
    }

    fn run_all(
        &self,
        targets: &[String],
        time: Duration,
        corpus: Corpus,
        say: impl Fn(String),
    ) -> Result<()> {
        let mut failed = Vec::new();
        for target in targets {
            match self.run(target, time, corpus) {
                Ok(executions) => say(format!("{target:>14}  {executions} executions in {}", seconds(time))),
                Err(error) => {
                    say(format!("{target:>14}  {error:#}"));
                    failed.push(target.as_str());
                }
            }
        }
        if !failed.is_empty() {
            bail!("the fuzzer found something in {}", failed.join(", "));
        }
        Ok(())
    }

    /// Runs one target. Returns the number of inputs that it tried.
    fn run(&self, target: &str, time: Duration, corpus: Corpus) -> Result<u64> {
        let findings = self.below.join("findings").join(target);
        let own = self.below.join(if corpus == Corpus::Fresh { "smoke" } else { "corpus" }).join(target);
        if corpus == Corpus::Fresh {
            let _ = fs::remove_dir_all(&own);
        }
        project::make_dir(&findings)?;
        project::make_dir(&own)?;
        let mut fuzzer = self.program("fuzz");
        fuzzer.env("EDGEMINT_FUZZ_TARGET", target);
        fuzzer.arg(format!("-max_total_time={}", time.as_secs()));
        fuzzer.args(["-timeout=25", "-rss_limit_mb=2048", "-max_len=4096"]);
        fuzzer.arg(format!("-artifact_prefix={}/", findings.display()));
        if corpus == Corpus::Fresh {
            fuzzer.arg("-seed=1");
        }
        fuzzer.arg(own).arg(self.below.join("seeds").join(target)).current_dir(&self.below);
        let ended = command::to_its_end(&mut fuzzer, |_| {})?;
        if !ended.status.success() {
            bail!("{}", finding(target, &ended.stderr));
        }
        executions(&ended.stderr).context("the fuzzer did not print how many inputs it tried")
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project::root());
    cargo
}

/// `Done 691173 runs in 5 second(s)` → 691173.
fn executions(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.strip_prefix("Done ")?.split(' ').next()?.parse().ok())
}

/// A finding: the panic message, and the command that reproduces it.
fn finding(target: &str, said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at"));
    let words: Vec<&str> = lines.by_ref().take(3).collect();
    let words = if words.is_empty() { last_error(said) } else { words.join(" ") };
    let file = said.lines().find_map(|line| line.split_once("Test unit written to ").map(|(_, file)| file));
    let again = file.map(|file| {
        format!("; to reproduce it: `cargo xtask fuzz {target} --input {}`", Path::new(file).display())
    });
    format!("{words}{}", again.unwrap_or_default())
}

fn last_error(said: &str) -> String {
    let line = said.lines().rev().find(|line| line.contains("ERROR:")).or_else(|| said.lines().last());
    line.unwrap_or("it ended without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{executions, finding, targets};

    #[test]
    fn executions_are_read() {
        assert_eq!(executions("#691173 DONE cov: 1\nDone 691173 runs in 5 second(s)\n"), Some(691_173));
        assert_eq!(executions("INFO: Seed: 1"), None);
    }

    #[test]
    fn a_finding_tells_what_it_is_and_how_to_see_it_again() {
        let said = "#1\nthread '<unnamed>' panicked at targets/scope.rs:8:5:\nleft: 1\nright: 2\n==1== ERROR: libFuzzer: deadly signal\nartifact_prefix='x/'; Test unit written to /tmp/crash-1\n";
        let told = finding("scope", said);
        assert!(told.contains("panicked at targets/scope.rs:8:5: left: 1 right: 2"), "{told}");
        assert!(told.ends_with("`cargo xtask fuzz scope --input /tmp/crash-1`"), "{told}");
        let slow = finding("scope", "==1== ERROR: libFuzzer: timeout after 25 seconds\n");
        assert!(slow.contains("timeout"), "{slow}");
    }

    #[test]
    fn every_target_is_in_the_program() {
        let program =
            std::fs::read_to_string(crate::root().join("fuzz/targets/main.rs")).expect("it is there");
        let targets = targets().expect("the folder is there");
        assert!(targets.len() > 8, "found only {targets:?}");
        for target in &targets {
            assert!(program.contains(&format!("{target}::run)")), "{target} is not in fuzz/targets/main.rs");
        }
        assert_eq!(program.matches("::run)").count(), targets.len());
    }
}
