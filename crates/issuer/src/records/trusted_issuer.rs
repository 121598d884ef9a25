//! The issuers that an operator trusts to identify workloads (RFC 7523 §3).

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::grammar::duration::Lifetime;
use crate::grammar::issuer_url::is_loopback;
use crate::grammar::json;
use crate::grammar::key_set_url::KeySetUrl;
use crate::grammar::members::unique_value;
use crate::jose::jwks::KeySet;
use crate::jose::signature_algorithm::SignatureAlgorithm;
use crate::records::platform::Platform;
use crate::records::schema::{RecordError, Versioned, read};

/// The prefix of the key of an issuer record. The identifier follows.
pub const ISSUER_KV_PREFIX: &str = "issuer:";

/// The version of the record's schema that is read and written here.
const VERSION: u32 = 1;

/// The bounds of `max_age`.
pub const MAX_AGES: RangeInclusive<Lifetime> = Lifetime::from_seconds(60)..=Lifetime::from_seconds(25 * 3600);

/// The identifier of a trusted issuer: the `iss` of its tokens, byte for byte. A URL of at most 256
/// characters of printable ASCII that begins with `https://`, or with `http://` for this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TrustedIssuerId(String);

/// Why a text is not a [`TrustedIssuerId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedIssuerIdError;

impl fmt::Display for TrustedIssuerIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the identifier of an issuer is a URL of at most 256 characters of printable ASCII that begins with \
             https://, byte for byte as the claim iss of its tokens",
        )
    }
}

impl std::error::Error for TrustedIssuerIdError {}

