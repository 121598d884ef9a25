//! Progress reports on stderr: what is running, and for how long.
//!
//! A step of less than a second prints nothing, which keeps a second start short. On a terminal, each running step has
//! a line with a timer. Elsewhere, a step prints a line at its start, one every 20 s, and one at its end.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(200);

const QUIET_FOR: Duration = Duration::from_secs(1);

const REMIND_EVERY: Duration = Duration::from_secs(20);

/// The reporter of steps. Cheap to clone; may be shared between threads.
#[derive(Clone, Debug)]
pub struct Progress(Style);

#[derive(Clone, Debug)]
enum Style {
    Silent,
    Lines,
    Terminal(MultiProgress),
}

impl Progress {
    /// Reports on stderr, in the style that fits a terminal or a file.
    #[must_use]
    pub fn to_stderr() -> Self {
        let terminal = MultiProgress::new();
        Self(if terminal.is_hidden() { Style::Lines } else { Style::Terminal(terminal) })
    }

    /// Reports nothing: for tests.
    #[must_use]
    pub fn silent() -> Self {
        Self(Style::Silent)
    }

    /// Begins a step. It runs until [`Step::done`] is called. If the step is dropped before that, it has failed.
    pub fn step(&self, what: impl Into<String>) -> Step {
        let (end, ended) = mpsc::channel();
        let (style, what) = (self.0.clone(), what.into());
        let named = what.clone();
        let shown = thread::spawn(move || match style {
            Style::Silent => {}
            Style::Lines => remind(&named, &ended, |line| eprintln!("{line}")),
            Style::Terminal(terminal) => draw(named, &ended, &terminal),
        });
        Step { progress: self.clone(), what, since: Instant::now(), running: Some((end, shown)) }
    }

    /// Prints a line above the lines of running steps.
    pub fn say(&self, line: &str) {
        match &self.0 {
            Style::Silent => {}
            Style::Lines => eprintln!("{line}"),
            Style::Terminal(terminal) => terminal.suspend(|| eprintln!("{line}")),
        }
    }
}

/// A step that is running.
#[derive(Debug)]
#[must_use = "a step ends when it is dropped"]
pub struct Step {
    progress: Progress,
    what: String,
    since: Instant,
    /// Dropping the sender ends the thread that shows the step.
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Step {
    /// Ends the step as successful and returns how long it took.
    pub fn done(mut self) -> Duration {
        let took = self.since.elapsed();
        self.end();
        if took >= QUIET_FOR {
            self.progress.say(&format!("{}: done in {}", self.what, seconds(took)));
        }
        took
    }

    /// Waits until the step's line is removed, so that the next line of any other output begins on a clean one.
    fn end(&mut self) {
        if let Some((end, shown)) = self.running.take() {
            drop(end);
            let _ = shown.join();
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a step runs for longer than `time`.
fn outlasts(time: Duration, ended: &Receiver<()>) -> bool {
    ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}

fn draw(what: String, ended: &Receiver<()>, terminal: &MultiProgress) {
    if !outlasts(QUIET_FOR, ended) {
        return;
    }
    let style = ProgressStyle::with_template("{elapsed_precise} {wide_msg}");
    let bar = ProgressBar::no_length().with_elapsed(QUIET_FOR).with_message(what);
    let bar = terminal.add(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())));
    bar.enable_steady_tick(TICK);
    let _ = ended.recv();
    bar.finish_and_clear();
}

fn remind(what: &str, ended: &Receiver<()>, say: impl Fn(String)) {
    if !outlasts(QUIET_FOR, ended) {
        return;
    }
    say(format!("{what} ..."));
    let mut elapsed = QUIET_FOR;
    while outlasts(REMIND_EVERY, ended) {
        elapsed += REMIND_EVERY;
        say(format!("{what}: still running after {} s", elapsed.as_secs()));
    }
}

/// `3.4 s`, or `2 min 05 s` from a minute on.
pub fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{Progress, Style, remind, seconds};

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(3420)), "3.4 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn steps_end_when_they_are_done_or_dropped() {
        // Without an end of the step, this test would wait forever.
        for style in [Style::Silent, Style::Lines] {
            let progress = Progress(style);
            let (one, two) = (progress.step("one"), progress.step("two"));
            one.done();
            drop(two);
        }
    }

    #[test]
    fn off_a_terminal_only_a_step_that_takes_longer_than_a_second_says_that_it_runs() {
        let (end, ended) = mpsc::channel();
        drop(end);
        remind("short", &ended, |line| panic!("it said {line}"));

        let (end, ended) = mpsc::channel::<()>();
        let end = std::cell::RefCell::new(Some(end));
        let said = std::cell::RefCell::new(Vec::new());
        remind("long", &ended, |line| {
            said.borrow_mut().push(line);
            end.take();
        });
        assert_eq!(*said.borrow(), ["long ..."]);
    }
}
