//! Public keys of others (RFC 7517): read strictly, and written anew with only their key members.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::grammar::members::Unique;
use crate::jose::signature_algorithm::{KeyType, SignatureAlgorithm};
use crate::jose::signing_key::{SigningKey, bits};

/// The members of private and of symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key of a client or of a trusted issuer.
///
/// The runtime that verifies signatures checks neither the curve of an EC key, nor the size and the exponent
/// of an RSA key. So this type does, and the runtime gets only the members that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kid: Option<String>,
    key_type: KeyType,
    alg: Option<SignatureAlgorithm>,
    /// The length of an RSA modulus in bytes, else 0.
    modulus: usize,
    jwk: String,
    thumbprint: String,
}

/// Why a JWK is not a usable public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKeyError {
    /// Not a JSON object with the members of its type.
    Malformed,
    /// It has a private part, or is a symmetric key.
    Private,
    /// `kty` or `crv` of no supported algorithm.
    Type,
    /// `alg` is not supported, or does not belong to `kty` and `crv`.
    Algorithm,
    /// `use` or `key_ops` says that the key is not for verifying signatures (RFC 7517 §4.2, §4.3).
    Use,
    /// A coordinate or a number that is not written in its canonical form (RFC 7638 §3.2, §3.3).
    Member,
    /// An RSA modulus of fewer than 2048 or more than 4096 bits.
    RsaSize,
    /// An RSA exponent that is even, less than 3, or more than 32 bits long.
    RsaExponent,
    /// A `kid` that is not 1 to 128 characters of printable ASCII.
    KeyId,
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not a JWK with the members of its type",
            Self::Private => "it has a private part: register only the public key",
            Self::Type => "its type is not EC (P-256, P-384), OKP (Ed25519) or RSA",
            Self::Algorithm => "its alg is not supported, or does not belong to its kty and crv",
            Self::Use => "its use or key_ops says that it does not verify signatures",
            Self::Member => "a number in it has a wrong length, padding or leading zeros",
            Self::RsaSize => "an RSA key has 2048 to 4096 bits",
            Self::RsaExponent => "an RSA exponent is odd, at least 3, and at most 32 bits long",
            Self::KeyId => "its kid is not 1 to 128 characters of printable ASCII",
        })
    }
}

impl std::error::Error for PublicKeyError {}

