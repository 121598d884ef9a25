//! What every stored record has in common: versioned JSON, read strictly, and why it cannot be used.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::duration::Lifetime;

/// The largest record that is read, in bytes: some thousand groups and peers.
const MAX_RECORD: usize = 256 * 1024;

/// Why a stored record cannot be used. Says nothing of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// Larger than any record that the command line writes.
    TooLarge,
    /// Not JSON of the schema; with what is wrong and where.
    Malformed(String),
    /// Written by another version of edgemint.
    Version(u32),
    /// The record is another client's or API's.
    WrongId,
    /// Two secrets share an ID.
    RepeatedSecretId,
    /// Two scopes of an API share a name.
    RepeatedScope,
    /// A token lifetime shorter than any token's.
    Lifetime,
    /// The default API is none of those that are granted.
    DefaultApi,
    /// A custom claim with a name that edgemint sets or may set; its name.
    ReservedClaim(String),
    /// Custom claims of more than 4 KB.
    ClaimsTooLarge,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it is larger than {MAX_RECORD} bytes"),
            Self::Malformed(why) => f.write_str(why),
            Self::Version(v) => {
                write!(
                    f,
                    "it has version {v}, which this edgemint does not know: update the older of the two"
                )
            }
            Self::WrongId => f.write_str("its id is not the one it is stored under"),
            Self::RepeatedSecretId => f.write_str("two of its secrets have the same id"),
            Self::RepeatedScope => f.write_str("two of its scopes have the same name"),
            Self::Lifetime => {
                write!(f, "its token_lifetime is shorter than {}", Lifetime::SHORTEST_OF_TOKENS)
            }
            Self::DefaultApi => f.write_str("its default_api is none of those in its grants"),
            Self::ReservedClaim(name) => write!(f, "the claim {name} is reserved"),
            Self::ClaimsTooLarge => f.write_str("its claims are larger than 4 KB"),
        }
    }
}

impl std::error::Error for RecordError {}

/// A record, as far as it says how it is to be read.
pub(crate) trait Versioned: DeserializeOwned {
    /// The versions of its schema that are known.
    const KNOWN: RangeInclusive<u32>;

    /// The version that it was written with.
    fn version(&self) -> u32;
}

/// Reads a record of a version that is known. What else must hold is its caller's to judge.
pub(crate) fn read<T: Versioned>(json: &str) -> Result<T, RecordError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if json.len() > MAX_RECORD {
        return Err(RecordError::TooLarge);
    }
    match serde_json::from_str::<T>(json) {
        Ok(record) if T::KNOWN.contains(&record.version()) => Ok(record),
        Ok(record) => Err(RecordError::Version(record.version())),
        // A record of another version is likely to have other fields, too: name the cause.
        Err(error) => Err(match serde_json::from_str(json) {
            Ok(Version { v }) if !T::KNOWN.contains(&v) => RecordError::Version(v),
            _ => RecordError::Malformed(describe(&error)),
        }),
    }
}

/// What is wrong, and where, without the values that `serde_json` quotes: the log gets this text.
fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "it does not follow the schema of its kind of record",
        serde_json::error::Category::Eof => "its JSON is cut off",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// Reads a map and refuses a key that comes twice, of which `serde_json` would keep the last in silence.
pub(crate) fn unique<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Unique<K, V> {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = entries.next_entry()? {
                if map.insert(key, value).is_some() {
                    return Err(A::Error::custom("a key comes twice"));
                }
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique(PhantomData))
}
