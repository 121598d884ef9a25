//! The client record: what is stored of a client, and what of it can be trusted to be well-formed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::duration::Lifetime;
use crate::secret::SecretHash;

/// The shortest time that KV caches a record at a location, at the time of writing.
pub const SHORTEST_KV_CACHE: Lifetime = Lifetime::from_seconds(30);

/// What the key of a client record begins with; the client ID follows.
pub const KV_PREFIX: &str = "client:";

/// The version of the record's schema that is read and written here.
const VERSION: u32 = 1;

/// The largest record that is read, in bytes: some thousand groups and peers.
const MAX_RECORD: usize = 256 * 1024;

/// A client ID: 1 to 256 characters of `VSCHAR = %x20-7E` (RFC 6749 Appendix A.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

/// Why a text is not a [`ClientId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIdError;

impl fmt::Display for ClientIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client ID is 1 to 256 characters of printable ASCII")
    }
}

impl std::error::Error for ClientIdError {}

impl ClientId {
    /// Reads a client ID.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, ClientIdError> {
        if (1..=256).contains(&text.len()) && text.bytes().all(|c| matches!(c, 0x20..=0x7E)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ClientIdError)
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this client's record in KV.
    pub fn kv_key(&self) -> String {
        format!("{KV_PREFIX}{}", self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One of a client's secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSecret {
    /// Names the secret in logs and commands; unique within the record.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// From when on it no longer works, in seconds since 1970.
    pub expires: Option<u64>,
    /// What is kept of it.
    pub hash: SecretHash,
}

impl StoredSecret {
    /// Whether it works at `now`, in seconds since 1970: until it expires, and no longer at that second.
    pub fn is_live(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// A registered client, as it is stored under [`ClientId::kv_key`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientRecord {
    /// The version of this schema: 1.
    v: u32,
    /// The client ID; the same as in the key.
    pub id: ClientId,
    /// For people; `name` and `preferred_username` of the ID token.
    pub name: String,
    /// A public client (RFC 6749 §2.1) cannot keep a secret, and gets no token here.
    pub public: bool,
    /// A disabled client gets no token.
    pub disabled: bool,
    /// The secrets; several while they are being rotated.
    pub secrets: Vec<StoredSecret>,
    /// The groups that the scope `groups` puts into tokens.
    pub groups: Vec<String>,
    /// The clients that may ask for tokens with this client as audience.
    pub trusted_peers: Vec<ClientId>,
    /// How long its tokens live, in seconds, 30 at least; the deployment's default when absent.
    pub token_lifetime: Option<u64>,
    /// Counts the writes, so that one operator notices another's.
    pub revision: u64,
}

/// Why a stored record cannot be used. Says nothing of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// Larger than any record that the command line writes.
    TooLarge,
    /// Not JSON of the schema; with what is wrong and where.
    Malformed(String),
    /// Written by another version of edgemint.
    Version(u32),
    /// The record is another client's.
    WrongId,
    /// Two secrets share an ID.
    RepeatedSecretId,
    /// A token lifetime shorter than any token's.
    Lifetime,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it is larger than {MAX_RECORD} bytes"),
            Self::Malformed(why) => f.write_str(why),
            Self::Version(v) => {
                write!(
                    f,
                    "it has version {v} and this edgemint knows version {VERSION}: update the older of the two"
                )
            }
            Self::WrongId => f.write_str("its id is not the one it is stored under"),
            Self::RepeatedSecretId => f.write_str("two of its secrets have the same id"),
            Self::Lifetime => {
                write!(f, "its token_lifetime is shorter than {}", Lifetime::SHORTEST_OF_TOKENS)
            }
        }
    }
}

impl std::error::Error for RecordError {}

impl ClientRecord {
    /// A new confidential client that has nothing yet.
    pub fn new(id: ClientId, name: impl Into<String>) -> Self {
        Self {
            v: VERSION,
            id,
            name: name.into(),
            public: false,
            disabled: false,
            secrets: Vec::new(),
            groups: Vec::new(),
            trusted_peers: Vec::new(),
            token_lifetime: None,
            revision: 1,
        }
    }

