//! Scopes: the grammar of RFC 6749 §3.3. `grant` decides what a scope allows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most scopes that one request may name: far more than real requests have, and few enough that comparing
/// all pairs costs nothing.
const MAX_SCOPES: usize = 256;

/// One scope: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3). This is printable ASCII without
/// space, quote and backslash, so it is safe in an `error_description`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ScopeToken(String);

/// `scope = scope-token *( SP scope-token )` (RFC 6749 §3.3): a set, kept in the order of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope(Vec<ScopeToken>);

/// Why a text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeError {
    /// Does not follow the grammar.
    Malformed,
    /// More than 256 scopes.
    TooMany,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "not a scope: printable ASCII without quote and backslash, separated by single spaces"
            }
            Self::TooMany => "too many scopes",
        })
    }
}

impl std::error::Error for ScopeError {}

impl ScopeToken {
    /// Reads one scope token.
    ///
    /// # Errors
    ///
    /// When the text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let of_grammar = |c: u8| matches!(c, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if !text.is_empty() && text.bytes().all(of_grammar) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScopeError::Malformed)
        }
    }

    /// The scope as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The peer that this scope names as an audience, when it is `audience:server:client_id:<peer>`.
    pub fn cross_client_peer(&self) -> Option<&str> {
        self.0.strip_prefix("audience:server:client_id:")
    }
}

impl<'de> Deserialize<'de> for ScopeToken {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Scope {
    /// Reads a scope. A repeated scope counts once.
    ///
    /// ```
    /// # use edgemint_issuer::{Scope, ScopeError};
    /// assert_eq!(Scope::parse("openid profile openid")?.to_string(), "openid profile");
    /// assert_eq!(Scope::parse("openid  profile"), Err(ScopeError::Malformed));
    /// # Ok::<(), ScopeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the text does not follow the grammar (one space between two scopes, and none elsewhere), or has
    /// too many scopes.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        for word in text.split(' ') {
            scope.add(ScopeToken::parse(word)?)?;
        }
        Ok(scope)
    }

    /// A scope with these tokens. A repeated token counts once.
    pub(crate) fn of(tokens: impl Iterator<Item = ScopeToken>) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        for token in tokens {
            scope.add(token)?;
        }
        Ok(scope)
    }

    fn add(&mut self, token: ScopeToken) -> Result<(), ScopeError> {
        if self.0.len() == MAX_SCOPES {
            return Err(ScopeError::TooMany);
        }
        if !self.0.contains(&token) {
            self.0.push(token);
        }
        Ok(())
    }

    /// Whether the scope `name` is in the set.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|token| token.as_str() == name)
    }

    /// Whether both have the same scopes, in any order.
    pub(crate) fn is_the_same_set_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|token| other.0.contains(token))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, token) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scope_is_words_and_single_spaces() {
        for text in ["", " ", "a ", " a", "a  b", "a\tb", "a\"b", "a\\b", "é", "a\u{7f}"] {
            assert_eq!(Scope::parse(text), Err(ScopeError::Malformed), "{text:?}");
        }
        assert_eq!(Scope::parse("b a b").map(|s| s.to_string()), Ok("b a".into()));
        assert!(ScopeError::Malformed.to_string().contains("single spaces"));
    }

    #[test]
    fn two_scopes_are_the_same_set_when_they_have_the_same_words_in_whatever_order() {
        let same = |a: &str, b: &str| Scope::parse(a).unwrap().is_the_same_set_as(&Scope::parse(b).unwrap());
        assert!(same("a b", "b a") && same("a", "a"));
        for (one, other) in [("a b", "a c"), ("a", "a b"), ("a b", "a"), ("a", "b")] {
            assert!(!same(one, other), "{one}, {other}");
        }
    }

    #[test]
    fn the_number_of_scopes_is_bounded() {
        let many = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
        assert!(Scope::parse(&many(MAX_SCOPES)).is_ok());
        assert_eq!(Scope::parse(&many(MAX_SCOPES + 1)), Err(ScopeError::TooMany));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(text in "[!#-\\[\\]-~]{1,9}( [!#-\\[\\]-~]{1,9}){0,9}") {
            let scope = Scope::parse(&text).unwrap();
            prop_assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = Scope::parse(&text);
        }
    }
}
