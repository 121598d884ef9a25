//! Checks lines of the log against `docs/reference/audit-log.schema.json`. Supports only the parts of JSON
//! Schema that this schema uses, and reports any other part as an error.

use edgemint_issuer::Event;
use serde_json::Value;

/// The schema.
fn schema() -> Value {
    let text = include_str!("../../../docs/reference/audit-log.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

/// The line of an event as JSON; null if there is no event.
///
/// # Panics
/// If the line is not JSON.
pub fn logged<'a>(event: impl Into<Option<&'a Event>>) -> Value {
    event.into().map_or(Value::Null, |event| serde_json::from_str(&event.line()).expect("a line is JSON"))
}

/// Checks that `line` follows the schema.
///
/// # Errors
///
/// The first place where it does not.
pub fn check_log_line(line: &Value) -> Result<(), String> {
    let schema = schema();
    check(&schema, &schema, line, "the line").map_err(|why| format!("{why}: {line}"))
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let say = |what: &str| Err(format!("{at} {what}"));
    let list = |demanded: &Value| demanded.as_array().cloned().unwrap_or_else(|| vec![demanded.clone()]);
    for (keyword, demanded) in schema.as_object().ok_or("a schema is an object")? {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let pointer = demanded.as_str().and_then(|text| text.strip_prefix('#'));
                let target = pointer.and_then(|pointer| root.pointer(pointer));
                check(root, target.ok_or(format!("{demanded} is not there"))?, value, at)?;
            }
            "oneOf" => {
                let all = list(demanded);
                let tried: Vec<_> = all.iter().map(|one| check(root, one, value, at)).collect();
                if tried.iter().filter(|tried| tried.is_ok()).count() != 1 {
                    return say(&format!("is not one of these: {tried:?}"));
                }
            }
            "const" if demanded != value => return say(&format!("is not {demanded}")),
            "enum" if !list(demanded).contains(value) => return say(&format!("is not one of {demanded}")),
            "const" | "enum" => {}
            "type" if !list(demanded).iter().any(|name| is_of(name.as_str(), value)) => {
                return say(&format!("is not of type {demanded}"));
            }
            "type" => {}
            "minimum" if value.as_u64() < demanded.as_u64() => return say(&format!("is below {demanded}")),
            "minItems" if value.as_array().map_or(0, Vec::len) < 1 => return say("is empty"),
            "minimum" | "minItems" => {}
            "pattern" => {
                let text = value.as_str().unwrap_or_default().as_bytes();
                let fits = match demanded.as_str() {
                    Some("^[a-z0-9_]+$") => {
                        !text.is_empty() && text.iter().all(|c| is_word(*c) && !c.is_ascii_uppercase())
                    }
                    Some("^[A-Za-z0-9_-]{22}$") => {
                        text.len() == 22 && text.iter().all(|c| is_word(*c) || *c == b'-')
                    }
                    _ => return say(&format!("has a pattern that is not supported here: {demanded}")),
                };
                if !fits {
                    return say(&format!("is not of the form {demanded}"));
                }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    check(root, demanded, item, &format!("an item of {at}"))?;
                }
            }
            "required" => {
                if let Some(name) =
                    list(demanded).iter().find(|name| value.get(name.as_str().unwrap_or_default()).is_none())
                {
                    return say(&format!("lacks {name}"));
                }
            }
            "properties" => {
                for (name, schema) in demanded.as_object().into_iter().flatten() {
                    if let Some(member) = value.get(name) {
                        check(root, schema, member, name)?;
                    }
                }
            }
            "additionalProperties" => {
                let known = |name: &String| schema["properties"].get(name).is_some();
                if let Some(other) = value.as_object().and_then(|line| line.keys().find(|name| !known(name)))
                {
                    return say(&format!("has {other}, which is not in the schema"));
                }
            }
            other => return say(&format!("is checked against {other}, which is not supported here")),
        }
    }
    Ok(())
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

fn is_of(name: Option<&str>, value: &Value) -> bool {
    match name {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    }
}
