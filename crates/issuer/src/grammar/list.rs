//! Lists in one text, as variables have them.

/// The items of a list that commas or spaces separate.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\n', '\r']).filter(|item| !item.is_empty())
}
