//! What the user sees: results on stdout, prose on stderr; with `--json` one object and no prose.

use std::fmt;
use std::io::{self, Write};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The two streams. `Debug` shows neither.
pub struct Output {
    json: bool,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("json", &self.json).finish_non_exhaustive()
    }
}

impl Output {
    /// To this process's streams.
    pub fn standard(json: bool) -> Self {
        Self { json, out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    /// Whether scripts read along.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A line of the result: what a script would want to capture.
    pub(crate) fn result(&mut self, line: &str) -> Result<()> {
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        written.context("could not write to standard output")
    }

    /// The result, as one JSON object.
    pub(crate) fn result_json(&mut self, object: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(object).context("could not write the result as JSON")?;
        self.result(&line)
    }

    /// A line of prose; nobody minds when it cannot be written.
    pub(crate) fn say(&mut self, prose: impl fmt::Display) {
        if !self.json {
            let _ = writeln!(self.err, "{prose}");
        }
    }

    /// How far something has come that takes so many steps; seen on a terminal alone, and not with `--json`.
    pub(crate) fn progress_bar(&self, steps: usize) -> ProgressBar {
        if self.json || steps == 0 {
            return ProgressBar::hidden();
        }
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len}, {eta} to go");
        ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// A question; the answer is typed behind it. Only where somebody can be asked.
    pub(crate) fn ask(&mut self, question: impl fmt::Display) {
        let _ = write!(self.err, "{question} ").and_then(|()| self.err.flush());
    }

    /// What went wrong, with and without `--json`.
    pub fn error(&mut self, error: &anyhow::Error) {
        let _ = writeln!(self.err, "error: {error:#}");
    }
}
