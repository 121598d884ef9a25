//! A text as documents: parses JSON or YAML, or explains in a sentence why it is neither.

use std::rc::Rc;

use super::document::{FileError, Node};
use super::yaml::Lines;
use super::{json, yaml};

/// How to render a template, as a hint for people.
pub(super) const RENDER: &str =
    "Render the file first (dex's image does that with `gomplate`), and import the result";

/// The non-empty documents of `text`: parsed as JSON if possible, else as YAML, in which `{` and `[` are valid too.
pub(super) fn documents(text: &str, lines: Lines) -> Result<Vec<Rc<Node>>, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json = text.trim_start().starts_with(['{', '[']).then(|| json::read(text, lines));
    if let Some(Ok(root)) = json {
        return Ok(vec![root]);
    }
    match (yaml::read(text, lines), json) {
        (Ok(documents), _) => Ok(documents),
        // Reports only the error for the format that the text looks like.
        (Err(_), Some(Err(error))) | (Err(error), _) => Err(or_template(text, lines, error)),
    }
}

/// The same error, with a hint when the text is a template.
fn or_template(text: &str, lines: Lines, error: FileError) -> FileError {
    let Some((line, mark)) = template_mark(text) else { return error };
    let FileError { line: at, what } = error;
    let line = lines.line(line);
    FileError::new(
        at,
        format!("{what}; it looks like a template that was not rendered (`{mark}` in line {line}). {RENDER}"),
    )
}

/// The first line outside comments that begins a template instruction, and its mark.
fn template_mark(text: &str) -> Option<(usize, &'static str)> {
    let mark = |line: &str| ["{{", "{%", "<%"].into_iter().find(|mark| line.contains(mark));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    lines.filter_map(|(i, line)| mark(line).map(|mark| (i + 1, mark))).next()
}
