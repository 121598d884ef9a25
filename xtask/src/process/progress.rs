//! Says on stderr what is being done, and for how long, while it is being done.
//!
//! A step that takes less than a second leaves no trace: that keeps a second start short. On a terminal the
//! running steps share one line that ticks; elsewhere there is a line at the start, one now and then, one at the end.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);

const QUIET_FOR: Duration = Duration::from_secs(1);

const REMIND_EVERY: Duration = Duration::from_secs(20);

const LINE_WIDTH: usize = 100;

/// Where steps are reported. Cheap to clone; may be shared between threads.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    style: Style,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Silent,
    Lines,
    Terminal,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<Running>,
    last_id: u64,
    ticking: bool,
    /// What stands on the line that ticks.
    drawn: String,
}

#[derive(Debug)]
struct Running {
    id: u64,
    what: String,
    since: Instant,
    told: Option<Instant>,
}

impl Progress {
    /// Reports on stderr, in the way that fits what stderr is.
    #[must_use]
    pub fn to_stderr() -> Self {
        Self::new(if stderr().is_terminal() { Style::Terminal } else { Style::Lines })
    }

    /// Reports nothing: for tests.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(Style::Silent)
    }

    fn new(style: Style) -> Self {
        Self(Arc::new(Shared { style, state: Mutex::default() }))
    }

    /// Begins a step. It is running until [`Step::done`] is called or the step is dropped, which means it failed.
    pub fn step(&self, what: impl Into<String>) -> Step {
        let mut state = self.state();
        state.last_id += 1;
        let step = Step { progress: self.clone(), id: state.last_id, since: Instant::now() };
        state.running.push(Running { id: step.id, what: what.into(), since: step.since, told: None });
        if !state.ticking && self.0.style != Style::Silent {
            state.ticking = true;
            let progress = self.clone();
            thread::spawn(move || progress.tick());
        }
        step
    }

    /// Prints a line, above the one that ticks.
    pub fn say(&self, line: &str) {
        if self.0.style != Style::Silent {
            print_line(&mut self.state(), line);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        loop {
            let mut state = self.state();
            if state.running.is_empty() {
                state.ticking = false;
                return;
            }
            match self.0.style {
                Style::Terminal => draw(&mut state),
                Style::Lines => remind(&mut state),
                Style::Silent => {}
            }
            drop(state);
            thread::sleep(TICK);
        }
    }
}

/// A step that is running.
#[derive(Debug)]
#[must_use = "a step ends when it is dropped"]
pub struct Step {
    progress: Progress,
    id: u64,
    since: Instant,
}

impl Step {
    /// The step has done its work; tells how long it took.
    pub fn done(self) -> Duration {
        let took = self.since.elapsed();
        let mut state = self.progress.state();
        let what = state.running.iter().find(|step| step.id == self.id).map(|step| step.what.clone());
        if let Some(what) = what.filter(|_| took >= QUIET_FOR && self.progress.0.style != Style::Silent) {
            print_line(&mut state, &format!("{what}: done in {}", seconds(took)));
        }
        took
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut state = self.progress.state();
        state.running.retain(|step| step.id != self.id);
        clear(&mut state);
    }
}

fn draw(state: &mut State) {
    let mut line = String::new();
    for step in state.running.iter().filter(|step| step.since.elapsed() >= QUIET_FOR) {
        let gap = if line.is_empty() { "" } else { " | " };
        let _ = write!(line, "{gap}{}: {} s", step.what, step.since.elapsed().as_secs());
    }
    let line: String = line.chars().take(LINE_WIDTH).collect();
    if line != state.drawn {
        let _ = write!(stderr(), "\r\x1b[2K{line}");
        state.drawn = line;
    }
}

fn remind(state: &mut State) {
    for step in &mut state.running {
        let elapsed = step.since.elapsed();
        match step.told {
            None if elapsed >= QUIET_FOR => eprintln!("{} ...", step.what),
            Some(told) if told.elapsed() >= REMIND_EVERY => {
                eprintln!("{}: still at it after {} s", step.what, elapsed.as_secs());
            }
            None | Some(_) => continue,
        }
        step.told = Some(Instant::now());
    }
}

fn print_line(state: &mut State, line: &str) {
    clear(state);
    eprintln!("{line}");
}

fn clear(state: &mut State) {
    if !state.drawn.is_empty() {
        let _ = write!(stderr(), "\r\x1b[2K");
        state.drawn.clear();
    }
}

/// `3.4 s`, or `2 min 05 s` from a minute on.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Progress, seconds};

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(3420)), "3.4 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn steps_end_when_they_are_done_or_dropped() {
        let progress = Progress::silent();
        let (one, two) = (progress.step("one"), progress.step("two"));
        assert_eq!(progress.state().running.len(), 2);
        one.done();
        drop(two);
        assert!(progress.state().running.is_empty());
    }
}
