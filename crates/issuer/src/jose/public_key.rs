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
