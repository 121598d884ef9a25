//! Keys of clients and platforms, and signatures by them: made and verified by libraries that the issuer does not use.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::ports::ForeignVerifier;
use edgemint_issuer::{PublicKey, SignatureAlgorithm, Unavailable, Verdict};
use jwt_compact::alg::{Ed25519, Es256, Rsa, RsaPrivateKey, RsaPublicKey};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{Algorithm as _, AlgorithmSignature as _};
use p384::ecdsa::signature::{Signer as _, Verifier as _};
use serde_json::Value;

use crate::crypto::{TestCrypto, is_by};

/// The names of the keys.
const NAMES: [&str; 7] = [
    "signer-ES256",
    "other-ES256",
    "signer-EdDSA",
    "signer-RSA",
    "platform-RSA",
    "platform-ES256",
    "platform-ES384",
];

/// The private JWK with this name in `keys/others.json`, such as `signer-ES256`.
pub fn private_key(name: &str) -> Value {
    static ALL: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(include_str!("../keys/others.json")).unwrap());
    let all = &*ALL;
    assert!(all[name].is_object(), "there is no key {name}");
    all[name].clone()
}

/// The public JWK of [`private_key`], with the members of `more`.
pub fn public_key(name: &str, more: &[(&str, Value)]) -> Value {
    let mut jwk = private_key(name);
    jwk.as_object_mut()
        .unwrap()
        .retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
    for (name, value) in more {
        jwk[*name] = value.clone();
    }
    jwk
}

/// The JWS signature of `input` with `alg` by a private JWK.
pub fn sign_with(alg: SignatureAlgorithm, jwk: &Value, input: &[u8]) -> Vec<u8> {
    if alg == SignatureAlgorithm::Es384 {
        let key = p384::ecdsa::SigningKey::from_slice(&coordinate(jwk, "d")).unwrap();
        let signature: p384::ecdsa::Signature = key.sign(input);
        return signature.to_bytes().to_vec();
    }
    let jwk: JsonWebKey<'_> = serde_json::from_value(jwk.clone()).unwrap();
    match alg {
        SignatureAlgorithm::Es256 => Es256.sign(&(&jwk).try_into().unwrap(), input).as_bytes().into_owned(),
        SignatureAlgorithm::EdDsa => Ed25519.sign(&(&jwk).try_into().unwrap(), input).as_bytes().into_owned(),
        SignatureAlgorithm::Rs256 => Rsa::rs256().sign(&rsa_key(&jwk), input).as_bytes().into_owned(),
        SignatureAlgorithm::Ps256 => Rsa::ps256().sign(&rsa_key(&jwk), input).as_bytes().into_owned(),
        SignatureAlgorithm::Es384 => unreachable!("handled above"),
    }
}

/// The RSA key in a private JWK. Each key is read only once, because that takes the time of ten signatures.
fn rsa_key(jwk: &JsonWebKey<'_>) -> RsaPrivateKey {
    thread_local! {
        static READ: RefCell<HashMap<[u8; 32], RsaPrivateKey>> = RefCell::default();
    }
    let name: [u8; 32] = jwk.thumbprint::<sha2::Sha256>().into();
    READ.with_borrow_mut(|read| {
        read.entry(name).or_insert_with(|| RsaPrivateKey::try_from(jwk).unwrap()).clone()
    })
}

fn coordinate(jwk: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
}

