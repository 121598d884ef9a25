//! Signing keys: read from secrets, and published without their private parts.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_compact::jwk::JsonWebKey;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;

/// A key that signs, from one secret `SIGNING_KEY_<NAME>`. The secret is a private JWK (RFC 7517) with `alg`,
/// `kid` (default: its RFC 7638 thumbprint) and `nbf` (the time from which it signs).
///
/// `Debug` shows only the `kid`.
pub struct SigningKey {
    pub(super) name: String,
    pub(super) kid: String,
    pub(super) alg: Algorithm,
    pub(super) nbf: u64,
    pub(super) public: serde_json::Value,
    private: Zeroizing<String>,
    /// The first segment of the JWTs that it signs: the JOSE header, which never changes.
    header: String,
    /// The same for JWT access tokens.
    access_token_header: String,
}

/// Why a secret is not a signing key. Contains nothing of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// Not a JWK of a known type.
    Malformed,
    /// A public or a symmetric key.
    NotPrivate,
    /// `alg` does not belong to `kty` and `crv`, or the issuer does not sign with them.
    Algorithm,
    /// A member has a wrong length, or the RSA modulus has fewer than 2048 bits (RFC 7518 §3.3).
    Length,
    /// `use` or `key_ops` says that the key is not for signing (RFC 7517 §4.2, §4.3).
    NotForSigning,
    /// A `kid` that is not 1 to 128 characters of printable ASCII.
    KeyId,
    /// Another key has the same `kid`.
    RepeatedKeyId,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is not a private JWK: `edgemint key generate` makes one",
            Self::NotPrivate => "has no private part: `edgemint key generate` makes a key that can sign",
            Self::Algorithm => "must be for ES256 (EC, P-256), RS256 (RSA) or EdDSA (OKP, Ed25519)",
            Self::Length => "has parts of a wrong length (RSA needs 2048 bits and more)",
            Self::NotForSigning => "is not for signing, according to its use or key_ops",
            Self::KeyId => "has a kid that is not 1 to 128 characters of printable ASCII",
            Self::RepeatedKeyId => "has the kid of another signing key",
        })
    }
}

impl std::error::Error for KeyError {}

#[derive(Deserialize)]
struct PrivateJwk {
    #[serde(flatten)]
    key: JsonWebKey<'static>,
    pub(super) alg: Option<String>,
    pub(super) kid: Option<String>,
    pub(super) nbf: Option<u64>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
}

#[derive(Serialize)]
struct PublicJwk<'a> {
    #[serde(flatten)]
    key: &'a JsonWebKey<'a>,
    r#use: &'a str,
    pub(super) alg: &'a str,
    pub(super) kid: &'a str,
}

fn jose_header(alg: Algorithm, kid: &str, typ: &str) -> String {
    let header = serde_json::json!({ "alg": alg.name(), "kid": kid, "typ": typ });
    URL_SAFE_NO_PAD.encode(header.to_string())
}

