//! The two output streams: results on stdout, messages on stderr. With `--json`, one object and no messages.
//!
//! All output passes through this module. It escapes control characters, so that no text can act on the terminal,
//! whatever its origin: see [`edgemint_printable::printable`].

use std::fmt;
use std::io::{self, Write};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use edgemint_printable::{printable, printable_json};

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
    /// Output to the streams of this process.
    pub fn standard(json: bool) -> Self {
        Self { json, out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    /// Whether `--json` was passed.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line of the result, which a script can capture.
    pub(crate) fn result(&mut self, line: &str) -> Result<()> {
        self.write(&printable(line))
    }

    /// Writes several lines of the result.
    pub(crate) fn result_lines<T: AsRef<str>>(&mut self, lines: &[T]) -> Result<()> {
        lines.iter().try_for_each(|line| self.result(line.as_ref()))
    }

    /// Writes a part of the result that can contain line breaks.
    pub(crate) fn result_paragraph(&mut self, text: &str) -> Result<()> {
        self.write(&paragraph(text))
    }

    /// Writes the result as one JSON object in one line.
    pub(crate) fn result_json(&mut self, object: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(object).context("cannot write the result as JSON")?;
        self.write(&printable_json(&line))
    }

    /// Writes the result as indented JSON.
    pub(crate) fn result_pretty_json(&mut self, object: &impl Serialize) -> Result<()> {
        let lines = serde_json::to_string_pretty(object).context("cannot write the result as JSON")?;
        self.write(&printable_json(&lines))
    }

    /// Writes text that edgemint generated, unescaped, for a pipe: a secret, a key, a script.
    pub(crate) fn result_verbatim(&mut self, text: &str) -> Result<()> {
        self.write(text)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        written.context("cannot write to standard output")
    }

    /// Writes a message. A failure to write it is ignored.
    pub(crate) fn say(&mut self, prose: impl fmt::Display) {
        if !self.json {
            let _ = writeln!(self.err, "{}", paragraph(&prose.to_string()));
        }
    }

    /// Writes what a command did: one JSON object with `--json`, otherwise its [`sentences`] as messages.
    pub(crate) fn report(&mut self, report: &(impl Serialize + fmt::Display)) -> Result<()> {
        if self.json {
            return self.result_json(report);
        }
        for line in report.to_string().lines() {
            // The lines are already escaped. Escaping is idempotent.
            let _ = writeln!(self.err, "{}", printable(line));
        }
        Ok(())
    }

    /// A progress bar for this number of steps. It is visible only on a terminal and without `--json`.
    pub(crate) fn progress_bar(&self, steps: usize) -> ProgressBar {
        if self.json || steps == 0 {
            return ProgressBar::hidden();
        }
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len}, {eta} to go");
        ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// Writes a prompt. Call it only if there is a terminal to read the answer from.
    pub(crate) fn ask(&mut self, question: impl fmt::Display) {
        let question = printable(&question.to_string());
        let _ = write!(self.err, "{question} ").and_then(|()| self.err.flush());
    }

    /// Writes an error, with and without `--json`.
    pub fn error(&mut self, error: &anyhow::Error) {
        let _ = writeln!(self.err, "{}", paragraph(&format!("error: {error:#}")));
    }

    /// Writes clap's error about invalid arguments, escaped: the message repeats the arguments.
    pub fn usage(&mut self, lines: &str) {
        let lines: Vec<String> = lines.trim_end().split('\n').map(printable).collect();
        let _ = writeln!(self.err, "{}", lines.join("\n"));
    }
}

/// Writes each sentence of a report on a new line. The lines after a line break within a sentence are indented.
pub(crate) fn sentences<T: AsRef<str>>(
    f: &mut fmt::Formatter<'_>,
    sentences: impl IntoIterator<Item = T>,
) -> fmt::Result {
    sentences.into_iter().try_for_each(|sentence| writeln!(f, "{}", paragraph(sentence.as_ref())))
}

/// The text with every line after the first indented. Otherwise, a line break in a text from elsewhere could forge
/// a message of edgemint.
fn paragraph(text: &str) -> String {
    const INDENT: &str = "  ";
    let mut shown = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            shown.push('\n');
            if !line.starts_with(INDENT) {
                shown.push_str(INDENT);
            }
        }
        shown.push_str(&printable(line));
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use anyhow::anyhow;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use edgemint_printable::testing::{hostile, is_harmful};

    /// A stream that keeps what is written to it.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The text of both streams.
    fn written(json: bool, write: impl FnOnce(&mut Output)) -> String {
        let kept = Kept::default();
        write(&mut Output { json, out: Box::new(kept.clone()), err: Box::new(kept.clone()) });
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn later_lines_of_one_text_are_indented() {
        let told = written(false, |output| {
            output.say("Dry run: would run\n  wrangler kv");
            output.say("warning: x\nerror: \u{1b}[2J");
            output.error(&anyhow!("why\nand a hint").context("it failed"));
        });
        assert_eq!(
            told,
            "Dry run: would run\n  wrangler kv\nwarning: x\n  error: \\u{1b}[2J\nerror: it failed: why\n  and a hint\n"
        );
    }

    /// A report of these sentences.
    #[derive(Serialize)]
    struct Told<'a>(&'a [&'a str]);

    impl fmt::Display for Told<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            sentences(f, self.0)
        }
    }

    #[test]
    fn a_report_prints_what_its_sentences_would_print_one_by_one() {
        let told =
            ["Dry run: would run\n  wrangler kv", "warning: x\nerror: \u{1b}[2J", "", "Nothing was done."];
        let one_by_one = written(false, |output| told.iter().for_each(|sentence| output.say(sentence)));
        assert_eq!(written(false, |output| output.report(&Told(&told)).unwrap()), one_by_one);
        assert_eq!(written(false, |output| output.report(&Told(&[])).unwrap()), "");
        assert_eq!(written(true, |output| output.report(&Told(&["a"])).unwrap()), "[\"a\"]\n");
    }

    #[test]
    fn what_edgemint_made_is_printed_byte_for_byte() {
        let told = written(true, |output| output.result_verbatim("a\tb\nc").unwrap());
        assert_eq!(told, "a\tb\nc\n");
    }

    proptest! {
        #[test]
        fn no_text_acts_on_the_terminal(text in hostile(), json in any::<bool>()) {
            let told = written(json, |output| {
                output.result(&text).unwrap();
                output.result_lines(&[&text, "b"]).unwrap();
                output.result_paragraph(&text).unwrap();
                output.say(&text);
                output.ask(&text);
                output.error(&anyhow!(text.clone()).context(text.clone()));
                output.usage(&text);
                output.result_json(&json!({ "a": text })).unwrap();
                output.result_pretty_json(&json!({ "a": text })).unwrap();
                output.report(&Told(&[&text, "b"])).unwrap();
            });
            prop_assert!(!told.split('\n').any(is_harmful), "{told:?}");
        }

        #[test]
        fn a_result_is_one_line_and_json_stays_json(text in hostile()) {
            let told = written(false, |output| output.result(&text).unwrap());
            prop_assert_eq!(told.matches('\n').count(), 1);
            let object = json!({ &text: text });
            let told = written(true, |output| output.result_json(&object).unwrap());
            prop_assert_eq!(told.matches('\n').count(), 1);
            prop_assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), object);
        }
    }
}
