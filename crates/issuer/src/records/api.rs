//! The API record: a resource server that tokens can be for, and the scopes that it defines.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::config::profile::TokenProfile;
use crate::grammar::duration::Lifetime;
use crate::grammar::json;
use crate::grammar::scope::ScopeToken;
use crate::jose::algorithm::Algorithm;
use crate::records::api_id::ApiId;
use crate::records::bound::Bound;
use crate::records::schema::{RecordError, Versioned, objects, read};

/// The version of a record that has no newer field, so that older Workers can read it.
const VERSION: u32 = 1;

/// The version of a record that has `bound`.
const VERSION_2: u32 = 2;

/// A scope that an API defines.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiScope {
    /// The scope.
    pub name: ScopeToken,
    /// One sentence for people about what it allows.
    pub description: String,
}

/// A registered API (a protected resource, RFC 8707), as stored under [`ApiId::kv_key`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiRecord {
    /// The version of this schema: 2 with `bound`, else 1.
    v: u32,
    /// The identifier, the same as in the key.
    pub id: ApiId,
    /// A name for people.
    pub name: String,
    /// The scopes that it defines. Each name occurs once.
    #[serde(deserialize_with = "objects")]
    pub scopes: Vec<ApiScope>,
    /// The longest lifetime of tokens for it, in seconds, at least 30. If absent, the API sets no limit.
    pub token_lifetime: Option<u64>,
    /// The algorithm that must sign tokens for it. If absent, that of the active key.
    pub alg: Option<Algorithm>,
    /// The format of tokens for it, if it differs from the deployment's.
    pub profile: Option<TokenProfile>,
    /// The number of writes, so that one operator notices the write of another.
    pub revision: u64,
    /// What tokens for it must be bound to. If absent, they may be bearer tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

impl Versioned for ApiRecord {
    const KNOWN: RangeInclusive<u32> = VERSION..=VERSION_2;

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
            bound: None,
        }
    }

    /// Whether it defines `scope`.
    pub fn defines(&self, scope: &ScopeToken) -> bool {
        self.scopes.iter().any(|defined| defined.name == *scope)
    }

    /// Reads the record stored under `id`.
    ///
    /// # Errors
    ///
    /// When it is not a complete record of a known version, or belongs to another API.
    pub fn parse(id: &ApiId, json: &str) -> Result<Self, RecordError> {
        let record: Self = read(json)?;
        // An older Worker could not read a field that is newer than the stated version.
        let needed = record.needed_version();
        if record.v < needed {
            return Err(RecordError::Malformed(format!("it has fields of version {needed}")));
        }
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

    /// The version that the fields of this record need.
    fn needed_version(&self) -> u32 {
        if self.bound.is_some() { VERSION_2 } else { VERSION }
    }

    /// The JSON that is stored.
    pub fn to_json(&self) -> String {
        json::of(&Self { v: self.needed_version(), ..self.clone() })
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
        assert_eq!(parse(&RECORD.replace("\"v\":1", "\"v\":3")).err(), Some(RecordError::Version(3)));
        assert_eq!(parse(&RECORD.replace("//a", "//b")).err(), Some(RecordError::WrongId));
        let twice = RECORD.replace("\"scopes\":[", "\"scopes\":[{\"name\":\"read\",\"description\":\"\"},");
        assert_eq!(parse(&twice).err(), Some(RecordError::RepeatedScope));
        let short = RECORD.replace("\"token_lifetime\":null", "\"token_lifetime\":29");
        assert_eq!(parse(&short).err(), Some(RecordError::Lifetime));
        assert!(parse(&short.replace("29", "30")).is_ok());
        for wrong in [RECORD.replace("RS256", "HS256"), RECORD.replace("\"read\"", "\"r d\"")] {
            assert!(matches!(parse(&wrong), Err(RecordError::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn a_record_with_a_demand_is_of_version_2() {
        let bound = RECORD.replace("\"revision\":1", "\"revision\":1,\"bound\":\"mtls\"");
        assert!(matches!(parse(&bound), Err(RecordError::Malformed(_))));
        let record = parse(&bound.replace("\"v\":1", "\"v\":2")).unwrap();
        assert!(record.to_json().starts_with("{\"v\":2,"));
        assert_eq!(parse(&record.to_json()).unwrap().bound, Some(Bound::Mtls));
        let without = ApiRecord { bound: None, ..record };
        assert!(without.to_json().starts_with("{\"v\":1,"), "only the fields count");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
            let _ = ApiId::parse(&text).map(|id| id.is_absolute_uri());
        }
    }
}
