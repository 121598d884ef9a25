//! The API record: a resource server that tokens can be for, and the scopes that it defines.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::config::TokenProfile;
use crate::grammar::duration::Lifetime;
use crate::grammar::scope::ScopeToken;
use crate::jose::signing_key::Algorithm;
use crate::records::schema::{RecordError, Versioned, objects, read};

/// What the key of an API record begins with; the identifier follows.
pub const API_KV_PREFIX: &str = "api:";

/// The version of the record's schema that is read and written here.
const VERSION: u32 = 1;

/// The identifier of an API, and the `aud` of tokens for it: 1 to 256 characters of
/// `%x21 / %x23-5B / %x5D-7E` without `#`.
///
/// An absolute URI where it can be (RFC 8707 §2), as `https://api.example.com/`. What is none, such as
/// `sts.amazonaws.com`, can be asked for by the parameter `audience` alone. Compared byte for byte.
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

    /// As it was written.
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

/// A scope that an API defines.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiScope {
    /// The scope.
    pub name: ScopeToken,
    /// What it allows, in a sentence, for people.
    pub description: String,
}

/// A registered API (a protected resource, RFC 8707), as it is stored under [`ApiId::kv_key`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiRecord {
    /// The version of this schema: 1.
    v: u32,
    /// The identifier; the same as in the key.
    pub id: ApiId,
    /// For people.
    pub name: String,
    /// The scopes that it defines, each name once.
    #[serde(deserialize_with = "objects")]
    pub scopes: Vec<ApiScope>,
    /// How long tokens for it live at most, in seconds, 30 at least; as for every other token when absent.
    pub token_lifetime: Option<u64>,
    /// The algorithm that tokens for it must be signed with; that of the active key when absent.
    pub alg: Option<Algorithm>,
    /// What tokens for it look like, when not as the deployment's.
    pub profile: Option<TokenProfile>,
    /// Counts the writes, so that one operator notices another's.
    pub revision: u64,
}

impl Versioned for ApiRecord {
    const KNOWN: RangeInclusive<u32> = VERSION..=VERSION;

    fn version(&self) -> u32 {
        self.v
    }
}

impl ApiRecord {
    /// A new API that defines no scope yet.
    pub fn new(id: ApiId, name: impl Into<String>) -> Self {
        Self {
            v: VERSION,
            id,
            name: name.into(),
            scopes: Vec::new(),
            token_lifetime: None,
            alg: None,
            profile: None,
            revision: 1,
        }
    }

    /// Whether it defines `scope`.
    pub fn defines(&self, scope: &ScopeToken) -> bool {
        self.scopes.iter().any(|defined| defined.name == *scope)
    }

    /// Reads the record that is stored under `id`.
    ///
    /// # Errors
    ///
    /// When it is not a whole record of this version and of this API.
    pub fn parse(id: &ApiId, json: &str) -> Result<Self, RecordError> {
        let record: Self = read(json)?;
        if record.id != *id {
            return Err(RecordError::WrongId);
        }
        let names = || record.scopes.iter().map(|scope| &scope.name);
        if names().enumerate().any(|(i, name)| names().take(i).any(|earlier| earlier == name)) {
            return Err(RecordError::RepeatedScope);
        }
        if record.token_lifetime.is_some_and(|seconds| seconds < Lifetime::SHORTEST_OF_TOKENS.seconds()) {
            return Err(RecordError::Lifetime);
        }
        Ok(record)
    }

    /// The JSON that is stored.
    pub fn to_json(&self) -> String {
        // A record is strings, numbers and lists: it cannot fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORD: &str = r#"{"v":1,"id":"https://a/","name":"A","scopes":[{"name":"read","description":"Reads."}],
        "token_lifetime":null,"alg":"RS256","profile":"rfc9068","revision":1}"#;

    fn parse(json: &str) -> Result<ApiRecord, RecordError> {
        ApiRecord::parse(&ApiId::parse("https://a/").unwrap(), json)
    }

    #[test]
    fn a_record_that_cannot_be_used_says_why() {
        let record = parse(RECORD).unwrap();
        assert_eq!(parse(&record.to_json()).unwrap().to_json(), record.to_json());
        assert_eq!(parse(&RECORD.replace("\"v\":1", "\"v\":2")).err(), Some(RecordError::Version(2)));
        assert_eq!(parse(&RECORD.replace("//a", "//b")).err(), Some(RecordError::WrongId));
        let twice = RECORD.replace("\"scopes\":[", "\"scopes\":[{\"name\":\"read\",\"description\":\"\"},");
        assert_eq!(parse(&twice).err(), Some(RecordError::RepeatedScope));
        let short = RECORD.replace("\"token_lifetime\":null", "\"token_lifetime\":29");
        assert_eq!(parse(&short).err(), Some(RecordError::Lifetime));
        for wrong in [RECORD.replace("RS256", "HS256"), RECORD.replace("\"read\"", "\"r d\"")] {
            assert!(matches!(parse(&wrong), Err(RecordError::Malformed(_))), "{wrong}");
        }
    }

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

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
            let _ = ApiId::parse(&text).map(|id| id.is_absolute_uri());
        }
    }
}
