//! Scalars as dex reads them: strings, booleans and lists of strings, with YAML's conversions.
//!
//! dex reads YAML 1.1 (`go-yaml` 2): an unquoted `007` is the number 7, and an unquoted `yes` is true. Where dex needs
//! a string, it takes the text of that value: "7" or "true". If this text equals the written one, the import accepts
//! it. If not, the import rejects it, because the secret in use would differ from the one in the file.

use std::rc::Rc;

use super::document::{Node, Value};

/// The type of an unquoted scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    Nothing,
    Bool(bool),
    Number,
    Text,
}

/// A string; `None` for null.
///
/// # Errors
///
/// Returns what is wrong with `node`, to append to the name of its field. Never contains the value.
pub(super) fn text(node: &Node) -> Result<Option<String>, String> {
    match &node.value {
        Value::Text(text) => Ok(Some(text.clone())),
        Value::Plain(text) => match (classify(text), text.as_str()) {
            (Plain::Nothing, _) => Ok(None),
            (Plain::Text, _) | (Plain::Bool(_), "true" | "false") => Ok(Some(text.clone())),
            (Plain::Number, _) if is_canonical(text) => Ok(Some(text.clone())),
            (Plain::Number, _) => Err(format!(
                "is a number in YAML{}, and dex uses its value instead of the text; write it in quotes",
                at(node)
            )),
            (Plain::Bool(value), _) => Err(format!("means {value} in YAML{}; write it in quotes", at(node))),
        },
        Value::List(_) | Value::Map(_) if is_template(node) => Err(unrendered(node)),
        Value::List(_) => Err(format!("must be a string, not a list{}", at(node))),
        Value::Map(_) => Err(format!("must be a string, not a map{}", at(node))),
        Value::Foreign(why) => Err(format!("{why}{}", at(node))),
    }
}

/// Whether this is the result of parsing an unquoted template as YAML: `{{ .x }}` is a map whose key is a map, and
/// `[[ .x ]]` is a list in a list.
pub(super) fn is_template(node: &Node) -> bool {
    match &node.value {
        Value::Map(pairs) => pairs.iter().any(|pair| matches!(pair.key.value, Value::Map(_))),
        Value::List(items) => matches!(items.as_slice(), [item] if matches!(item.value, Value::List(_))),
        Value::Text(_) | Value::Plain(_) | Value::Foreign(_) => false,
    }
}

/// The error for a template that YAML parsed as a value.
pub(super) const UNRENDERED: &str = "looks like a template that was not rendered";

fn unrendered(node: &Node) -> String {
    format!("{UNRENDERED}{}", at(node))
}

/// A boolean; null is false.
pub(super) fn boolean(node: &Node) -> Result<bool, String> {
    match &node.value {
        Value::Plain(text) => match classify(text) {
            Plain::Bool(value) => Ok(value),
            Plain::Nothing => Ok(false),
            Plain::Number | Plain::Text => Err(format!("must be true or false{}", at(node))),
        },
        Value::List(_) | Value::Map(_) if is_template(node) => Err(unrendered(node)),
        Value::Text(_) | Value::List(_) | Value::Map(_) => {
            Err(format!("must be true or false, without quotes{}", at(node)))
        }
        Value::Foreign(why) => Err(format!("{why}{}", at(node))),
    }
}

/// A list of strings; null is an empty list. Null items are left out.
pub(super) fn texts(node: &Node) -> Result<Vec<String>, String> {
    match &node.value {
        Value::List(_) | Value::Map(_) if is_template(node) => Err(unrendered(node)),
        Value::List(items) => {
            let texts = items.iter().enumerate().filter_map(|(i, item)| {
                text(item).map_err(|error| format!("has an item {} that {error}", i + 1)).transpose()
            });
            texts.collect()
        }
        Value::Plain(text) if classify(text) == Plain::Nothing => Ok(Vec::new()),
        Value::Plain(_) | Value::Text(_) | Value::Map(_) => {
            Err(format!("must be a list of strings{}", at(node)))
        }
        Value::Foreign(why) => Err(format!("{why}{}", at(node))),
    }
}

