//! JSON objects from outside (RFC 8259), without repeated members at any depth.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The members of a JSON object.
pub type Members = BTreeMap<String, Value>;

/// The members of the JSON object in `json`. `None` for other JSON, and for an object that repeats a member,
/// also within another one: two parsers could disagree on which of them counts (RFC 7515 §4, RFC 7519 §4).
pub fn members(json: &[u8]) -> Option<Members> {
    // As a text, because the records are read from texts, too: a parser of bytes would be a second one.
    match serde_json::from_str(std::str::from_utf8(json).ok()?).ok()? {
        Unique(Value::Object(members)) => Some(members.into_iter().collect()),
        Unique(_) => None,
    }
}

/// A JSON value without repeated members.
pub(crate) struct Unique(pub(crate) Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

/// Reads a value, and refuses a repeated member at any depth.
pub(crate) fn unique_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Unique::deserialize(deserializer).map(|Unique(value)| value)
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Unique(value))) = entries.next_entry::<String, _>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member comes twice"));
            }
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_with_its_types() {
        let json = br#"{"a":[1,-1,1.5,"x",true,null],"b":{"c":{}}}"#;
        let read = members(json).expect("it repeats nothing");
        assert_eq!(serde_json::to_string(&read).ok().as_deref(), std::str::from_utf8(json).ok());
    }

    #[test]
    fn what_is_no_json_value_is_told_what_is_expected() {
        use serde::de::value::{BytesDeserializer, Error};
        let found = Unique::deserialize(BytesDeserializer::<Error>::new(b"x")).err();
        assert!(found.is_some_and(|error| error.to_string().ends_with("expected a JSON value")));
    }

    #[test]
    fn other_json_and_repeated_members_are_refused_at_every_depth() {
        for json in [
            "",
            "[]",
            "1",
            "\"x\"",
            "null",
            "{",
            "{}x",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[[{"y":{"a":1,"b":1,"a":2}}]]}"#,
        ] {
            assert_eq!(members(json.as_bytes()), None, "{json}");
        }
        assert_eq!(members(&[b"{\"a\":".repeat(500), b"1".to_vec(), b"}".repeat(500)].concat()), None);
    }
}
