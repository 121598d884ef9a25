//! Lists in one text, as in variables.

/// The items of a list that commas or spaces separate.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\n', '\r']).filter(|item| !item.is_empty())
}
