//! Runs a program to its end. On failure, the error is one sentence with the last lines of output.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::process::children::Group;

const LAST_LINES: usize = 20;

/// The output of a program, and its exit status.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
    /// Both outputs, in the order of arrival.
    said: Vec<String>,
}

/// Runs the program and returns its stdout. The output is shown only when the program fails.
///
/// # Errors
/// When the program cannot be started, or fails; with the last lines of its output.
pub fn run(command: &mut Command) -> Result<String> {
    // A developer who sets RUST_BACKTRACE wants backtraces of edgemint, not of the tools.
    command.env("RUST_BACKTRACE", "0");
    let ended = to_its_end(command, |_| {})?;
    if !ended.status.success() {
        bail!("`{}` failed ({}){}", shown(command), ended.status, last_lines(&ended.said));
    }
    Ok(ended.stdout)
}

/// Runs the program, whether it succeeds or not, and passes each line of output to `show` as it arrives.
///
/// # Errors
/// When the program cannot be started.
pub fn to_its_end(command: &mut Command, show: impl Fn(&str) + Sync) -> Result<Ended> {
    let mut group = Group::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdout, stderr) = (group.child().stdout.take(), group.child().stderr.take());
    let (answers, complaints, said) = (Mutex::default(), Mutex::default(), Mutex::default());
    let take = |own: &Mutex<Vec<String>>, line: &str| {
        show(line);
        push(own, line);
        push(&said, line);
    };
    thread::scope(|scope| {
        scope.spawn(|| each_line(stderr, |line| take(&complaints, line)));
        each_line(stdout, |line| take(&answers, line));
    });
    let status = group.wait()?;
    Ok(Ended {
        status,
        stdout: lines(answers).join("\n"),
        stderr: lines(complaints).join("\n"),
        said: lines(said),
    })
}

fn lines(collected: Mutex<Vec<String>>) -> Vec<String> {
    collected.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn push(lines: &Mutex<Vec<String>>, line: &str) {
    lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
}

/// Calls `take` with every line of `from`, until its end.
pub fn each_line(from: Option<impl Read>, mut take: impl FnMut(&str)) {
    let Some(from) = from else { return };
    for line in BufReader::new(from).split(b'\n') {
        let Ok(line) = line else { return };
        take(String::from_utf8_lossy(&line).trim_end_matches('\r'));
    }
}

/// The last lines of a program's output, to append to a sentence about its failure.
pub fn last_lines(said: &[String]) -> String {
    let said: Vec<&str> = said.iter().map(String::as_str).filter(|line| !line.trim().is_empty()).collect();
    if said.is_empty() {
        return String::new();
    }
    let from = said.len().saturating_sub(LAST_LINES);
    let lines = said.get(from..).unwrap_or_default();
    format!(". Last output:\n    {}", lines.join("\n    "))
}

/// The command as you would type it: the program's name and its arguments.
pub fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let words = command.get_args().map(|word| word.to_string_lossy());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

/// Runs the program and returns the first line of its output; for queries such as `node --version`.
///
/// # Errors
/// As [`run`], and when the program prints nothing.
pub fn ask(command: &mut Command) -> Result<String> {
    let answer = run(command)?;
    let first = answer.lines().next().unwrap_or_default().trim();
    Some(first.to_owned())
        .filter(|line| !line.is_empty())
        .with_context(|| format!("`{}` printed nothing", shown(command)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::Mutex;

    use super::{ask, last_lines, run, to_its_end};

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_is_said_is_kept_apart_and_shown_as_it_comes() {
        let shown = Mutex::new(Vec::new());
        let pipe = std::env::temp_dir().join(format!("edgemint-xtask-shown-{}", std::process::id()));
        let _ = std::fs::remove_file(&pipe);
        // The program prints the second line only after the first was shown.
        let mut program = sh("mkfifo \"$0\"; echo out; read -r _ < \"$0\"; echo err >&2");
        let ended = to_its_end(program.arg(&pipe), |line| {
            shown.lock().expect("not poisoned").push(line.to_owned());
            if line == "out" {
                std::fs::write(&pipe, "shown\n").expect("it is read");
            }
        });
        let ended = ended.expect("it succeeds");
        std::fs::remove_file(&pipe).expect("it is there");
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out", "err"));
        assert_eq!(*shown.lock().expect("not poisoned"), ["out", "err"]);
    }

    #[test]
    fn failure_names_the_command_and_shows_its_last_lines() {
        let error = run(&mut sh("echo why >&2; exit 3")).expect_err("it fails").to_string();
        assert!(error.starts_with("`sh -c echo why >&2; exit 3` failed (exit status: 3)"), "{error}");
        assert!(error.ends_with("Last output:\n    why"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = format!("{:#}", ask(&mut Command::new("no-such-program-here")).expect_err("absent"));
        assert!(error.contains("could not start `no-such-program-here`"), "{error}");
    }

    #[test]
    fn only_the_end_is_shown() {
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let shown = last_lines(&many);
        assert!(shown.ends_with("    99") && !shown.contains("\n    79\n"), "{shown}");
    }
}
