//! A YAML or JSON document as a tree that hides nothing: every pair of a map, in order, and every scalar
//! as it was written, with its line.
//!
//! No `Debug`: there are secrets in it.

use std::fmt;
use std::rc::Rc;

/// The deepest nesting that is read, with aliases carried out.
pub(super) const MAX_DEPTH: usize = 100;

/// A value, and the line on which it begins (0: not known).
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
    /// Whether it is a literal block, whose lines are lines of the file.
    pub(super) is_block: bool,
    /// How large it is with every alias carried out: bytes of text, and one for each value.
    pub(super) weight: usize,
    /// How deep it is nested with every alias carried out; a scalar is 1.
    pub(super) depth: usize,
}

pub(super) enum Value {
    /// A text that is a text whatever it looks like: quoted, or a block.
    Text(String),
    /// An unquoted scalar: what it is depends on how it looks. See [`super::scalar`].
    Plain(String),
    List(Vec<Rc<Node>>),
    Map(Vec<Pair>),
    /// A value that is not read, and why, to be said after the name of its field: a tag that is not YAML's own.
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

    /// The pairs of a map; none of anything else.
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

    /// Whether this is the field of that name. Go finds a field by its name whatever the case.
    pub(super) fn is(&self, field: &str) -> bool {
        self.name().is_some_and(|name| name.eq_ignore_ascii_case(field))
    }
}

/// Why a file as a whole cannot be imported, and on which line (0: none in particular).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The line, from 1; 0 when it is none in particular.
    pub line: usize,
    /// What is wrong, in a sentence.
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
