//! YAML as a tree, from the events of `saphyr-parser`.
//!
//! A library of values would not do. It resolves `007` and `yes` before we can report that dex reads something else,
//! and some libraries silently keep the last of two equal keys.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::document::{FileError, MAX_DEPTH, Node, Pair, Value};

/// The highest amount that merge keys (`<<`) may process in a file: the bytes of names, plus one for each pair.
const MAX_MERGED: usize = 16 * 1024 * 1024;

/// Base64 as Go decodes it: with padding, and with any value in the unused bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The prefix of YAML's own tags: `!!str` is short for `!<tag:yaml.org,2002:str>`.
const CORE: &str = "tag:yaml.org,2002:";

/// The lines of the file that the lines of a text belong to.
#[derive(Clone, Copy)]
pub(super) enum Lines {
    /// The text begins on that line, and the others follow.
    From(usize),
    /// All of the text is on that line.
    At(usize),
}

impl Lines {
    /// The line of the file for line `line` of the text, both from 1.
    pub(super) fn line(self, line: usize) -> usize {
        match self {
            Self::From(first) => first + line.saturating_sub(1),
            Self::At(line) => line,
        }
    }
}

/// A list or a map that has begun.
struct Open {
    line: usize,
    anchor: usize,
    foreign: Option<String>,
    kind: Kind,
}

enum Kind {
    List(Vec<Rc<Node>>),
    /// The pairs so far, and the key that waits for its value.
    Map(Vec<Pair>, Option<Rc<Node>>),
}

/// Reads the non-empty documents of `text`.
pub(super) fn read(text: &str, lines: Lines) -> Result<Vec<Rc<Node>>, FileError> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| in_words(text, lines, &error))?;
        builder.take(event, lines.line(span.start.line()))?;
    }
    Ok(builder.documents.into_iter().filter(|document| !is_nothing(document)).collect())
}

fn in_words(text: &str, lines: Lines, error: &ScanError) -> FileError {
    let line = error.marker().line();
    let has_tab = text.lines().nth(line.saturating_sub(1)).is_some_and(|line| line.contains(":\t"));
    FileError::new(
        lines.line(line),
        match has_tab {
            true => {
                "there is a tab after a colon, which edgemint does not read; write a space instead".to_owned()
            }
            false => format!("this is not YAML: {}", error.info()),
        },
    )
}

fn is_nothing(node: &Node) -> bool {
    matches!(&node.value, Value::Plain(text) if matches!(text.as_str(), "" | "~" | "null"))
}

