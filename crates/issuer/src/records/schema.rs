//! The common part of all stored records: versioned JSON, strict reading, and errors.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::grammar::duration::Lifetime;

/// The largest accepted record, in bytes: thousands of groups and peers.
const MAX_RECORD: usize = 256 * 1024;

/// Why a stored record cannot be used. Contains nothing of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// Larger than any record that the command line writes.
    TooLarge,
    /// Not JSON of the schema. The text says what is wrong, and where.
    Malformed(String),
    /// Written by another version of edgemint.
    Version(u32),
    /// The record belongs to another client or API.
    WrongId,
    /// Two secrets share an ID.
    RepeatedSecretId,
    /// Two scopes of an API share a name.
    RepeatedScope,
    /// A token lifetime below the shortest of any token.
    Lifetime,
    /// The default API is not in the grants.
    DefaultApi,
    /// A custom claim with a reserved name. The text is the name.
    ReservedClaim(String),
    /// Custom claims of more than 4 KB.
    ClaimsTooLarge,
    /// More than 8 keys of a client.
    TooManyKeys,
    /// Two keys of a client share a `kid`.
    RepeatedKeyId,
    /// The key of a client that does not belong to its `alg`, or whose `kid` is malformed.
    ClientKey,
    /// Both `keys` and `jwks_uri`.
    KeysAndUrl,
    /// A maximum for the lifetime of assertions that is out of bounds.
    AssertionLifetime,
    /// More than 20 rules for identities.
    TooManyIdentities,
    /// Two rules share an ID.
    RepeatedIdentity,
    /// A rule without a condition, or with a malformed one. The text is its ID.
    Identity(String),
    /// More than 8 certificates.
    TooManyCertificates,
    /// Two certificates share an ID, or match the same.
    RepeatedCertificate,
    /// A certificate with a malformed thumbprint or name. The text is its ID.
    Certificate(String),
    /// A trusted issuer without algorithms.
    NoAlgorithm,
    /// A trusted issuer whose `max_age` is out of bounds.
    MaxAge,
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
            Self::DefaultApi => f.write_str("its default_api is not in its grants"),
            Self::ReservedClaim(name) => write!(f, "the claim {name} is reserved"),
            Self::ClaimsTooLarge => f.write_str("its claims are larger than 4 KB"),
            Self::TooManyKeys => f.write_str("it has more than 8 keys"),
            Self::RepeatedKeyId => f.write_str("two of its keys have the same kid"),
            Self::ClientKey => {
                f.write_str("one of its keys does not belong to its alg, or has a malformed kid")
            }
            Self::KeysAndUrl => f.write_str("it has both keys and a jwks_uri"),
            Self::AssertionLifetime => f.write_str("its assertion_lifetime is not from 30 to 3600 seconds"),
            Self::TooManyIdentities => f.write_str("it has more than 20 identities"),
            Self::RepeatedIdentity => f.write_str("two of its identities have the same id"),
            Self::Identity(id) => write!(f, "its identity {id} has no condition, or a malformed one"),
            Self::TooManyCertificates => f.write_str("it has more than 8 certificates"),
            Self::RepeatedCertificate => {
                f.write_str("two of its certificates have the same id, or match the same")
            }
            Self::Certificate(id) => {
                write!(f, "its certificate {id} has a malformed thumbprint, or a name of a wrong length")
            }
            Self::NoAlgorithm => f.write_str("it lists no algorithm"),
            Self::MaxAge => f.write_str("its max_age is not from 60 seconds to 25 hours"),
        }
    }
}

impl std::error::Error for RecordError {}

/// A record that knows its version.
pub(crate) trait Versioned: DeserializeOwned {
    /// The known versions of its schema.
    const KNOWN: RangeInclusive<u32>;

    /// The version that it was written with.
    fn version(&self) -> u32;

