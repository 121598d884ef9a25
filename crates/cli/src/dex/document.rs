//! A YAML or JSON document as a tree that hides nothing: every pair of a map, in order, and every scalar
//! as it was written, with its line.
//!
//! No `Debug`: there are secrets in it.

use std::fmt;
use std::rc::Rc;

/// The deepest nesting that is read.
pub(super) const MAX_DEPTH: usize = 100;

/// A value, and the line on which it begins (0: not known).
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    /// A text that is a text whatever it looks like: quoted, or a block.
    Text(String),
    /// An unquoted scalar: what it is depends on how it looks. See [`super::scalar`].
    Plain(String),
    List(Vec<Rc<Node>>),
    Map(Vec<Pair>),
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
        match &self.key.value {
            Value::Text(name) | Value::Plain(name) => Some(name),
            Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Why a file as a whole cannot be imported, and on which line (0: none in particular).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileError {
    pub(crate) line: usize,
    pub(crate) what: String,
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
