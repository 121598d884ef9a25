//! `application/x-www-form-urlencoded` (RFC 6749 Appendix B), read strictly and within limits.

use std::borrow::Cow;
use std::fmt;

/// The most parameters that a request may have.
const MAX_PARAMETERS: usize = 64;

/// Why a body is not a form that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8 once decoded.
    Encoding,
    /// More than 64 parameters.
    TooMany,
    /// A parameter that came more than once (RFC 6749 §3.2).
    Repeated,
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "not form-urlencoded UTF-8",
            Self::TooMany => "too many parameters",
            Self::Repeated => "a repeated parameter",
        })
    }
}

impl std::error::Error for FormError {}

/// The parameters of a request: none is empty, and only a few may occur more than once.
pub(crate) struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Whether a parameter may occur several times: RFC 8707 §2, RFC 8693 §2.1.
fn may_repeat(name: &str) -> bool {
    name == "resource" || name == "audience"
}

impl<'a> Form<'a> {
    /// Reads a body. An empty value counts as an absent parameter (RFC 6749 §3.2).
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, FormError> {
        // Counted before any decoding, so the limit also bounds the work.
        if body.iter().filter(|&&c| c == b'&').count() >= MAX_PARAMETERS {
            return Err(FormError::TooMany);
        }
        let mut parameters: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in body.split(|&c| c == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |&c| c == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if value.is_empty() {
                continue;
            }
            if !may_repeat(&name) && parameters.iter().any(|(known, _)| *known == name) {
                return Err(FormError::Repeated);
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// All parameters, in the order of the request.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The value of `name`, if present.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }
}

/// Decodes one name or value: `+` is a space, `%XX` is a byte, and the result must be UTF-8.
///
/// # Errors
///
/// [`FormError::Encoding`].
pub fn decode(encoded: &[u8]) -> Result<Cow<'_, str>, FormError> {
    if !encoded.iter().any(|&c| c == b'%' || c == b'+') {
        return std::str::from_utf8(encoded).map(Cow::Borrowed).map_err(|_| FormError::Encoding);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(&c) = rest.next() {
        decoded.push(match c {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|&c| char::from(c).to_digit(16));
                let (high, low) = (digit(), digit());
                let byte = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                byte.ok_or(FormError::Encoding)?
            }
            _ => c,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| FormError::Encoding)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_strictly() {
        for (body, error) in [
            ("a=%", FormError::Encoding),
            ("a=%4", FormError::Encoding),
            ("a=%zz", FormError::Encoding),
            ("a=%ff", FormError::Encoding),
            ("%ff=a", FormError::Encoding),
            ("a=1&a=1", FormError::Repeated),
            ("%61=1&a=2", FormError::Repeated),
            (&"&".repeat(64), FormError::TooMany),
        ] {
            assert_eq!(Form::parse(body.as_bytes()).err(), Some(error), "{body}");
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_plus_is_a_space_and_an_escape_is_a_byte() {
        for (encoded, decoded) in [
            ("", ""),
            ("a-b", "a-b"),
            ("+", " "),
            ("++", "  "),
            ("a+b", "a b"),
            ("%2B", "+"),
            ("%c3%A9%00", "\u{e9}\0"),
        ] {
            assert_eq!(decode(encoded.as_bytes()).as_deref(), Ok(decoded), "{encoded}");
        }
    }

    #[test]
    fn an_empty_value_is_an_absent_parameter() {
        let form = Form::parse(b"scope=&scope=a&&b&c==&=d").ok().unwrap();
        assert_eq!(
            (form.get("scope"), form.get("b"), form.get("c"), form.get("")),
            (Some("a"), None, Some("="), Some("d"))
        );
    }

    #[test]
    fn resource_and_audience_may_repeat() {
        assert!(Form::parse(b"resource=a&resource=b&audience=a&audience=b").is_ok());
    }

    proptest! {
        #[test]
        fn what_another_implementation_encodes_is_read_back(pairs in proptest::collection::hash_map(".{1,20}", ".{1,20}", 0..9)) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let form = Form::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"));
            for (name, value) in pairs.iter().filter(|(name, _)| !may_repeat(name)) {
                prop_assert_eq!(form.get(name), Some(value.as_str()));
            }
        }

        #[test]
        fn no_bytes_make_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&body);
        }
    }
}