impl PublicKey {
    /// Reads a JWK. `uses` are the accepted values of `use`.
    ///
    /// # Errors
    ///
    /// See [`PublicKeyError`].
    pub(crate) fn read(jwk: &Value, uses: &[&str]) -> Result<Self, PublicKeyError> {
        let members = jwk.as_object().ok_or(PublicKeyError::Malformed)?;
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(PublicKeyError::Private);
        }
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(PublicKeyError::Malformed),
        };
        if text("use")?.is_some_and(|purpose| !uses.contains(&purpose)) {
            return Err(PublicKeyError::Use);
        }
        if let Some(operations) = members.get("key_ops") {
            let operations = operations.as_array().ok_or(PublicKeyError::Malformed)?;
            if !operations.iter().any(|operation| operation == "verify") {
                return Err(PublicKeyError::Use);
            }
        }
        let kid = text("kid")?.map(str::to_owned);
        if kid.as_ref().is_some_and(|kid| !SigningKey::is_key_id(kid)) {
            return Err(PublicKeyError::KeyId);
        }
        let number = |name: &str| {
            let encoded = text(name)?.ok_or(PublicKeyError::Malformed)?;
            let number = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| PublicKeyError::Member)?;
            Ok((encoded, number))
        };
        let coordinate = |name: &str, length: usize| {
            let (encoded, number) = number(name)?;
            if number.len() == length { Ok(encoded) } else { Err(PublicKeyError::Member) }
        };
        // The members of RFC 7638 §3.2 in its order. The values need no escaping, because they are base64url.
        let (key_type, modulus, jwk) = match (text("kty")?, text("crv")?) {
            (Some("EC"), Some(crv @ ("P-256" | "P-384"))) => {
                let (key_type, length) =
                    if crv == "P-256" { (KeyType::P256, 32) } else { (KeyType::P384, 48) };
                let (x, y) = (coordinate("x", length)?, coordinate("y", length)?);
                (key_type, 0, format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#))
            }
            (Some("OKP"), Some("Ed25519")) => {
                let x = coordinate("x", 32)?;
                (KeyType::Ed25519, 0, format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#))
            }
            (Some("RSA"), None) => {
                let ((e, exponent), (n, modulus)) = (number("e")?, number("n")?);
                if bits(&exponent) == 0 || bits(&modulus) == 0 {
                    return Err(PublicKeyError::Member);
                }
                if !(2048..=4096).contains(&bits(&modulus)) {
                    return Err(PublicKeyError::RsaSize);
                }
                let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
                if !is_odd || !(2..=32).contains(&bits(&exponent)) {
                    return Err(PublicKeyError::RsaExponent);
                }
                (KeyType::Rsa, modulus.len(), format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
            }
            _ => return Err(PublicKeyError::Type),
        };
        let alg = match text("alg")? {
            None => None,
            Some(name) => Some(
                SignatureAlgorithm::named(name)
                    .filter(|alg| alg.key_type() == key_type)
                    .ok_or(PublicKeyError::Algorithm)?,
            ),
        };
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&jwk));
        Ok(Self { kid, key_type, alg, modulus, jwk, thumbprint })
    }

    /// Reads the public JWK of a client.
    ///
    /// # Errors
    ///
    /// See [`PublicKeyError`].
    pub fn parse(jwk: &str) -> Result<Self, PublicKeyError> {
        let Unique(jwk) = serde_json::from_str(jwk).map_err(|_| PublicKeyError::Malformed)?;
        Self::read(&jwk, &["sig"])
    }

    /// The stated key ID, if there is one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The stated algorithm, or the only one of its type. `None` for an RSA key that does not state one.
    pub fn alg(&self) -> Option<SignatureAlgorithm> {
        self.alg.or(match self.key_type {
            KeyType::P256 => Some(SignatureAlgorithm::Es256),
            KeyType::P384 => Some(SignatureAlgorithm::Es384),
            KeyType::Ed25519 => Some(SignatureAlgorithm::EdDsa),
            KeyType::Rsa => None,
        })
    }

    /// Whether it can verify signatures of `alg`. An RSA key without a stated algorithm serves each of RSA's.
    pub fn serves(&self, alg: SignatureAlgorithm) -> bool {
        self.key_type == alg.key_type() && self.alg.is_none_or(|stated| stated == alg)
    }

    /// Whether a signature by this key can have this many bytes.
    pub(crate) fn may_have_signed(&self, signature: &[u8]) -> bool {
        self.modulus == 0 || self.modulus == signature.len()
    }

    /// The key as a JWK with only its key members, in the order of RFC 7638 §3.2. For the verifier.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// The SHA-256 thumbprint (RFC 7638 §3) in base64url. It identifies the key itself, whatever its `kid`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The bytes on the heap, for a memory of limited size.
    pub(crate) fn weight(&self) -> usize {
        self.jwk.capacity() + self.thumbprint.capacity() + self.kid.as_ref().map_or(0, String::capacity)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let jwk: Value = serde_json::from_str(&self.jwk).map_err(serde::ser::Error::custom)?;
        jwk.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unique(jwk) = Unique::deserialize(deserializer)?;
        Self::read(&jwk, &["sig"]).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The RSA key of RFC 7638 §3.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn read(jwk: &Value) -> Result<PublicKey, PublicKeyError> {
        PublicKey::read(jwk, &["sig"])
    }

    fn ec() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" })
    }

    fn okp() -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    fn rsa() -> Value {
        json!({ "kty": "RSA", "n": N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" })
    }

    #[test]
    fn thumbprints_are_those_of_the_standards() {
        // RFC 7638 §3.1, RFC 8037 A.3, RFC 9449 figure 8.
        for (jwk, thumbprint) in [
            (rsa(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (okp(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
            (ec(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
        ] {
            let key = read(&jwk).expect("a key");
            assert_eq!(key.thumbprint(), thumbprint);
            // Only the key counts.
            let mut other = jwk.clone();
            other["kid"] = "other".into();
            other["extra"] = json!({ "a": 1 });
            assert_eq!(read(&other).expect("a key").thumbprint(), thumbprint);
            assert_eq!(serde_json::to_string(&key).expect("JSON"), key.jwk());
        }
    }

    #[test]
    fn a_key_serves_only_its_algorithm() {
        use SignatureAlgorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
        let serves = |jwk: &Value| {
            let key = read(jwk).expect("a key");
            SignatureAlgorithm::ALL.into_iter().filter(|alg| key.serves(*alg)).collect::<Vec<_>>()
        };
        assert_eq!(serves(&ec()), [Es256]);
        assert_eq!(serves(&okp()), [EdDsa]);
        assert_eq!(serves(&rsa()), [Rs256]);
        let mut open = rsa();
        open.as_object_mut().expect("an object").remove("alg");
        assert_eq!(serves(&open), [Ps256, Rs256]);
        assert_eq!(
            (read(&open).expect("a key").alg(), read(&ec()).expect("a key").alg()),
            (None, Some(Es256))
        );
        let p384 = json!({ "kty": "EC", "crv": "P-384", "x": "A".repeat(64), "y": "A".repeat(64) });
        assert_eq!(serves(&p384), [Es384]);
        let mut named = okp();
        named["alg"] = "Ed25519".into();
        assert_eq!(serves(&named), [EdDsa]);
    }

    #[test]
    fn every_other_member_is_refused() {
        use PublicKeyError::{Algorithm, KeyId, Malformed, Member, Private, RsaExponent, RsaSize, Type, Use};
        let short = URL_SAFE_NO_PAD.encode([0x80; 255]);
        let long = URL_SAFE_NO_PAD.encode([0xFF; 513]);
        for (jwk, name, value, why) in [
            (ec(), "kty", json!("oct"), Type),
            (ec(), "kty", json!(7), Malformed),
            (ec(), "crv", json!("P-521"), Type),
            (ec(), "crv", json!("P-384"), Member),
            (ec(), "x", json!("AA"), Member),
            (ec(), "x", json!("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs="), Member),
            (ec(), "x", json!("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFt"), Member),
            (ec(), "x", json!(7), Malformed),
            (ec(), "y", json!(null), Malformed),
            (ec(), "alg", json!("ES384"), Algorithm),
            (ec(), "alg", json!("none"), Algorithm),
            (ec(), "use", json!("enc"), Use),
            (ec(), "use", json!("jwt-svid"), Use),
            (ec(), "use", json!(7), Malformed),
            (ec(), "key_ops", json!(["sign"]), Use),
            (ec(), "key_ops", json!("verify"), Malformed),
            (ec(), "kid", json!(""), KeyId),
            (ec(), "kid", json!("x".repeat(129)), KeyId),
            (ec(), "kid", json!("a\nb"), KeyId),
            (okp(), "crv", json!("X25519"), Type),
            (okp(), "x", json!("AA"), Member),
            (rsa(), "crv", json!("P-256"), Type),
            (rsa(), "n", json!(short), RsaSize),
            (rsa(), "n", json!(long), RsaSize),
            (rsa(), "n", json!(format!("AA{N}")), Member),
            (rsa(), "n", json!(""), Member),
            (rsa(), "e", json!("AQ"), RsaExponent),
            (rsa(), "e", json!("Ag"), RsaExponent),
            (rsa(), "e", json!("AQABAA"), RsaExponent),
            (rsa(), "e", json!("AQAAAAE"), RsaExponent),
            (rsa(), "e", json!("AAEAAQ"), Member),
            (rsa(), "alg", json!("ES256"), Algorithm),
            (rsa(), "alg", json!("HS256"), Algorithm),
        ] {
            let mut jwk = jwk;
            jwk[name] = value.clone();
            assert_eq!(read(&jwk), Err(why), "{name}: {value}");
        }
        for name in PRIVATE {
            let mut jwk = rsa();
            jwk[name] = "AQ".into();
            assert_eq!(read(&jwk), Err(Private), "{name}");
        }
        for other in [json!(null), json!([]), json!("x")] {
            assert_eq!(read(&other), Err(Malformed));
        }
        assert_eq!(PublicKey::parse(r#"{"kty":"OKP","kty":"OKP"}"#), Err(Malformed));
        for (good, name, value) in [
            (ec(), "use", json!("sig")),
            (ec(), "key_ops", json!(["sign", "verify"])),
            (rsa(), "e", json!("Aw")),
            (rsa(), "e", json!("_____w")),
            (rsa(), "n", json!(URL_SAFE_NO_PAD.encode([0xFF; 512]))),
        ] {
            let mut jwk = good;
            jwk[name] = value;
            assert!(read(&jwk).is_ok(), "{jwk}");
        }
    }

    #[test]
    fn the_weight_counts_every_text() {
        let key = read(&ec()).expect("a key");
        let texts = key.jwk().len() + key.thumbprint().len();
        assert!((texts..2 * texts).contains(&key.weight()));
        let mut named = ec();
        named["kid"] = "x".repeat(128).into();
        assert_eq!(read(&named).expect("a key").weight(), key.weight() + 128);
    }

    #[test]
    fn the_length_of_an_rsa_signature_is_that_of_the_modulus() {
        let key = read(&rsa()).expect("a key");
        assert!(
            key.may_have_signed(&[0; 256]) && !key.may_have_signed(&[0; 257]) && !key.may_have_signed(&[])
        );
        assert!(read(&ec()).expect("a key").may_have_signed(&[0; 64]));
    }
}
