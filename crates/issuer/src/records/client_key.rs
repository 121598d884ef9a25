//! The public keys of a client, for assertions that it signs itself (RFC 7523 §2.2, `private_key_jwt`).

use serde::{Deserialize, Serialize};

use crate::grammar::duration::Lifetime;
use crate::jose::public_key::PublicKey;
use crate::jose::signature_algorithm::SignatureAlgorithm;
use crate::jose::signing_key::SigningKey;
use crate::records::schema::RecordError;

/// The most keys of one client.
pub const MAX_CLIENT_KEYS: usize = 8;

/// The longest lifetime of a client's assertions, if the client has no other one.
pub const DEFAULT_ASSERTION_LIFETIME: Lifetime = Lifetime::from_seconds(300);

/// The shortest maximum that a client can have for the lifetime of its assertions.
pub const SHORTEST_ASSERTION_LIFETIME: Lifetime = Lifetime::from_seconds(30);

/// The longest maximum that a client can have for the lifetime of its assertions.
pub const LONGEST_ASSERTION_LIFETIME: Lifetime = Lifetime::from_seconds(3600);

/// One of a client's public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientKey {
    /// The key ID: the `kid` in the header of assertions, and the name of the key in logs and commands.
    /// Unique within the record.
    pub kid: String,
    /// The algorithm that it signs with.
    pub alg: SignatureAlgorithm,
    /// The public key.
    pub jwk: PublicKey,
    /// The time at which it was added, in seconds since 1970.
    pub created: u64,
    /// The time from which it no longer works, in seconds since 1970.
    pub expires: Option<u64>,
}

impl ClientKey {
    /// Whether it works at `now`, in seconds since 1970. It works before the second at which it expires, but
    /// not at that second.
    pub fn is_live(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// The audience that a client's assertions may have in addition to the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The URL of the token endpoint, as many client libraries send it.
    TokenEndpoint,
}

/// Checks the keys of a record.
pub(super) fn check_keys(keys: &[ClientKey]) -> Result<(), RecordError> {
    if keys.len() > MAX_CLIENT_KEYS {
        return Err(RecordError::TooManyKeys);
    }
    for (i, key) in keys.iter().enumerate() {
        if keys.iter().take(i).any(|earlier| earlier.kid == key.kid) {
            return Err(RecordError::RepeatedKeyId);
        }
        let is_of_clients = SignatureAlgorithm::OF_CLIENTS.contains(&key.alg) && key.jwk.serves(key.alg);
        if !is_of_clients || !SigningKey::is_key_id(&key.kid) {
            return Err(RecordError::ClientKey);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OKP: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn key(kid: &str) -> ClientKey {
        let jwk = PublicKey::parse(OKP).unwrap();
        ClientKey { kid: kid.to_owned(), alg: SignatureAlgorithm::EdDsa, jwk, created: 1, expires: None }
    }

    #[test]
    fn a_key_works_until_the_second_at_which_it_expires() {
        let ends = |expires| ClientKey { expires, ..key("a") };
        assert!(ends(Some(1000)).is_live(999));
        assert!(!ends(Some(1000)).is_live(1000) && !ends(Some(1000)).is_live(1001));
        assert!(ends(None).is_live(u64::MAX));
    }

    #[test]
    fn a_client_has_at_most_eight_keys() {
        let several = |n: usize| -> Vec<_> { (0..n).map(|i| key(&i.to_string())).collect() };
        for n in [0, 1, MAX_CLIENT_KEYS] {
            assert_eq!(check_keys(&several(n)), Ok(()), "{n}");
        }
        for n in [MAX_CLIENT_KEYS + 1, 100] {
            assert_eq!(check_keys(&several(n)), Err(RecordError::TooManyKeys), "{n}");
        }
    }

    #[test]
    fn a_key_has_its_own_id_and_an_algorithm_that_it_serves() {
        assert_eq!(check_keys(&[key("a"), key("b"), key("a")]), Err(RecordError::RepeatedKeyId));
        let p384 = format!(r#"{{"kty":"EC","crv":"P-384","x":"{0}","y":"{0}"}}"#, "A".repeat(64));
        let p384 = PublicKey::parse(&p384).unwrap();
        for other in [
            key(""),
            key("a\nb"),
            ClientKey { alg: SignatureAlgorithm::Es256, ..key("b") },
            // No client signs with this algorithm.
            ClientKey { alg: SignatureAlgorithm::Es384, jwk: p384, ..key("b") },
        ] {
            assert_eq!(check_keys(&[key("a"), other.clone()]), Err(RecordError::ClientKey), "{other:?}");
        }
    }
}
