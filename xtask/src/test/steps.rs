//! The steps of a long run. Each is timed, and its report is printed when it has ended, since others may run beside it.

use std::io::{IsTerminal as _, stderr};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process::command::Ended;
use crate::process::progress::{Progress, seconds};
use crate::process::{children, command};

/// All steps of a run.
pub(crate) struct Steps<'a> {
    progress: &'a Progress,
    /// Ends the running programs, because another step has already failed.
    end_running: Box<dyn Fn() + Sync + 'a>,
    since: Instant,
    took: Mutex<Vec<(String, Duration)>>,
    /// The error that stops the run.
    failed: Mutex<Option<anyhow::Error>>,
}

/// The report of a step.
#[derive(Default)]
pub(crate) struct Report(Mutex<Vec<String>>);

impl Report {
    /// Adds a line.
    pub(crate) fn line(&self, line: impl Into<String>) {
        unpoisoned(&self.0).push(line.into());
    }

    /// Runs a command whose output belongs to the report. On failure, the error says how to run it again.
    pub(crate) fn of(&self, command: &mut Command) -> Result<Ended> {
        command.env("CARGO_TERM_COLOR", if stderr().is_terminal() { "always" } else { "never" });
        let ended = command::to_its_end(command, |line| self.line(line))?;
        if !ended.status.success() {
            bail!("the output is above; to run only this again: `{}`", command::shown(command));
        }
        Ok(ended)
    }
}

impl<'a> Steps<'a> {
    /// A run without steps so far.
    pub(crate) fn new(progress: &'a Progress) -> Self {
        Self::ended_by(children::end_running, progress)
    }

    fn ended_by(end_running: impl Fn() + Sync + 'a, progress: &'a Progress) -> Self {
        let end_running = Box::new(end_running);
        Self {
            progress,
            end_running,
            since: Instant::now(),
            took: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Runs one step.
    pub(crate) fn step<T>(&self, name: &str, work: impl FnOnce(&Report) -> Result<T>) -> Result<T> {
        if unpoisoned(&self.failed).is_some() {
            bail!("another step failed before \"{name}\"");
        }
        let step = self.progress.step(name);
        let since = Instant::now();
        let report = Report::default();
        let value = work(&report).with_context(|| format!("the run stopped at the step \"{name}\""));
        // A step that fails because the run is being ended has nothing to report.
        if value.is_err() && unpoisoned(&self.failed).is_some() {
            return value;
        }
        let lines = report.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let lines = std::iter::once(format!("== {name}")).chain(lines).collect::<Vec<_>>();
        self.progress.say(&lines.join("\n"));
        if value.is_ok() {
            step.done();
            unpoisoned(&self.took).push((name.to_owned(), since.elapsed()));
        }
        value
    }

    /// A step that runs a command with its output as the report.
    pub(crate) fn command(&self, name: &str, command: &mut Command) -> Result<()> {
        self.step(name, |report| report.of(command)).map(drop)
    }

    /// A step that may be skipped with a reason.
    pub(crate) fn or_passed_over(
        &self,
        name: &str,
        work: impl FnOnce(&Report) -> Result<Option<String>>,
    ) -> Result<()> {
        self.step(name, |report| {
            if let Some(why) = work(report)? {
                report.line(format!("skipped: {why}"));
            }
            Ok(())
        })
    }

    /// Runs both at once. If one fails, the other is ended, and the run fails with the first error.
    pub(crate) fn side_by_side(
        &self,
        one: impl FnOnce() -> Result<()> + Send,
        other: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        thread::scope(|scope| {
            let one = scope.spawn(|| self.attempt(one));
            self.attempt(other);
            one.join().map_err(|_| anyhow::anyhow!("a thread panicked"))
        })?;
        unpoisoned(&self.failed).take().map_or(Ok(()), Err)
    }

    fn attempt(&self, work: impl FnOnce() -> Result<()>) {
        if let Err(error) = work() {
            let mut failed = unpoisoned(&self.failed);
            if failed.is_none() {
                *failed = Some(error);
                (self.end_running)();
            }
        }
    }

    /// Prints the time of each step, and of the whole run.
    pub(crate) fn summary(&self) {
        eprintln!();
        for (name, took) in unpoisoned(&self.took).iter() {
            eprintln!("{:>12}  {name}", seconds(*took));
        }
        eprintln!("{:>12}  in total: every check passed", seconds(self.since.elapsed()));
    }
}

fn unpoisoned<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use anyhow::bail;

    use super::Steps;
    use crate::process::progress::Progress;

    #[test]
    fn a_step_that_fails_ends_what_runs_beside_it_and_what_would_come_after() {
        let progress = Progress::silent();
        // A stand-in for ending children, because this process's other children belong to other tests.
        let ((end, ended), (begin, begun)) = (mpsc::channel(), mpsc::channel());
        let end = Mutex::new(end);
        let steps =
            Steps::ended_by(|| end.lock().expect("whole").send(()).expect("it is waited for"), &progress);
        let of_this = &steps;
        let endless = move || {
            let steps = of_this;
            steps.step("endless", |_| {
                begin.send(()).expect("it is waited for");
                ended.recv().expect("it is ended");
                bail!("ended")
            })?;
            steps.step("never", |_| panic!("it is not begun"))
        };
        let fails = || {
            begun.recv().expect("it begins");
            steps
                .step("fails", |_| bail!("why"))
                .and_then(|()| steps.step("never", |_| panic!("it is not begun")))
        };
        let result = steps.side_by_side(endless, fails);
        let error = format!("{:#}", result.expect_err("one failed"));
        assert_eq!(error, "the run stopped at the step \"fails\": why");
    }

    #[test]
    fn both_are_done_where_none_fails() {
        let progress = Progress::silent();
        let steps = Steps::new(&progress);
        let done = || steps.step("step", |_| Ok(()));
        steps.side_by_side(done, done).expect("none fails");
        assert_eq!(steps.took.lock().expect("not poisoned").len(), 2);
    }
}
