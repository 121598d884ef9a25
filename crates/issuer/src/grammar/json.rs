//! JSON objects (RFC 8259) for tokens and token responses, written without a general serialiser. A serialiser
//! took a fifth of the work for a token here, mostly to search tokens for characters to escape.

use serde::Serialize;

/// An object that is being written. Names are ours and need no escaping, except those of [`Object::foreign`].
pub(crate) struct Object(String);

impl Object {
    /// An object without members. `capacity` is its expected length in bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut json = String::with_capacity(capacity);
        json.push('{');
        Self(json)
    }

    /// Adds a string.
    pub(crate) fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        self.push_string(value);
    }

    /// Adds a string that needs no escaping, such as a token, without searching it.
    pub(crate) fn plain(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.extend(["\"", value, "\""]);
    }

    /// Adds a string, if there is one.
    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(name, value);
        }
    }

    /// Adds a string, or null.
    pub(crate) fn nullable(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.string(name, value),
            None => {
                self.name(name);
                self.0.push_str("null");
            }
        }
    }

    /// Adds a list of strings.
    pub(crate) fn strings(&mut self, name: &str, values: &[impl AsRef<str>]) {
        self.name(name);
        self.0.push('[');
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            self.push_string(value.as_ref());
        }
        self.0.push(']');
    }

    /// Adds true or false.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.0.push_str(if value { "true" } else { "false" });
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        self.0.push_str(&value.to_string());
    }

    /// Adds an object.
    pub(crate) fn object(&mut self, name: &str, value: Self) {
        self.name(name);
        self.0.push_str(&value.end());
    }

    /// Adds any other value, under any name.
    pub(crate) fn foreign(&mut self, name: &str, value: &impl Serialize) {
        self.separate();
        self.0.extend([of(name).as_str(), ":", of(value).as_str()]);
    }

    /// The object's text.
    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.0.extend(["\"", name, "\":"]);
    }

    fn separate(&mut self) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
    }

    fn push_string(&mut self, value: &str) {
        // RFC 8259 §7 requires escaping of these.
        if value.bytes().all(|c| c >= b' ' && c != b'"' && c != b'\\') {
            self.0.extend(["\"", value, "\""]);
        } else {
            self.0.push_str(&of(value));
        }
    }
}

/// The JSON of `value`. Only for values that cannot fail to serialise: strings, numbers, lists, maps of
/// strings, and values that were read from JSON.
///
/// A failure would panic, and the host would answer 500. An empty text instead could be stored as a record.
#[expect(clippy::expect_used, reason = "nothing that is given to it can fail to serialise")]
pub(crate) fn of(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("strings, numbers, lists and maps of strings serialise")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_object_is_as_compact_as_a_serialiser_makes_it() {
        let mut object = Object::with_capacity(0);
        object.string("iss", "https://tokens.example.com");
        object.optional("nonce", None);
        object.optional("azp", Some("a\"b"));
        object.number("exp", 1_790_000_600);
        object.strings("aud", &["a", "b\\", "\n"]);
        object.strings("none", &[""; 0]);
        object.plain("token", "a.b.c");
        object.boolean("email_verified", false);
        let mut inner = Object::with_capacity(0);
        inner.plain("jkt", "x");
        object.object("cnf", inner);
        object.foreign("own \"", &json!({"x": [1, null, "\u{7}"]}));
        let expected = r#"{"iss":"https://tokens.example.com","azp":"a\"b","exp":1790000600,"aud":["a","b\\","\n"],"none":[],"token":"a.b.c","email_verified":false,"cnf":{"jkt":"x"},"own \"":{"x":[1,null,"\u0007"]}}"#;
        assert_eq!(object.end(), expected);
        for text in ["", " ", "\"", "\"\"", "\\", "\\\\", "\u{1f}", "\u{1f}\u{1f}", "\u{e9}"] {
            let mut object = Object::with_capacity(0);
            object.string("a", text);
            assert_eq!(object.end(), json!({ "a": text }).to_string(), "{text:?}");
        }
        assert_eq!(Object::with_capacity(0).end(), "{}");
    }

    proptest! {
        #[test]
        fn a_string_is_written_as_a_serialiser_writes_it(value in any::<String>(), plain in "[ -~]*") {
            for value in [value, plain] {
                let mut object = Object::with_capacity(0);
                object.string("a", &value);
                object.number("n", u64::MAX);
                let text = object.end();
                prop_assert_eq!(&text, &format!("{{\"a\":{},\"n\":18446744073709551615}}", serde_json::to_string(&value).unwrap()));
                let read: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read["a"].as_str(), Some(value.as_str()));
            }
        }
    }
}
