//! Makes text harmless for a terminal: characters that it would act on, or not show, are escaped.

pub mod shell;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

/// The text in one line: control characters, bidi controls and invisible characters become `\u{202e}` and the
/// like.
///
/// The standard library decides which characters these are, by its Unicode tables: those that `Debug` escapes
/// in a `str`, except quotes and backslashes, which are harmless.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
    }
    shown
}

/// The same JSON, with the escapes of JSON (RFC 8259 §7). Line breaks stay, because they are layout in JSON.
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || is_printable(c) {
            shown.push(c);
        } else {
            // In JSON, such a character outside ASCII can only be in a string.
            for unit in c.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

/// Whether a terminal only shows this character.
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // The "a" is there because `escape_debug` also escapes a combining mark at the beginning of a text.
    format!("a{c}").escape_debug().nth(1) == Some(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::testing::{HARMFUL, hostile, is_harmful};

    #[test]
    fn every_harmful_character_is_escaped_and_names_stay_readable() {
        for (from, to) in HARMFUL {
            for c in from..=to {
                assert!(!is_printable(c), "{:x}", u32::from(c));
            }
        }
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}"), r"a\u{1b}[2Jb\nc\u{9b}");
        assert_eq!(printable("inv\u{202e}oice\u{200b}"), r"inv\u{202e}oice\u{200b}");
        for name in ["Ärger & Söhne", "山田", "it's \"C:\\x\"", "e\u{301}", "🪵 …", "نادي"] {
            assert_eq!(printable(name), name);
        }
        assert_eq!(printable_json("{\"a\":\n\"\u{e0041}\u{7f}ä\"}"), "{\"a\":\n\"\\udb40\\udc41\\u007fä\"}");
    }

    proptest! {
        #[test]
        fn whatever_the_text_a_terminal_only_shows_it(text in hostile()) {
            prop_assert!(!is_harmful(&printable(&text)));
        }

        #[test]
        fn printable_json_says_the_same(texts in prop::collection::vec(hostile(), 0..4)) {
            let value = Value::from(texts);
            for json in [value.to_string(), serde_json::to_string_pretty(&value).expect("it is JSON")] {
                let shown = printable_json(&json);
                prop_assert!(!is_harmful(&shown.replace('\n', "")));
                prop_assert_eq!(&serde_json::from_str::<Value>(&shown).expect("it is JSON still"), &value);
            }
        }
    }
}
