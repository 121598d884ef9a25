//! Signatures by fixed keys, made and verified by jwt-compact.

use std::cell::Cell;
use std::rc::Rc;

use edgemint_issuer::ports::{Signer, SlowHash, Verifier};
use edgemint_issuer::{Algorithm, SigningKey, Unavailable};
use jwt_compact::alg::{Ed25519, Es256, Rsa, RsaPrivateKey, RsaPublicKey};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{Algorithm as _, AlgorithmExt, AlgorithmSignature, UntrustedToken};
use serde_json::Value;

/// Signs like `crypto.subtle`, for tests.
#[derive(Default, Clone)]
pub struct TestCrypto {
    /// Whether all keys fail.
    pub broken: bool,
    /// How many slow hashes were computed, by this one and its clones.
    pub slow_hashes: Rc<Cell<u32>>,
    /// How many signatures by keys of others were verified, by this one and its clones.
    pub foreign_verifications: Rc<Cell<u32>>,
}

/// The private JWK of the test key for `alg`, with the members of `more`.
pub fn signing_key(alg: &str, more: &[(&str, Value)]) -> String {
    let text = match alg {
        "ES256" => include_str!("../keys/ES256.json"),
        "RS256" => include_str!("../keys/RS256.json"),
        "EdDSA" => include_str!("../keys/EdDSA.json"),
        _ => panic!("there is no test key for {alg}"),
    };
    let mut jwk: Value = serde_json::from_str(text).unwrap();
    for (name, value) in more {
        jwk[*name] = value.clone();
    }
    jwk.to_string()
}

impl Signer for TestCrypto {
    async fn prepare(&self, _: &SigningKey) -> Result<(), Unavailable> {
        if self.broken { Err(Unavailable::new("the keys are broken")) } else { Ok(()) }
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.prepare(key).await?;
        Ok(sign(key, input))
    }
}

/// The signature of `input` by `key`.
pub(crate) fn sign(key: &SigningKey, input: &[u8]) -> Vec<u8> {
    let jwk: JsonWebKey<'_> = serde_json::from_str(key.private_jwk()).unwrap();
    match key.alg() {
        Algorithm::Es256 => Es256.sign(&(&jwk).try_into().unwrap(), input).as_bytes().into_owned(),
        Algorithm::EdDsa => Ed25519.sign(&(&jwk).try_into().unwrap(), input).as_bytes().into_owned(),
        Algorithm::Rs256 => {
            let key = RsaPrivateKey::try_from(&jwk).unwrap();
            Rsa::rs256().sign(&key, input).as_bytes().into_owned()
        }
    }
}

impl Verifier for TestCrypto {
    async fn verify(&self, key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        self.prepare(key).await?;
        let jwk = key.public_jwk();
        let jwk: JsonWebKey<'_> = serde_json::from_str(&jwk).unwrap();
        assert!(!jwk.is_signing_key(), "a verifier needs no private key");
        Ok(match key.alg() {
            Algorithm::Es256 => is_by(&Es256, &(&jwk).try_into().unwrap(), input, signature),
            Algorithm::EdDsa => is_by(&Ed25519, &(&jwk).try_into().unwrap(), input, signature),
            Algorithm::Rs256 => {
                is_by(&Rsa::rs256(), &RsaPublicKey::try_from(&jwk).unwrap(), input, signature)
            }
        })
    }
}

pub(crate) fn is_by<A: jwt_compact::Algorithm>(
    alg: &A,
    key: &A::VerifyingKey,
    input: &[u8],
    signature: &[u8],
) -> bool {
    let signature = A::Signature::try_from_slice(signature);
    signature.is_ok_and(|signature| alg.verify_signature(&signature, key, input))
}

impl SlowHash for TestCrypto {
    async fn pbkdf2_sha256(
        &self,
        secret: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<[u8; 32], Unavailable> {
        self.slow_hashes.set(self.slow_hashes.get() + 1);
        Ok(edgemint_slow_hash::pbkdf2_sha256(secret, salt, iterations))
    }
}

/// The header and the claims of `token`, after its signature was verified with the key that `jwks` publishes
/// under its `kid`.
pub fn verify(jwks: &Value, token: &str) -> Result<(Value, Value), String> {
    let untrusted = UntrustedToken::new(token).map_err(|error| error.to_string())?;
    let kid = untrusted.header().key_id.clone().ok_or("no kid")?;
    let keys = jwks["keys"].as_array().ok_or("no keys")?;
    let key = keys.iter().find(|key| key["kid"] == kid.as_str()).ok_or("the kid is not published")?;
    if key["alg"] != untrusted.algorithm() {
        return Err(format!("alg {} is not the key's", untrusted.algorithm()));
    }
    let jwk: JsonWebKey<'_> = serde_json::from_value(key.clone()).map_err(|error| error.to_string())?;
    if jwk.is_signing_key() {
        return Err("a private key is published".into());
    }
    let claims = match untrusted.algorithm() {
        "ES256" => Es256.validator(&(&jwk).try_into().unwrap()).validate(&untrusted).map(into_claims),
        "EdDSA" => Ed25519.validator(&(&jwk).try_into().unwrap()).validate(&untrusted).map(into_claims),
        "RS256" => {
            let key = RsaPublicKey::try_from(&jwk).unwrap();
            Rsa::rs256().validator(&key).validate(&untrusted).map(into_claims)
        }
        other => return Err(format!("alg {other}")),
    };
    let header = token.split('.').next().unwrap_or_default();
    Ok((decode(header)?, claims.map_err(|error| error.to_string())?))
}

/// All claims as signed. jwt-compact separates some of them.
fn into_claims(token: jwt_compact::Token<serde_json::Map<String, Value>>) -> Value {
    let (_, claims) = token.into_parts();
    let mut all = claims.custom;
    if let Some(time) = claims.expiration {
        all.insert("exp".into(), time.timestamp().into());
    }
    if let Some(time) = claims.issued_at {
        all.insert("iat".into(), time.timestamp().into());
    }
    if let Some(time) = claims.not_before {
        all.insert("nbf".into(), time.timestamp().into());
    }
    Value::Object(all)
}

fn decode(segment: &str) -> Result<Value, String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}
