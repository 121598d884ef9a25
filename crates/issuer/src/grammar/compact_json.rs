//! Compact JSON (RFC 8259) of a known form, read without a general parser: members in a known order, no white space, no
//! escapes. serde reads all JSON, and takes three times as many instructions.
//!
//! Nothing of it is inlined that is called at many places: code that runs once for each place would be fetched from memory
//! for each, which costs more than the call.

/// A text that is read from its start. Each method reads one thing, or returns `None` for anything else. Then the caller
/// must give up, because a part may have been read. Only [`CompactJson::has`] leaves the text as it was.
pub(crate) struct CompactJson<'a>(&'a str);

impl<'a> CompactJson<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Skips `expected`, which must come next.
    #[inline(never)]
    pub(crate) fn skip(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Skips `expected` if it comes next. Returns whether it did.
    pub(crate) fn has(&mut self, expected: &str) -> bool {
        self.skip(expected).is_some()
    }

    /// A string without escapes (RFC 8259 §7).
    #[inline(never)]
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        self.skip("\"")?;
        let end = self.0.bytes().position(|c| matches!(c, 0..0x20 | b'"' | b'\\'))?;
        let (string, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        self.skip("\"")?;
        Some(string)
    }

    /// A whole number without a leading zero (RFC 8259 §6).
    #[inline(never)]
    pub(crate) fn number(&mut self) -> Option<u64> {
        let end = self.0.bytes().position(|c| !c.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at_checked(end)?;
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    /// A number, or null.
    pub(crate) fn nullable_number(&mut self) -> Option<Option<u64>> {
        if self.has("null") { Some(None) } else { self.number().map(Some) }
    }

    /// True or false.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        if self.has("false") { Some(false) } else { self.skip("true").map(|()| true) }
    }

    /// A list, with `item` for each of its items.
    pub(crate) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.skip("[")?;
        let mut items = Vec::new();
        if self.has("]") {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.has("]") {
                return Some(items);
            }
            self.skip(",")?;
        }
    }

    /// Skips `expected`, which must be all that is left.
    pub(crate) fn end(self, expected: &str) -> Option<()> {
        (self.0 == expected).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::CompactJson;

    fn string(json: &str) -> Option<&str> {
        let mut text = CompactJson::new(json);
        text.string().filter(|_| text.end("").is_some())
    }

    /// In a list, because a number ends before the character that follows it.
    fn numbers(json: &str) -> Option<Vec<u64>> {
        let mut text = CompactJson::new(json);
        text.list(CompactJson::number).filter(|_| text.end("").is_some())
    }

    #[test]
    fn each_form_is_read_and_no_other() {
        assert_eq!((string(r#""""#), string(r#""aÄ/""#)), (Some(""), Some("aÄ/")));
        for json in ["", "a", r#""a"#, "\"a\n\"", r#""\u0041""#, r#" "a""#] {
            assert_eq!(string(json), None, "{json}");
        }
        for (json, expected) in
            [("[]", vec![]), ("[0]", vec![0]), ("[18446744073709551615,2]", vec![u64::MAX, 2])]
        {
            assert_eq!(numbers(json), Some(expected), "{json}");
        }
        for json in
            ["", "1", "[", "[,]", "[1", "[1,", "[1,]", "[1 ,2]", "[1 2]", "[-1]", "[00]", "[01]", "[a]"]
        {
            assert_eq!(numbers(json), None, "{json}");
        }
        assert_eq!(numbers("[18446744073709551616]"), None);
        let nullable = |json| CompactJson::new(json).nullable_number();
        assert_eq!((nullable("null"), nullable("1,"), nullable("true")), (Some(None), Some(Some(1)), None));
        let boolean = |json| CompactJson::new(json).boolean();
        assert_eq!((boolean("true"), boolean("false"), boolean("null")), (Some(true), Some(false), None));
        let mut text = CompactJson::new("abc");
        assert!(!text.has("b") && text.has("a") && text.skip("b").is_some() && text.skip("b").is_none());
        assert!(CompactJson::new("ab").end("a").is_none() && CompactJson::new("ab").end("ab").is_some());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_serde_reads(text in "\\PC*", control in "[\\x00-\\x1F\"\\\\a]*", digits in "[0-9.e+-]{0,21}") {
            for json in [format!("\"{text}\""), format!("\"{control}\""), text, digits.clone()] {
                prop_assert!(string(&json).is_none_or(|read| serde_json::from_str::<String>(&json).unwrap() == read));
            }
            let json = format!("[{digits}]");
            prop_assert!(numbers(&json).is_none_or(|read| serde_json::from_str::<Vec<u64>>(&json).unwrap() == read));
        }
    }
}