    /// Reads the record that is stored under `id`.
    ///
    /// # Errors
    ///
    /// When it is not a whole record of this version and of this client.
    pub fn parse(id: &ClientId, json: &str) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        if json.len() > MAX_RECORD {
            return Err(RecordError::TooLarge);
        }
        let record = match serde_json::from_str::<Self>(json) {
            Ok(record) => record,
            // A record of another version is likely to have other fields, too: name the cause.
            Err(error) => {
                return Err(match serde_json::from_str(json) {
                    Ok(Version { v }) if v != VERSION => RecordError::Version(v),
                    _ => RecordError::Malformed(describe(&error)),
                });
            }
        };
        if record.v != VERSION {
            return Err(RecordError::Version(record.v));
        }
        if record.id != *id {
            return Err(RecordError::WrongId);
        }
        let ids = || record.secrets.iter().map(|secret| &secret.id);
        if ids().enumerate().any(|(i, id)| ids().take(i).any(|earlier| earlier == id)) {
            return Err(RecordError::RepeatedSecretId);
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

/// What is wrong, and where, without the values that `serde_json` quotes: the log gets this text.
fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "it does not follow the schema of a client record",
        serde_json::error::Category::Eof => "its JSON is cut off",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORD: &str = r#"{"v":1,"id":"a","name":"A","public":false,"disabled":false,
        "secrets":[{"id":"s1","created":1,"expires":null,"hash":"$sha256$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],
        "groups":[],"trusted_peers":[],"token_lifetime":null,"revision":1}"#;

    fn parse(json: &str) -> Result<ClientRecord, RecordError> {
        ClientRecord::parse(&ClientId::parse("a").unwrap(), json)
    }

    #[test]
    fn a_record_that_cannot_be_used_says_why() {
        assert!(parse(RECORD).is_ok());
        assert_eq!(
            parse(&RECORD.replace("\"v\":1", "\"v\":2,\"more\":0")).err(),
            Some(RecordError::Version(2))
        );
        assert_eq!(parse(&RECORD.replace("\"id\":\"a\"", "\"id\":\"b\"")).err(), Some(RecordError::WrongId));
        assert!(matches!(parse(&RECORD.replace("\"name\"", "\"nome\"")), Err(RecordError::Malformed(_))));
        assert!(matches!(
            parse(&RECORD.replace("\"name\":", "\"name\":\"B\",\"name\":")),
            Err(RecordError::Malformed(_))
        ));
        assert!(matches!(parse("garbage"), Err(RecordError::Malformed(_))));
        assert!(matches!(parse(&"[".repeat(100_000)), Err(RecordError::Malformed(_))));
        let short = RECORD.replace("\"token_lifetime\":null", "\"token_lifetime\":29");
        assert_eq!(parse(&short).err(), Some(RecordError::Lifetime));
        assert_eq!(parse(&" ".repeat(MAX_RECORD + 1)).err(), Some(RecordError::TooLarge));
        let twice = RECORD.replace("[{\"id\"", "[{\"id\":\"s1\",\"created\":1,\"expires\":null,\"hash\":\"$sha256$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},{\"id\"");
        assert_eq!(parse(&twice).err(), Some(RecordError::RepeatedSecretId));
    }

    #[test]
    fn what_is_wrong_with_a_record_is_told_without_its_values() {
        let error = parse(&RECORD.replace("$sha256$A", "$sha512$A")).unwrap_err().to_string();
        assert!(!error.contains("AAAA") && error.contains("schema"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let record = parse(RECORD).unwrap();
        assert_eq!(parse(&record.to_json()).unwrap().to_json(), record.to_json());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn a_client_id_is_printable_ascii(text in ".{0,300}") {
            let printable = text.chars().all(|c| (' '..='~').contains(&c)) && (1..=256).contains(&text.len());
            prop_assert_eq!(ClientId::parse(&text).is_ok(), printable);
        }
    }
}
