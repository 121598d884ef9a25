//! The file from which wrangler reads secrets (`.dev.vars`), written so that each value arrives unchanged.
//!
//! wrangler reads it with the `dotenv` package. A quoted value is taken literally, even over several lines, but the
//! quote itself cannot be escaped. In double quotes, `\n` and `\r` are replaced.

use anyhow::{Context as _, Result};

/// The text of such a file.
///
/// # Errors
/// When a value has every kind of quote.
pub fn write(values: &[(String, String)]) -> Result<String> {
    let mut text = String::new();
    for (name, value) in values {
        let quote = ['\'', '`', '"'].into_iter().find(|quote| {
            !value.contains(*quote) && !value.contains('\r') && (*quote != '"' || !value.contains('\\'))
        });
        let quote =
            quote.with_context(|| format!("cannot pass the value of {name} to wrangler as a secret"))?;
        text.push_str(&format!("{name}={quote}{value}{quote}\n"));
    }
    Ok(text)
}

/// Reads what [`write`] wrote, one value per line; skips other lines (comments).
pub(crate) fn read(text: &str) -> Vec<(String, String)> {
    lines(text).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The name and value of each line that has both. Other lines count as comments.
pub fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(one)
}

fn one(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (bare(name), bare(value));
    if name.starts_with('#') {
        return None;
    }
    let quoted =
        ['\'', '`', '"'].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some((name, bare(quoted.unwrap_or(value))))
}

/// The text without what tools put around it. An editor or a shell may have put a byte order mark before the first
/// value. The Worker trims the same from its variables.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_key_stands_in_single_quotes() {
        let text = write(&[pair("SIGNING_KEY_DEV", r#"{"kty":"EC","d":"a$b"}"#)]).expect("it can be written");
        assert_eq!(text, "SIGNING_KEY_DEV='{\"kty\":\"EC\",\"d\":\"a$b\"}'\n");
    }

    #[test]
    fn what_is_written_is_read() {
        let values = [pair("A", ""), pair("B", "it's"), pair("C", "x=y #z"), pair("D", "' \"both\"")];
        assert_eq!(read(&write(&values).expect("they can be written")), values);
    }

    #[test]
    fn what_cannot_be_quoted_is_refused() {
        assert!(write(&[pair("A", "'\"`")]).is_err());
        assert!(write(&[pair("A", "'`\\")]).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name_or_a_value() {
        assert_eq!(read("\u{feff}A=1\nB=\u{feff}'2'\n"), [pair("A", "1"), pair("B", "2")]);
        assert_eq!(read("\u{feff}# A=1\nB=2\n"), [pair("B", "2")]);
    }

    #[test]
    fn comments_and_blank_lines_are_no_values() {
        assert_eq!(read("# A=1\n\nB=2\n C = 'x' \n"), [pair("B", "2"), pair("C", "x")]);
    }
}