impl TrustedIssuerId {
    /// Reads an identifier.
    ///
    /// # Errors
    ///
    /// See [`TrustedIssuerId`].
    pub fn parse(text: &str) -> Result<Self, TrustedIssuerIdError> {
        let is_plain = |c| matches!(c, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        let local =
            text.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
        let has_host =
            text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        let is_url = has_host || local.is_some_and(is_loopback);
        if text.len() <= 256 && text.bytes().all(is_plain) && is_url {
            Ok(Self(text.to_owned()))
        } else {
            Err(TrustedIssuerIdError)
        }
    }

    /// The identifier as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this issuer's record in KV.
    pub fn kv_key(&self) -> String {
        format!("{ISSUER_KV_PREFIX}{}", self.0)
    }

    /// Whether it is on this machine. Only a deployment on this machine trusts it.
    pub fn is_local(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl fmt::Display for TrustedIssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TrustedIssuerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The source of an issuer's keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IssuerKeys {
    /// The URL of its JWKS.
    JwksUri(KeySetUrl),
    /// An uploaded JWKS, for a cluster that cannot be reached.
    Jwks(#[serde(deserialize_with = "unique_value")] serde_json::Value),
}

/// A registered issuer, as stored under [`TrustedIssuerId::kv_key`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// The version of this schema: 1.
    v: u32,
    /// The identifier, the same as in the key.
    pub id: TrustedIssuerId,
    /// A name for people.
    pub name: String,
    /// The platform. It decides what a rule must pin.
    pub platform: Platform,
    /// Where its keys are.
    pub keys: IssuerKeys,
    /// The accepted algorithms. Never empty.
    pub algs: Vec<SignatureAlgorithm>,
    /// The longest age and the longest lifetime of its tokens, in seconds.
    pub max_age: u64,
    /// Whether a token may be used only once. Then it needs a `jti`.
    pub single_use: bool,
    /// Whether it is disabled. No token of a disabled issuer is accepted.
    pub disabled: bool,
    /// The number of writes, so that one operator notices the write of another.
    pub revision: u64,
    /// The keys of an uploaded JWKS, parsed.
    #[serde(skip)]
    uploaded: KeySet,
}

impl Versioned for TrustedIssuer {
    const KNOWN: RangeInclusive<u32> = VERSION..=VERSION;

    fn version(&self) -> u32 {
        self.v
    }
}

impl TrustedIssuer {
    /// A new issuer with the defaults of its platform.
    pub fn new(id: TrustedIssuerId, name: impl Into<String>, platform: Platform, keys: IssuerKeys) -> Self {
        Self {
            v: VERSION,
            id,
            name: name.into(),
            platform,
            keys,
            algs: platform.algs().to_vec(),
            max_age: platform.max_age().seconds(),
            single_use: platform.single_use(),
            disabled: false,
            revision: 1,
            uploaded: KeySet::default(),
        }
    }

    /// Reads the record stored under `id`.
    ///
    /// # Errors
    ///
    /// When it is not a complete record of a known version, or belongs to another issuer.
    pub fn parse(id: &TrustedIssuerId, json: &str) -> Result<Self, RecordError> {
        let mut record: Self = read(json)?;
        if record.id != *id {
            return Err(RecordError::WrongId);
        }
        if record.algs.is_empty() {
            return Err(RecordError::NoAlgorithm);
        }
        if !MAX_AGES.contains(&Lifetime::from_seconds(record.max_age)) {
            return Err(RecordError::MaxAge);
        }
        if let IssuerKeys::Jwks(jwks) = &record.keys {
            record.uploaded = KeySet::read(jwks.get("keys"), record.platform.key_uses())
                .map_err(|why| RecordError::Malformed(why.to_string()))?;
        }
        Ok(record)
    }

    /// The keys of an uploaded JWKS. Empty if its keys are at a URL.
    pub fn uploaded(&self) -> &KeySet {
        &self.uploaded
    }

    /// The JSON that is stored.
    pub fn to_json(&self) -> String {
        json::of(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id() -> TrustedIssuerId {
        TrustedIssuerId::parse("https://id.example/").unwrap()
    }

    /// The record of an issuer with this member changed.
    fn with(name: &str, value: Value) -> Result<TrustedIssuer, RecordError> {
        let keys = IssuerKeys::JwksUri(KeySetUrl::parse("https://id.example/keys").unwrap());
        let record = TrustedIssuer::new(id(), "ID", Platform::Custom, keys);
        let mut record: Value = serde_json::from_str(&record.to_json()).unwrap();
        record[name] = value;
        TrustedIssuer::parse(&id(), &record.to_string())
    }

    #[test]
    fn an_identifier_is_a_url_of_https_or_of_this_machine() {
        let longest = format!("https://a/{}", "x".repeat(246));
        for good in ["https://a", "https://a/b#c", "http://127.0.0.1", "http://localhost:1/x", &longest] {
            assert_eq!(TrustedIssuerId::parse(good).map(|id| id.0).as_deref(), Ok(good));
        }
        let longer = format!("{longest}x");
        for other in
            ["", "https://", "https:///a", "http://a", "ftp://a", "https://a b", "https://a\"b", &longer]
        {
            assert_eq!(TrustedIssuerId::parse(other), Err(TrustedIssuerIdError), "{other}");
        }
        let local = TrustedIssuerId::parse("http://localhost/").unwrap();
        assert!(local.is_local() && !id().is_local());
        assert_eq!(
            (id().to_string(), id().kv_key()),
            ("https://id.example/".into(), "issuer:https://id.example/".into())
        );
    }

    #[test]
    fn a_record_that_cannot_be_used_says_why() {
        for (name, value, why) in [
            ("v", json!(2), RecordError::Version(2)),
            ("v", json!(0), RecordError::Version(0)),
            ("id", json!("https://other.example/"), RecordError::WrongId),
            ("algs", json!([]), RecordError::NoAlgorithm),
            ("max_age", json!(59), RecordError::MaxAge),
            ("max_age", json!(90_001), RecordError::MaxAge),
        ] {
            assert_eq!(with(name, value).err(), Some(why), "{name}");
        }
        for (name, value) in [("max_age", json!(60)), ("max_age", json!(90_000)), ("single_use", json!(true))]
        {
            let record = with(name, value).unwrap();
            assert_eq!(TrustedIssuer::parse(&id(), &record.to_json()).unwrap().to_json(), record.to_json());
        }
        assert!(matches!(with("keys", json!({ "jwks": {} })), Err(RecordError::Malformed(_))));
        assert!(matches!(with("more", json!(1)), Err(RecordError::Malformed(_))));
    }

    #[test]
    fn uploaded_keys_are_those_of_the_record() {
        let key =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let record = with("keys", json!({ "jwks": { "keys": [key, { "kty": "oct" }] } })).unwrap();
        assert_eq!(record.uploaded().keys().len(), 1);
        assert!(with("name", json!("x")).unwrap().uploaded().keys().is_empty());
    }
}