#[derive(Default)]
struct Builder {
    documents: Vec<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    merged: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), FileError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // With a tag, the parser returns the position of the tag instead of the text.
                let is_block = style == ScalarStyle::Literal && tag.is_none();
                let value = scalar(text.into_owned(), style, tag.as_deref());
                self.complete(Node { is_block, ..Node::new(line, value) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let foreign = tag.as_deref().and_then(foreign);
                self.begin(Open { line, anchor, foreign, kind: Kind::List(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                let foreign = tag.as_deref().and_then(foreign);
                self.begin(Open { line, anchor, foreign, kind: Kind::Map(Vec::new(), None) })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { line, anchor, foreign, kind }) = self.open.pop() else { return Ok(()) };
                let value = match (foreign, kind) {
                    (Some(why), _) => Value::Foreign(why),
                    (None, Kind::List(items)) => Value::List(items),
                    (None, Kind::Map(pairs, _)) => Value::Map(self.merged(pairs)?),
                };
                self.complete(Node::new(line, value), anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).map(Rc::clone);
                self.put(
                    node.ok_or_else(|| FileError::new(line, "an alias is inside the value that it repeats"))?,
                );
                Ok(())
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), FileError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(open.line));
        }
        self.open.push(open);
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), FileError> {
        // Nested aliases can be deeper than the open lists and maps. Dropping such a tree would exhaust the stack.
        if node.depth > MAX_DEPTH {
            return Err(too_deep(node.line));
        }
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node);
        Ok(())
    }

    fn put(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open { kind: Kind::List(items), .. }) => items.push(node),
            Some(Open { kind: Kind::Map(pairs, key), .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push(Pair { key, value: node }),
            },
        }
    }

    /// The pairs of a map with its merge keys (`<<: *other`) applied. The map's own pairs win.
    fn merged(&mut self, pairs: Vec<Pair>) -> Result<Vec<Pair>, FileError> {
        let is_merge = |pair: &Pair| matches!(&pair.key.value, Value::Plain(name) if name == "<<");
        if !pairs.iter().any(is_merge) {
            return Ok(pairs);
        }
        let (merges, mut pairs): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(is_merge);
        let mut known: HashSet<&str> = pairs.iter().filter_map(Pair::name).collect();
        let mut more: Vec<Pair> = Vec::new();
        for merge in &merges {
            let sources: &[Rc<Node>] = match &merge.value.value {
                Value::List(sources) => sources,
                Value::Map(_) | Value::Text(_) | Value::Plain(_) | Value::Foreign(_) => {
                    std::slice::from_ref(&merge.value)
                }
            };
            for source in sources {
                let Value::Map(others) = &source.value else {
                    return Err(FileError::new(merge.key.line, "`<<` takes a map, or a list of maps"));
                };
                for pair in others {
                    self.merged = self.merged.saturating_add(1 + pair.name().map_or(0, str::len));
                    if self.merged > MAX_MERGED {
                        let what = "the merge keys (`<<`) repeat too much; write out the merged fields";
                        return Err(FileError::new(merge.key.line, what));
                    }
                    if pair.name().is_none_or(|name| known.insert(name)) {
                        more.push(pair.clone());
                    }
                }
            }
        }
        pairs.append(&mut more);
        Ok(pairs)
    }
}

fn too_deep(line: usize) -> FileError {
    FileError::new(line, format!("lists and maps are nested more than {MAX_DEPTH} deep"))
}

/// A scalar as `go-yaml` 2 reads it with its tag.
fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    match tag.map(name) {
        // `go-yaml` reads `! 007` as a string.
        Some(tag) if tag == "!" || tag == "!!str" => Value::Text(text),
        Some(tag) if tag == "!!binary" => match decode(&text) {
            Ok(text) => Value::Text(text),
            Err(why) => Value::Foreign(format!("has the tag `!!binary` and {why}")),
        },
        Some(tag) => match tag.as_str() {
            "!!timestamp" => Value::Plain(text),
            "!!int" | "!!float" | "!!bool" | "!!null" if super::scalar::is_a(&tag, &text) => {
                Value::Plain(text)
            }
            "!!int" | "!!float" | "!!bool" | "!!null" => {
                Value::Foreign(format!("has the tag `{tag}`, which does not fit its value"))
            }
            _ => Value::Foreign(has_the_tag(&tag)),
        },
        None if style == ScalarStyle::Plain => Value::Plain(text),
        None => Value::Text(text),
    }
}

/// The reason why a list or a map with this tag is not read, if any.
fn foreign(tag: &Tag) -> Option<String> {
    let tag = name(tag);
    (tag != "!" && !tag.starts_with("!!")).then(|| has_the_tag(&tag))
}

fn has_the_tag(tag: &str) -> String {
    format!("has the tag `{tag}`, which is for another tool and which dex ignores; write the value itself")
}

/// The short form of the tag: `!!str`, `!vault`.
fn name(tag: &Tag) -> String {
    let whole = format!("{}{}", tag.handle, tag.suffix);
    match whole.strip_prefix(CORE) {
        Some(core) => format!("!!{core}"),
        None => whole,
    }
}

/// The text encoded in base64.
pub(super) fn decode(base64: &str) -> Result<String, &'static str> {
    let base64: String = base64.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = BASE64.decode(base64).map_err(|_| "is not base64")?;
    String::from_utf8(bytes).map_err(|_| "does not decode to UTF-8 text")
}
