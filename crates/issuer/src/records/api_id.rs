//! The identifiers of APIs (RFC 8707 §2).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The prefix of the key of an API record. The identifier follows.
pub const API_KV_PREFIX: &str = "api:";

/// The identifier of an API, and the `aud` of tokens for it: 1 to 256 characters of
/// `%x21 / %x23-5B / %x5D-7E` without `#`.
///
/// An absolute URI if possible (RFC 8707 §2), such as `https://api.example.com/`. A client can request any
/// other identifier, such as `sts.amazonaws.com`, only with the parameter `audience`. Compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ApiId(String);

/// Why a text is not an [`ApiId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiIdError;

impl fmt::Display for ApiIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the identifier of an API is 1 to 256 characters of printable ASCII without space, quote, backslash and \
             #, such as https://api.example.com/",
        )
    }
}

impl std::error::Error for ApiIdError {}

impl ApiId {
    /// Reads an identifier.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, ApiIdError> {
        let of_grammar = |c| matches!(c, 0x21 | 0x24..=0x5B | 0x5D..=0x7E);
        if (1..=256).contains(&text.len()) && text.bytes().all(of_grammar) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ApiIdError)
        }
    }

    /// The identifier as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this API's record in KV.
    pub fn kv_key(&self) -> String {
        format!("{API_KV_PREFIX}{}", self.0)
    }

    /// Whether it is an absolute URI: `scheme ":" hier-part [ "?" query ]` (RFC 3986 §4.3), as the parameter
    /// `resource` must be (RFC 8707 §2).
    pub fn is_absolute_uri(&self) -> bool {
        let Some((scheme, rest)) = self.0.split_once(':') else { return false };
        let mut scheme = scheme.bytes();
        let of_grammar =
            |c| matches!(c, 0x21 | 0x24..=0x3B | 0x3D | 0x3F..=0x5B | 0x5D | 0x5F | 0x61..=0x7A | 0x7E);
        scheme.next().is_some_and(|c| c.is_ascii_alphabetic())
            && scheme.all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'))
            && !rest.is_empty()
            && rest.bytes().all(of_grammar)
    }
}

impl fmt::Display for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ApiId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_resource_is_an_absolute_uri_and_other_identifiers_are_audiences() {
        for uri in ["https://api.example.com/", "urn:example:api", "https://a/b?c=d"] {
            assert!(ApiId::parse(uri).unwrap().is_absolute_uri(), "{uri}");
        }
        for other in ["sts.amazonaws.com", "api", ":x", "1a:b", "a:", "/path", "https://<a>"] {
            assert!(!ApiId::parse(other).unwrap().is_absolute_uri(), "{other}");
        }
        for none in ["", "a b", "https://a/#b", "a\"", "a\\", "é"] {
            assert_eq!(ApiId::parse(none), Err(ApiIdError), "{none}");
        }
    }
}
