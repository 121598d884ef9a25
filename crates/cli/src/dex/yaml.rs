//! YAML as a tree, from the events of `saphyr-parser`.
//!
//! Not from a library of values: those resolve `007` and `yes` before we could say that dex reads
//! something else, and some let the last of two equal keys win in silence.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::document::{FileError, MAX_DEPTH, Node, Pair, Value};

/// A list or a map that has begun.
struct Open {
    line: usize,
    anchor: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Rc<Node>>),
    /// The pairs so far, and the key whose value comes next.
    Map(Vec<Pair>, Option<Rc<Node>>),
}

/// Reads the one document of `text`; `None` when there is none.
pub(super) fn read(text: &str) -> Result<Option<Rc<Node>>, FileError> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| in_words(&error))?;
        builder.take(event, span.start.line())?;
    }
    let mut documents = builder.documents.into_iter().filter(|document| !is_nothing(document));
    let first = documents.next();
    match documents.next() {
        Some(second) => Err(FileError::new(
            second.line,
            "a second YAML document begins; dex reads the first alone: keep one of them",
        )),
        None => Ok(first),
    }
}

fn in_words(error: &ScanError) -> FileError {
    FileError::new(error.marker().line(), format!("this is not YAML: {}", error.info()))
}

fn is_nothing(node: &Node) -> bool {
    matches!(&node.value, Value::Plain(text) if matches!(text.as_str(), "" | "~" | "null"))
}

#[derive(Default)]
struct Builder {
    documents: Vec<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), FileError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text = text.into_owned();
                let value =
                    if is_text(style, tag.as_deref()) { Value::Text(text) } else { Value::Plain(text) };
                self.complete(Node { line, value }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(Open { line, anchor, kind: Kind::List(Vec::new()) })
            }
            Event::MappingStart(anchor, _) => {
                self.begin(Open { line, anchor, kind: Kind::Map(Vec::new(), None) })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { line, anchor, kind }) = self.open.pop() else { return Ok(()) };
                let value = match kind {
                    Kind::List(items) => Value::List(items),
                    Kind::Map(pairs, _) => Value::Map(merged(pairs)?),
                };
                self.complete(Node { line, value }, anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).map(Rc::clone);
                self.put(
                    node.ok_or_else(|| FileError::new(line, "an alias stands inside of what it repeats"))?,
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
            return Err(FileError::new(
                open.line,
                format!("lists and maps are nested more than {MAX_DEPTH} deep"),
            ));
        }
        self.open.push(open);
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), FileError> {
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
}

/// Whether a scalar is a text whatever it looks like.
fn is_text(style: ScalarStyle, tag: Option<&Tag>) -> bool {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => tag.suffix == "str",
        Some(_) | None => !matches!(style, ScalarStyle::Plain),
    }
}

/// The pairs of a map with its merge keys (`<<: *other`) carried out: what the map itself says wins.
fn merged(pairs: Vec<Pair>) -> Result<Vec<Pair>, FileError> {
    let is_merge = |pair: &Pair| matches!(&pair.key.value, Value::Plain(name) if name == "<<");
    if !pairs.iter().any(is_merge) {
        return Ok(pairs);
    }
    let (merges, mut pairs): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(is_merge);
    for merge in merges {
        let sources: Vec<&Rc<Node>> = match &merge.value.value {
            Value::List(sources) => sources.iter().collect(),
            Value::Map(_) | Value::Text(_) | Value::Plain(_) => vec![&merge.value],
        };
        for source in sources {
            let Value::Map(more) = &source.value else {
                return Err(FileError::new(merge.key.line, "`<<` takes a map, or a list of maps"));
            };
            for pair in more {
                if pairs.iter().all(|known| known.name().is_none() || known.name() != pair.name()) {
                    pairs.push(pair.clone());
                }
            }
        }
    }
    Ok(pairs)
}
