//! A set of public keys of others (RFC 7517 §5).

use serde_json::Value;

use crate::grammar::members::members;
use crate::jose::public_key::{PublicKey, PublicKeyError};
use crate::jose::signature_algorithm::SignatureAlgorithm;

/// The most keys that are used of one set.
const MAX_KEYS: usize = 32;

/// The most keys that are tried for one signature. Each costs a verification.
pub(crate) const MAX_TRIES: usize = 4;

/// The usable keys of a set.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<PublicKey>);

/// Why a text is not a set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySetError;

impl std::fmt::Display for KeySetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is not a JWK set: a JSON object with a list `keys`")
    }
}

impl std::error::Error for KeySetError {}

/// The items of the member `keys` (RFC 7517 §5.1).
fn listed(keys: Option<&Value>) -> Result<&Vec<Value>, KeySetError> {
    keys.and_then(Value::as_array).ok_or(KeySetError)
}

impl KeySet {
    /// Reads a JWKS. Skips the keys that cannot be used (RFC 7517 §5), and those after the first 32 that can.
    ///
    /// # Errors
    ///
    /// If it is not a JWKS at all.
    pub fn parse(json: &str, uses: &[&str]) -> Result<Self, KeySetError> {
        Self::read(members(json.as_bytes()).ok_or(KeySetError)?.get("keys"), uses)
    }

    /// The same, from the value of `keys`.
    pub(crate) fn read(keys: Option<&Value>, uses: &[&str]) -> Result<Self, KeySetError> {
        Ok(Self(
            listed(keys)?.iter().filter_map(|jwk| PublicKey::read(jwk, uses).ok()).take(MAX_KEYS).collect(),
        ))
    }

    /// The keys that may have signed with `alg` under `kid`: at most four.
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        alg: SignatureAlgorithm,
    ) -> impl Iterator<Item = &PublicKey> {
        let is_named = move |key: &&PublicKey| kid.is_none_or(|kid| key.kid() == Some(kid));
        self.0.iter().filter(is_named).filter(move |key| key.serves(alg)).take(MAX_TRIES)
    }

    /// The usable keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    /// The bytes on the heap, for a memory of limited size.
    pub(crate) fn weight(&self) -> usize {
        self.0.iter().map(|key| key.weight() + size_of::<PublicKey>()).sum()
    }

    /// The first reason why a key of `json` cannot be used, for the operator who registers the set.
    ///
    /// # Errors
    ///
    /// If it is not a JWKS at all.
    pub fn first_flaw(json: &str) -> Result<Option<PublicKeyError>, KeySetError> {
        let set = members(json.as_bytes()).ok_or(KeySetError)?;
        Ok(listed(set.get("keys"))?.iter().find_map(|jwk| PublicKey::read(jwk, &["sig", "jwt-svid"]).err()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(kid: &str) -> Value {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid })
    }

    fn set(keys: &[Value]) -> String {
        json!({ "keys": keys }).to_string()
    }

    #[test]
    fn the_first_key_that_cannot_be_used_is_told() {
        let (private, other) = (json!({ "kty": "oct", "k": "AA" }), json!({ "kty": "new" }));
        for (keys, flaw) in [
            (&[][..], None),
            (&[key("a"), key("b")], None),
            (&[key("a"), other.clone(), private.clone()], Some(PublicKeyError::Type)),
            (&[private, other], Some(PublicKeyError::Private)),
        ] {
            assert_eq!(KeySet::first_flaw(&set(keys)), Ok(flaw), "{keys:?}");
        }
        for (purpose, flaw) in [("sig", None), ("jwt-svid", None), ("enc", Some(PublicKeyError::Use))] {
            let mut key = key("a");
            key["use"] = purpose.into();
            assert_eq!(KeySet::first_flaw(&set(&[key])), Ok(flaw), "{purpose}");
        }
        for other in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            assert_eq!(KeySet::first_flaw(other), Err(KeySetError), "{other}");
            assert_eq!(KeySet::parse(other, &["sig"]).err(), Some(KeySetError), "{other}");
        }
    }

    #[test]
    fn of_many_keys_the_first_usable_ones_are_used() {
        let many: Vec<Value> =
            std::iter::once(json!({ "kty": "new" })).chain((0..40).map(|i| key(&i.to_string()))).collect();
        let all = KeySet::parse(&set(&many), &["sig"]).unwrap();
        assert_eq!(all.keys().len(), MAX_KEYS);
        let named = |kid| {
            all.candidates(kid, SignatureAlgorithm::EdDsa).filter_map(PublicKey::kid).collect::<Vec<_>>()
        };
        assert_eq!(named(None), ["0", "1", "2", "3"]);
        assert_eq!(named(Some("31")), ["31"]);
        assert!(named(Some("32")).is_empty());
        assert_eq!(all.candidates(None, SignatureAlgorithm::Es256).count(), 0);
    }

    #[test]
    fn the_weight_counts_every_key() {
        let weight = |n: usize| KeySet::parse(&set(&vec![key("a"); n]), &["sig"]).unwrap().weight();
        assert_eq!(weight(0), 0);
        let one = PublicKey::read(&key("a"), &["sig"]).unwrap();
        assert_eq!(weight(1), one.weight() + size_of::<PublicKey>());
        assert_eq!(weight(3), 3 * weight(1));
    }
}
