//! The lines that a program prints, for code that waits for one of them.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::command::each_line;

/// The time limit when waiting for a line that must come. It only ends a hang: even slow programs are much faster.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// All lines printed so far, by all collected outputs.
#[derive(Clone, Debug)]
pub struct Lines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    /// The number of outputs that have not ended.
    open: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self::at_most(usize::MAX)
    }
}

impl Lines {
    /// Keeps at most `most` lines. Later output is still read, because the program would block otherwise.
    #[must_use]
    pub fn at_most(most: usize) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), most }))
    }

    /// Keeps each line of `from`, in the form that `take` returns.
    pub fn collect(
        &self,
        from: Option<impl Read + Send + 'static>,
        take: impl Fn(&str) -> String + Send + 'static,
    ) {
        self.state().open += 1;
        let lines = self.clone();
        thread::spawn(move || {
            each_line(from, |line| lines.push(take(line)));
            lines.state().open -= 1;
            lines.0.changed.notify_all();
        });
    }

    /// Adds a line that did not come from a collected output.
    pub fn push(&self, line: String) {
        let mut state = self.state();
        if state.lines.len() < self.0.most {
            state.lines.push(line);
            self.0.changed.notify_all();
        }
    }

    /// All lines so far.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.state().lines.clone()
    }

    /// Waits until a line contains `text`. False when every output has ended without it, and after [`PATIENCE`].
    #[must_use]
    pub fn come_to_contain(&self, text: &str) -> bool {
        self.contain_within(text, PATIENCE)
    }

    /// As [`Lines::come_to_contain`], but waits only for `limit`.
    pub fn contain_within(&self, text: &str, limit: Duration) -> bool {
        let mut looked_at = 0;
        self.come_to(limit, |lines| {
            let new = lines.get(looked_at..).unwrap_or_default();
            looked_at = lines.len();
            new.iter().any(|line| line.contains(text))
        })
    }

    /// Waits until `wanted` accepts the lines. False when every output has ended without that, and after `limit`.
    pub fn come_to(&self, limit: Duration, mut wanted: impl FnMut(&[String]) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if wanted(&state.lines) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.open == 0 || left.is_zero() {
                return false;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All lines, complete, of programs that have been ended.
    #[must_use]
    pub fn to_the_end(&self) -> Vec<String> {
        self.come_to(PATIENCE, |_| false);
        self.all()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::thread;
    use std::time::Duration;

    use super::{Lines, PATIENCE};

    #[test]
    fn a_line_is_waited_for_until_it_comes_or_no_more_can_come() {
        let lines = Lines::default();
        let (from, mut to) = std::io::pipe().expect("a pipe");
        lines.collect(Some(from), str::to_uppercase);
        assert!(!lines.contain_within("ONE", Duration::ZERO));
        let waiting = thread::spawn({
            let lines = lines.clone();
            move || (lines.come_to_contain("TWO"), lines.come_to_contain("THREE"))
        });
        to.write_all(b"one\ntwo\n").expect("it is read");
        assert!(lines.come_to(PATIENCE, |lines| lines.len() == 2));
        drop(to);
        assert_eq!(waiting.join().expect("it ends"), (true, false));
        assert_eq!(lines.to_the_end(), ["ONE", "TWO"]);
    }

    #[test]
    fn only_so_many_are_kept_and_all_are_read() {
        let lines = Lines::at_most(2);
        lines.collect(Some("1\n2\n3\n".as_bytes()), str::to_owned);
        assert_eq!(lines.to_the_end(), ["1", "2"]);
    }
}