/// Whether `signature` is by the public JWK. `None` if the key is not valid.
fn verify_with(alg: SignatureAlgorithm, jwk: &str, input: &[u8], signature: &[u8]) -> Option<bool> {
    let value: Value = serde_json::from_str(jwk).ok()?;
    if alg == SignatureAlgorithm::Es384 {
        let point = [vec![4], coordinate(&value, "x"), coordinate(&value, "y")].concat();
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
        let signature = p384::ecdsa::Signature::from_slice(signature);
        return Some(signature.is_ok_and(|signature| key.verify(input, &signature).is_ok()));
    }
    let jwk: JsonWebKey<'_> = serde_json::from_value(value).ok()?;
    Some(match alg {
        SignatureAlgorithm::Es256 => is_by(&Es256, &(&jwk).try_into().ok()?, input, signature),
        SignatureAlgorithm::EdDsa => is_by(&Ed25519, &(&jwk).try_into().ok()?, input, signature),
        SignatureAlgorithm::Rs256 => {
            is_by(&Rsa::rs256(), &RsaPublicKey::try_from(&jwk).ok()?, input, signature)
        }
        SignatureAlgorithm::Ps256 => {
            is_by(&Rsa::ps256(), &RsaPublicKey::try_from(&jwk).ok()?, input, signature)
        }
        SignatureAlgorithm::Es384 => unreachable!("handled above"),
    })
}

/// Whether one of the keys in `keys/others.json` signed `token`, with the algorithm in its header.
pub fn is_signed_by_others(token: &str) -> bool {
    let Some((input, signature)) = token.rsplit_once('.') else { return false };
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let header = input.split('.').next().and_then(decoded);
    let header = header.and_then(|json| serde_json::from_slice::<Value>(&json).ok()).unwrap_or_default();
    let alg = header["alg"].as_str().and_then(SignatureAlgorithm::named);
    let (Some(alg), Some(signature)) = (alg, decoded(signature)) else { return false };
    NAMES.iter().map(|name| public_key(name, &[]).to_string()).any(|jwk| {
        PublicKey::parse(&jwk).is_ok_and(|key| key.serves(alg))
            && verify_with(alg, &jwk, input.as_bytes(), &signature) == Some(true)
    })
}

impl ForeignVerifier for TestCrypto {
    async fn verify_foreign(
        &self,
        key: &PublicKey,
        alg: SignatureAlgorithm,
        input: &[u8],
        signature: &[u8],
    ) -> Result<Verdict, Unavailable> {
        assert!(key.serves(alg), "the issuer asks only for algorithms of the key");
        self.foreign_verifications.set(self.foreign_verifications.get() + 1);
        if self.broken {
            return Err(Unavailable::new("the keys are broken"));
        }
        Ok(match verify_with(alg, key.jwk(), input, signature) {
            Some(true) => Verdict::Valid,
            Some(false) => Verdict::Invalid,
            None => Verdict::UnusableKey,
        })
    }
}

/// Implements the port of the location's cache, for a store of a test without one.
#[macro_export]
macro_rules! store_without_location {
    ($store:ty) => {
        impl edgemint_issuer::ports::LocationCache for $store {}
    };
}

/// Implements the ports for trusted issuers and their keys, for a store of a test without any.
#[macro_export]
macro_rules! store_without_issuers {
    ($store:ty) => {
        impl edgemint_issuer::ports::IssuerStore for $store {
            async fn find_issuer(
                &self,
                _: &edgemint_issuer::TrustedIssuerId,
            ) -> Result<Option<String>, edgemint_issuer::Unavailable> {
                Ok(None)
            }
        }

        impl edgemint_issuer::ports::KeySource for $store {
            async fn fetch_keys(
                &self,
                _: &edgemint_issuer::KeySetUrl,
            ) -> Result<String, edgemint_issuer::Unavailable> {
                Err(edgemint_issuer::Unavailable::new("there are no keys of others"))
            }
        }
    };
}

/// Implements the verifier of keys of others, for the cryptography of a test without any.
#[macro_export]
macro_rules! crypto_without_others {
    ($crypto:ty) => {
        impl edgemint_issuer::ports::ForeignVerifier for $crypto {
            async fn verify_foreign(
                &self,
                _: &edgemint_issuer::PublicKey,
                _: edgemint_issuer::SignatureAlgorithm,
                _: &[u8],
                _: &[u8],
            ) -> Result<edgemint_issuer::Verdict, edgemint_issuer::Unavailable> {
                Ok(edgemint_issuer::Verdict::Invalid)
            }
        }
    };
}