impl SigningKey {
    /// Reads the secret `name`.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn parse(name: &str, jwk: &str) -> Result<Self, KeyError> {
        let PrivateJwk { key, alg, kid, nbf, r#use, key_ops } =
            serde_json::from_str(jwk).map_err(|_| KeyError::Malformed)?;
        let is_for_signing = r#use.is_none_or(|purpose| purpose == "sig")
            && key_ops.is_none_or(|operations| operations.iter().any(|operation| operation == "sign"));
        if !is_for_signing {
            return Err(KeyError::NotForSigning);
        }
        let alg = algorithm_of(&key, alg.as_deref())?;
        let verifying = key.to_verifying_key();
        let kid = match kid {
            Some(kid) if SigningKey::is_key_id(&kid) => kid,
            Some(_) => return Err(KeyError::KeyId),
            None => URL_SAFE_NO_PAD.encode(verifying.thumbprint::<Sha256>()),
        };
        let public = PublicJwk { key: &verifying, r#use: "sig", alg: alg.name(), kid: &kid };
        let public = serde_json::to_value(public).map_err(|_| KeyError::Malformed)?;
        // Only the members of the key, because the secret may hold members that crypto.subtle would refuse.
        let private = Zeroizing::new(serde_json::to_string(&key).map_err(|_| KeyError::Malformed)?);
        let header = |typ: &str| jose_header(alg, &kid, typ);
        let (header, access_token_header) = (header("JWT"), header("at+jwt"));
        let (name, nbf) = (name.to_owned(), nbf.unwrap_or(0));
        Ok(Self { name, kid, alg, nbf, public, private, header, access_token_header })
    }

    /// The encoded JOSE header (RFC 7515 §4) of a JWT that is neither an ID token nor an access token. Its
    /// `typ` distinguishes it from both (RFC 8725 §3.11).
    pub(crate) fn header_of(&self, typ: &str) -> String {
        jose_header(self.alg, &self.kid, typ)
    }

    /// The encoded JOSE header (RFC 7515 §4) of its JWTs.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// The encoded JOSE header of its JWT access tokens (RFC 9068 §2.1).
    pub(crate) fn access_token_header(&self) -> &str {
        &self.access_token_header
    }

    /// Whether `text` may be a `kid`: 1 to 128 characters of printable ASCII.
    pub fn is_key_id(text: &str) -> bool {
        (1..=128).contains(&text.len()) && text.bytes().all(|c| matches!(c, 0x20..=0x7E))
    }

    /// The name of its secret.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's `kid`.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm that it signs with.
    pub fn alg(&self) -> Algorithm {
        self.alg
    }

    /// The time from which it signs, in seconds since 1970.
    pub fn nbf(&self) -> u64 {
        self.nbf
    }

    /// The public key as a JWK with only its key members, for the verifier.
    pub fn public_jwk(&self) -> String {
        let mut jwk = self.public.clone();
        if let Some(members) = jwk.as_object_mut() {
            for name in ["use", "alg", "kid"] {
                members.remove(name);
            }
        }
        jwk.to_string()
    }

    /// The private key as a JWK with only its key members. Only for the signer.
    pub fn private_jwk(&self) -> &str {
        &self.private
    }

    /// The member `d` of the private key, decoded. Other secrets are derived from it.
    pub(super) fn private_part(&self) -> Zeroizing<Vec<u8>> {
        /// Borrows from the text, so that no copy stays in memory.
        #[derive(Deserialize)]
        struct Private<'a> {
            d: &'a str,
        }
        #[expect(clippy::expect_used, reason = "`parse` wrote this text from a key with a private part")]
        let Private { d } = serde_json::from_str(&self.private).expect("it has d");
        #[expect(clippy::expect_used, reason = "`parse` wrote d")]
        let part = URL_SAFE_NO_PAD.decode(d).expect("it is base64url");
        Zeroizing::new(part)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

/// The algorithm, from the key itself. A stated `alg` must agree (RFC 8725 §3.1).
fn algorithm_of(key: &JsonWebKey<'_>, stated: Option<&str>) -> Result<Algorithm, KeyError> {
    let (alg, lengths_are_right) = match key {
        JsonWebKey::EllipticCurve { curve, x, y, secret } if curve == "P-256" => {
            let secret = secret.as_ref().ok_or(KeyError::NotPrivate)?;
            (Algorithm::Es256, x.len() == 32 && y.len() == 32 && secret.len() == 32)
        }
        JsonWebKey::Rsa { modulus, private_parts, .. } => {
            let _ = private_parts.as_ref().ok_or(KeyError::NotPrivate)?;
            (Algorithm::Rs256, bits(modulus) >= 2048)
        }
        JsonWebKey::KeyPair { curve, x, secret } if curve == "Ed25519" => {
            let secret = secret.as_ref().ok_or(KeyError::NotPrivate)?;
            (Algorithm::EdDsa, x.len() == 32 && secret.len() == 32)
        }
        JsonWebKey::Symmetric { .. } => return Err(KeyError::NotPrivate),
        JsonWebKey::EllipticCurve { .. } | JsonWebKey::KeyPair { .. } | _ => return Err(KeyError::Algorithm),
    };
    if stated.is_some_and(|stated| stated != alg.name()) {
        Err(KeyError::Algorithm)
    } else if lengths_are_right {
        Ok(alg)
    } else {
        Err(KeyError::Length)
    }
}

/// The length in bits of a big-endian number without leading zero bytes. 0 for a number that has them.
pub(crate) fn bits(number: &[u8]) -> usize {
    match number.first() {
        None | Some(0) => 0,
        Some(first) => number.len() * 8 - first.leading_zeros() as usize,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    // The keys of RFC 7515 A.3 and RFC 8037 A.1.
    pub(in crate::jose) const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

    pub(in crate::jose) const OKP: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

    pub(in crate::jose) fn with(jwk: &str, members: &str) -> String {
        jwk.replacen('{', &format!("{{{members},"), 1)
    }

    #[test]
    fn the_thumbprint_is_rfc_8037s() {
        let key = SigningKey::parse("A", OKP).unwrap();
        assert_eq!((key.name(), key.kid()), ("A", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn the_algorithm_is_the_keys_and_a_stated_one_must_agree() {
        assert_eq!(SigningKey::parse("A", EC).map(|k| k.alg()).ok(), Some(Algorithm::Es256));
        assert_eq!(
            SigningKey::parse("A", &with(EC, r#""alg":"ES256""#)).map(|k| k.alg()).ok(),
            Some(Algorithm::Es256)
        );
        for alg in ["RS256", "HS256", "none", "EdDSA", "es256"] {
            let jwk = with(EC, &format!(r#""alg":"{alg}""#));
            assert_eq!(SigningKey::parse("A", &jwk).err(), Some(KeyError::Algorithm), "{alg}");
        }
    }

    #[test]
    fn what_cannot_sign_is_refused() {
        let refused = |jwk: &str| SigningKey::parse("A", jwk).err();
        assert_eq!(refused("{}"), Some(KeyError::Malformed));
        assert_eq!(refused(r#"{"kty":"oct","k":"AAAA"}"#), Some(KeyError::NotPrivate));
        assert_eq!(refused(&EC.replace(",\"d\"", ",\"e\"")), Some(KeyError::NotPrivate));
        assert_eq!(refused(&EC.replace("P-256", "P-384")), Some(KeyError::Algorithm));
        assert_eq!(refused(&OKP.replace("\"x\":\"11qY", "\"x\":\"")), Some(KeyError::Length));
        assert_eq!(refused(&with(EC, r#""kid":"""#)), Some(KeyError::KeyId));
        assert_eq!(refused(&with(EC, r#""kty":"EC""#)), Some(KeyError::Malformed), "a repeated member");
        assert_eq!(refused(&with(EC, r#""use":"enc""#)), Some(KeyError::NotForSigning));
        assert_eq!(refused(&with(EC, r#""key_ops":["verify"]"#)), Some(KeyError::NotForSigning));
        assert_eq!(refused(&with(EC, r#""use":"sig","key_ops":["sign"]"#)), None);
    }

    #[test]
    fn each_part_of_a_key_has_its_length_and_a_public_key_is_none() {
        for (jwk, name) in [(EC, "x"), (EC, "y"), (EC, "d"), (OKP, "x"), (OKP, "d")] {
            let mut key: serde_json::Value = serde_json::from_str(jwk).unwrap();
            for other in ["AAAA".to_owned(), URL_SAFE_NO_PAD.encode([1; 33])] {
                key[name] = other.into();
                assert_eq!(
                    SigningKey::parse("A", &key.to_string()).err(),
                    Some(KeyError::Length),
                    "{name} of {jwk}"
                );
            }
        }
        for public in [EC.replace("\"d\"", "\"not_d\""), OKP.replace("\"d\"", "\"not_d\"")] {
            assert_eq!(SigningKey::parse("A", &public).err(), Some(KeyError::NotPrivate), "{public}");
        }
        let curve = OKP.replace("Ed25519", "X25519");
        assert_eq!(SigningKey::parse("A", &curve).err(), Some(KeyError::Algorithm));
    }

    #[test]
    fn a_key_id_is_1_to_128_printable_characters() {
        for (kid, is) in [("a", true), ("a b~", true), ("", false), ("é", false), ("a\u{7f}", false)] {
            assert_eq!(SigningKey::is_key_id(kid), is, "{kid}");
        }
        assert!(SigningKey::is_key_id(&"a".repeat(128)) && !SigningKey::is_key_id(&"a".repeat(129)));
        let kid = |kid: &str| SigningKey::parse("A", &with(EC, &format!(r#""kid":"{kid}""#)));
        assert_eq!(kid("mine").unwrap().kid(), "mine");
        assert_eq!(kid(&"a".repeat(129)).err(), Some(KeyError::KeyId));
        assert!(KeyError::KeyId.to_string().contains("kid"));
    }

    #[test]
    fn an_rsa_key_has_2048_bits_and_more() {
        let with_modulus = |first: u8, bytes: usize| {
            let mut modulus = vec![0xFF; bytes];
            modulus[0] = first;
            let n = URL_SAFE_NO_PAD.encode(modulus);
            let jwk = format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","d":"AQ","p":"AQ","q":"AQ"}}"#);
            SigningKey::parse("A", &jwk).err()
        };
        assert_eq!(with_modulus(0x80, 256), None);
        assert_eq!(with_modulus(0x01, 257), None);
        assert_eq!(with_modulus(0x7F, 256), Some(KeyError::Length), "2047 bits");
        assert_eq!(with_modulus(0x80, 128), Some(KeyError::Length), "1024 bits");
        assert_eq!(with_modulus(0x00, 257), Some(KeyError::Length), "RFC 7518 §6.3.1.1: no leading zero");
    }
}