    /// The record, if `json` has the form in which edgemint writes records of this kind and the type has a quick reader
    /// for it. It reads exactly what serde reads.
    fn as_written(_json: &str) -> Option<Self> {
        None
    }
}

/// Reads a record of a known version. The caller checks everything else.
pub(crate) fn read<T: Versioned>(json: &str) -> Result<T, RecordError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if json.len() > MAX_RECORD {
        return Err(RecordError::TooLarge);
    }
    let record = T::as_written(json).map_or_else(|| serde_json::from_str(json), |record| Ok(Object(record)));
    match record {
        Ok(Object(record)) if T::KNOWN.contains(&record.version()) => Ok(record),
        Ok(Object(record)) => Err(RecordError::Version(record.version())),
        // A record of another version probably has other fields, too. The version is the cause, so the error
        // names it.
        Err(error) => Err(match serde_json::from_str(json) {
            Ok(Object(Version { v })) if !T::KNOWN.contains(&v) => RecordError::Version(v),
            _ => RecordError::Malformed(describe(&error)),
        }),
    }
}

/// The memory of a list, without the text of its items. A list first makes room for four.
const LIST: usize = 4 * size_of::<Value>() + 16;

/// The memory of an item of a list or an entry of a map, without its text. Full lists double, and the nodes
/// of a map are often half empty.
const ITEM: usize = 3 * size_of::<Value>() + 8;

/// The memory of a map: a node has room for 11 entries. No struct that is an item of a list needs more.
const MAP: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 16;

/// An upper bound of the bytes that a parsed record takes, for a memory of limited size.
///
/// It reads only the characters of the JSON, so it also holds for future fields. We measured records of 15
/// kinds on wasm32. They took from 1 to 59 times their JSON, and from 13 to 92 % of this bound. A usual
/// record of 260 bytes took 410, and its bound is 1,450.
///
/// `fields` is the number of fields that every record of this type has. The brace around them and the commas
/// between them take only `T`.
pub(crate) fn weight<T>(json: &str, fields: usize) -> usize {
    let of_byte = |byte| match byte {
        b'[' => LIST,
        b',' => ITEM,
        b'{' => MAP,
        _ => 1,
    };
    let all: usize = json.bytes().map(of_byte).sum();
    size_of::<T>() + all.saturating_sub(MAP + fields.saturating_sub(1) * ITEM)
}

/// The error and its position, without the values that `serde_json` quotes, because this text goes to the
/// log.
fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "it does not follow the schema of its kind of record",
        serde_json::error::Category::Eof => "its JSON is cut off",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// A value that is read only from a JSON object.
///
/// A struct with a derived `Deserialize` also accepts a list, whose items become its fields in order: `["x"]`
/// is a `struct { name: String }`. For JSON from outside, that would turn a file of another kind into one of
/// ours.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// Reads a list of JSON objects. Refuses an item that is a list ([`Object`]).
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(items.into_iter().map(|Object(item)| item).collect())
}

