//! JSON as a tree with every pair of an object. `serde_json::Value` would not keep duplicates.

use std::fmt;
use std::rc::Rc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::document::{FileError, Node, Pair, Value};
use super::yaml::Lines;

/// Reads `text`, which must be JSON and nothing else. Only errors have a line.
pub(super) fn read(text: &str, lines: Lines) -> Result<Rc<Node>, FileError> {
    serde_json::from_str::<Node>(text).map(Rc::new).map_err(|error| {
        let what = match error.classify() {
            Category::Eof => "the JSON is cut off here",
            Category::Syntax | Category::Data | Category::Io => "this is not JSON",
        };
        FileError::new(lines.line(error.line()), what)
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree).map(|value| Self::new(0, value))
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Plain("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Plain(format!("{value:?}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Node>()? {
            items.push(Rc::new(item));
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, value)) = map.next_entry::<Node, Node>()? {
            pairs.push(Pair { key: Rc::new(key), value: Rc::new(value) });
        }
        Ok(Value::Map(pairs))
    }
}
