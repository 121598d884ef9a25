//! A YAML or JSON document as a complete tree: every pair of a map, in order, and every scalar as it is written, with
//! its line.
//!
//! It has no `Debug`, because it contains secrets.

use std::fmt;
use std::rc::Rc;

/// The deepest nesting that is read, with aliases expanded.
pub(super) const MAX_DEPTH: usize = 100;

/// A value, and the line on which it begins (0: not known).
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
    /// Whether it is a literal block, whose lines are also lines of the file.
    pub(super) is_block: bool,
    /// Its size with every alias expanded: the bytes of text, plus one for each value.
    pub(super) weight: usize,
    /// The depth of its nesting with every alias expanded; a scalar is 1.
    pub(super) depth: usize,
}

pub(super) enum Value {
    /// A string, whatever it looks like, because it is quoted or a block.
    Text(String),
    /// An unquoted scalar, whose type depends on its text. See [`super::scalar`].
    Plain(String),
    List(Vec<Rc<Node>>),
    Map(Vec<Pair>),
    /// A value that is not read because its tag is not YAML's own. The text is the reason, to append to the name of its
    /// field.
    Foreign(String),
}

impl Node {
    pub(super) fn new(line: usize, value: Value) -> Self {
        let (mut weight, mut depth) = (1_usize, 0);
        let mut add = |child: &Node| {
            weight = weight.saturating_add(child.weight);
            depth = child.depth.max(depth);
        };
        match &value {
            Value::Text(text) | Value::Plain(text) | Value::Foreign(text) => weight += text.len(),
            Value::List(items) => items.iter().for_each(|item| add(item)),
            Value::Map(pairs) => pairs.iter().for_each(|pair| {
                add(&pair.key);
                add(&pair.value);
            }),
        }
        Self { line, value, is_block: false, weight, depth: depth + 1 }
    }

    /// The text of a scalar.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Plain(text) => Some(text),
            Value::List(_) | Value::Map(_) | Value::Foreign(_) => None,
        }
    }

    /// The pairs of a map; empty for any other value.
    pub(super) fn pairs(&self) -> &[Pair] {
        match &self.value {
            Value::Map(pairs) => pairs,
            Value::Text(_) | Value::Plain(_) | Value::List(_) | Value::Foreign(_) => &[],
        }
    }
}

/// An entry of a map.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) key: Rc<Node>,
    pub(super) value: Rc<Node>,
}

impl Pair {
    /// The key, when it is a scalar.
    pub(super) fn name(&self) -> Option<&str> {
        self.key.scalar()
    }

    /// Whether this is the field `field`. Go matches the names of fields regardless of case.
    pub(super) fn is(&self, field: &str) -> bool {
        self.name().is_some_and(|name| name.eq_ignore_ascii_case(field))
    }
}

/// The reason why a file as a whole cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The line, from 1; 0 when the error has no line.
    pub line: usize,
    /// The reason, in a sentence.
    pub what: String,
}

impl FileError {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl std::error::Error for FileError {}