/// Reads a map, and refuses a repeated key. `serde_json` would silently keep the last one.
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Object, unique, weight};
    use crate::{ApiId, ApiRecord, ClientId, ClientRecord, KeyError, RecordError, SigningKey};

    /// The values of `object` as a list, in order.
    fn as_list(object: &Value) -> Value {
        object.as_object().map(|members| members.values().cloned().collect()).unwrap_or_default()
    }

    #[test]
    fn a_list_is_never_taken_for_a_record_nor_for_a_part_of_one() {
        let id = ClientId::parse("a").unwrap();
        let secret = serde_json::json!({ "id": "s1", "created": 1, "expires": null,
            "hash": "$sha256$hnGb4zOAsYOoz1d14obdFohzwyfSNLyNWLLoomTOesI" });
        // In the order of the struct's fields, because a list would be read in that order.
        let fields = r#"{"v":1,"id":"a","name":"A","public":false,"disabled":false,"secrets":[SECRET],"groups":[],
            "trusted_peers":[],"token_lifetime":null,"revision":1}"#;
        let record = fields.replace("SECRET", &secret.to_string());
        assert!(ClientRecord::parse(&id, &record).is_ok());
        let of_a_list = r#"["s1",1,null,"$sha256$hnGb4zOAsYOoz1d14obdFohzwyfSNLyNWLLoomTOesI"]"#;
        let whole = format!(r#"[1,"a","A",false,false,[{secret}],[],[],null,1,{{}},null,{{}},"own",null]"#);
        for list in [fields.replace("SECRET", of_a_list), whole] {
            let read = ClientRecord::parse(&id, &list);
            assert!(matches!(read, Err(RecordError::Malformed(_))), "{list}");
        }

        let id = ApiId::parse("https://a/").unwrap();
        let fields = r#"{"v":1,"id":"https://a/","name":"A","scopes":[SCOPE],"token_lifetime":null,"alg":null,"profile":null,"revision":1}"#;
        let scope = r#"{"name":"read","description":"Reads."}"#;
        assert!(ApiRecord::parse(&id, &fields.replace("SCOPE", scope)).is_ok());
        let whole = r#"[1,"https://a/","A",[],null,null,null,1]"#.to_owned();
        for list in [fields.replace("SCOPE", r#"["read","Reads."]"#), whole] {
            let read = ApiRecord::parse(&id, &list);
            assert!(matches!(read, Err(RecordError::Malformed(_))), "{list}");
        }
    }

    #[test]
    fn the_weight_has_room_for_every_list_item_and_map() {
        let more = |longer: &str, shorter: &str| weight::<()>(longer, 1) - weight::<()>(shorter, 1);
        let value = size_of::<Value>();
        let entry = size_of::<String>() + value;
        for (longer, shorter, expected) in [
            (r#"{"a":[]}"#, r#"{"a":1}"#, 4 * value..5 * value),
            (r#"{"a":[1,1]}"#, r#"{"a":[1]}"#, 3 * value..4 * value),
            (r#"{"a":{}}"#, r#"{"a":1}"#, 11 * entry..12 * entry),
            (r#"{"a":"xxxx"}"#, r#"{"a":""}"#, 4..5),
        ] {
            let found = more(longer, shorter);
            assert!(expected.contains(&found), "{longer}: {found}, not in {expected:?}");
        }
        // What every record of a type has is in the type.
        let json = r#"{"a":1,"b":2,"c":3}"#;
        assert_eq!(weight::<[u8; 500]>(json, 3), weight::<()>(json, 3) + 500);
        assert!(weight::<()>(json, 3) < json.len() && weight::<()>(json, 2) > value);
    }

    #[test]
    fn what_is_no_object_is_told_that_one_is_expected() {
        let object = serde_json::from_str::<Object<u8>>("[]").err().unwrap().to_string();
        assert!(object.contains("expected an object"), "{object}");
        let map =
            unique::<_, String, u8>(&mut serde_json::Deserializer::from_str("[]")).unwrap_err().to_string();
        assert!(map.contains("expected a map"), "{map}");
    }

    #[test]
    fn a_list_of_another_version_is_not_a_record_of_that_version() {
        let id = ClientId::parse("a").unwrap();
        assert!(matches!(ClientRecord::parse(&id, "[3]"), Err(RecordError::Malformed(_))));
        assert!(matches!(ClientRecord::parse(&id, r#"{"v":4}"#), Err(RecordError::Version(4))));
    }

    #[test]
    fn a_list_is_never_taken_for_a_signing_key() {
        let jwk = serde_json::json!({ "kty": "OKP", "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" });
        assert!(SigningKey::parse("FIRST", &jwk.to_string()).is_ok());
        for list in [as_list(&jwk), serde_json::json!([jwk]), serde_json::json!(["OKP", jwk])] {
            assert!(
                matches!(SigningKey::parse("FIRST", &list.to_string()), Err(KeyError::Malformed)),
                "{list}"
            );
        }
    }
}
