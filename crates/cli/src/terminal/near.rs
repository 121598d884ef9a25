//! Suggestions for mistyped IDs. IDs are compared byte for byte, and people do not type that precisely.

/// The IDs in `known` that differ from `typed` only by the case of letters, by a slash at the end, or by http and
/// https.
pub(crate) fn near<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = loosely(typed);
    known.into_iter().filter(|known| *known != typed && loosely(known) == wanted).collect()
}

/// A sentence that suggests them. The caller appends it to "not found".
pub(crate) fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match near(typed, known).as_slice() {
        [] => String::new(),
        near => {
            format!(". Did you mean {}? IDs are compared byte for byte", near.join(" or "))
        }
    }
}

fn loosely(id: &str) -> String {
    let id = id.to_ascii_lowercase();
    let id = id.strip_suffix('/').unwrap_or(&id);
    id.strip_prefix("http://").map_or_else(|| id.to_owned(), |rest| format!("https://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_a_letter_and_a_scheme_are_easily_mistaken() {
        let known = ["https://a.example/", "https://a.example/x", "orders", "https://b/"];
        for (typed, expected) in [
            ("https://a.example", &["https://a.example/"][..]),
            ("http://A.example/", &["https://a.example/"]),
            ("https://a.example/x/", &["https://a.example/x"]),
            ("Orders", &["orders"]),
            ("https://a.example/", &[]),
            ("https://c/", &[]),
            ("order", &[]),
        ] {
            assert_eq!(near(typed, known), expected, "{typed}");
        }
        assert_eq!(did_you_mean("https://c", known), "");
    }
}