/// The items of a list, or no items for null.
pub(super) fn items(node: &Node) -> Option<&[Rc<Node>]> {
    match &node.value {
        Value::List(items) => Some(items),
        Value::Plain(text) if classify(text) == Plain::Nothing => Some(&[]),
        Value::Plain(_) | Value::Text(_) | Value::Map(_) | Value::Foreign(_) => None,
    }
}

fn at(node: &Node) -> String {
    match node.line {
        0 => String::new(),
        line => format!(" (line {line})"),
    }
}

/// Whether `text` is of the tag's type. Otherwise dex rejects the whole file.
pub(super) fn is_a(tag: &str, text: &str) -> bool {
    match classify(text) {
        Plain::Nothing => tag == "!!null",
        Plain::Bool(_) => tag == "!!bool",
        Plain::Number => matches!(tag, "!!int" | "!!float"),
        Plain::Text => false,
    }
}

/// The type of an unquoted scalar in `go-yaml` 2, which reads dates as strings.
fn classify(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Nothing,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Plain::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Plain::Bool(false)
        }
        _ if is_number(text) => Plain::Number,
        _ => Plain::Text,
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let digits = unsigned.replace('_', "");
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c: char| c.is_digit(radix));
    let prefixed = digits.strip_prefix('0').is_some_and(|rest| {
        [('x', 'X', 16), ('o', 'O', 8), ('b', 'B', 2)].iter().any(|(lower, upper, radix)| {
            rest.strip_prefix([*lower, *upper].as_slice()).is_some_and(|rest| all(rest, *radix))
        })
    });
    prefixed || is_decimal(&digits)
}

/// Whether the text matches `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_decimal(text: &str) -> bool {
    let all = |digits: &str| digits.chars().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all(fraction),
        Some((whole, fraction)) => all(whole) && all(fraction),
        None => !mantissa.is_empty() && all(mantissa),
    };
    mantissa && exponent.is_none_or(|digits| !digits.is_empty() && all(digits))
}

/// Whether dex would print the number exactly as written.
fn is_canonical(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
        || text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unquoted_scalar_is_what_dex_takes_it_for() {
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(classify(text), Plain::Nothing, "{text}");
        }
        for text in ["yes", "On", "TRUE", "y"] {
            assert_eq!(classify(text), Plain::Bool(true), "{text}");
        }
        for text in [
            "0",
            "12345",
            "007",
            "-1",
            "+1",
            "1_000",
            "0x1F",
            "0b101",
            "0o17",
            "1.5",
            "1.",
            ".5",
            "1e3",
            "1E-3",
            ".inf",
            "-.Inf",
            ".nan",
            "99999999999999999999999",
        ] {
            assert_eq!(classify(text), Plain::Number, "{text}");
        }
        for text in [
            "a",
            "nULL",
            "yEs",
            "1a",
            "0x",
            "0xG",
            "e3",
            "1e",
            "1e+",
            ".",
            "-",
            "+.",
            "1.2.3",
            "2026-01-01",
            "1:30",
            "inf",
            "ZXhhbXBsZS1hcHAtc2VjcmV0",
        ] {
            assert_eq!(classify(text), Plain::Text, "{text}");
        }
    }

    #[test]
    fn a_number_is_a_string_only_where_dex_would_print_it_as_it_is_written() {
        let plain = |text: &str| Node::new(7, Value::Plain(text.to_owned()));
        for same in ["12345", "0", "-1", "18446744073709551615", "true", "false", "abc"] {
            assert_eq!(text(&plain(same)), Ok(Some(same.to_owned())));
        }
        for other in ["007", "1e3", "1.5", "+1", "-0", "0x10", "1_000", "yes", "True", "18446744073709551616"]
        {
            let error = text(&plain(other)).unwrap_err();
            assert!(error.contains("write it in quotes") && error.contains("line 7"), "{other}: {error}");
            assert!(!error.contains(other), "the value is not shown: {error}");
        }
        assert_eq!(text(&plain("~")), Ok(None));
    }
}
