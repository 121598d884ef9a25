//! Signatures and slow hashes by the runtime's `crypto.subtle`: more than ten times faster than in wasm.

use std::cell::RefCell;
use std::collections::HashMap;

use edgemint_issuer::ports::{ForeignVerifier, Signer, SlowHash, Verifier};
use edgemint_issuer::{PublicKey, SignatureAlgorithm, SigningKey, Unavailable, Verdict};
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::steps::{Settled, settled};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn import_key(alg: &str, jwk: &str) -> Promise;
    fn sign(key: &JsValue, input: &[u8]) -> Promise;
    fn import_public_key(alg: &str, jwk: &str) -> Promise;
    fn verify(key: &JsValue, signature: &[u8], input: &[u8]) -> Promise;
    fn verify_once(alg: &str, jwk: &str, signature: &[u8], input: &[u8]) -> Promise;
    fn pbkdf2(secret: &[u8], salt: &[u8], iterations: u32) -> Promise;
}

/// The keys of this isolate by `kid`, imported on first use. The private ones are not extractable.
#[derive(Default)]
pub(crate) struct WebCrypto {
    private: Imported,
    public: Imported,
    /// The keys of others, by their algorithm and thumbprint. Never by `kid`: two clients may use the same one.
    foreign: RefCell<HashMap<(SignatureAlgorithm, String), JsValue>>,
}

/// The most keys of others that stay imported.
const MAX_FOREIGN: usize = 200;

type Imported = RefCell<HashMap<String, JsValue>>;

/// The cached key, or else a newly imported one.
///
/// Two concurrent requests may both import. Neither waits for a promise of the other, because the runtime
/// would cancel that promise together with its request.
async fn imported(
    known: &Imported,
    key: &SigningKey,
    import: impl FnOnce() -> Promise,
) -> Result<JsValue, Unavailable> {
    if let Some(known) = known.borrow().get(key.kid()) {
        return Ok(known.clone());
    }
    match settled(import()).await {
        Ok(Settled::Value(imported)) => {
            known.borrow_mut().insert(key.kid().to_owned(), imported.clone());
            Ok(imported)
        }
        Ok(Settled::Bytes(_) | Settled::Text(_)) => Err(unexpected(key, "was imported as something else")),
        Err(why) => Err(failed(key, "cannot be imported", &why)),
    }
}

impl WebCrypto {
    async fn private(&self, key: &SigningKey) -> Result<JsValue, Unavailable> {
        imported(&self.private, key, || import_key(key.alg().name(), key.private_jwk())).await
    }

    async fn public(&self, key: &SigningKey) -> Result<JsValue, Unavailable> {
        imported(&self.public, key, || import_public_key(key.alg().name(), &key.public_jwk())).await
    }
}

impl Verifier for WebCrypto {
    async fn verify(&self, key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        let imported = self.public(key).await?;
        match settled(verify(&imported, signature, input)).await {
            Ok(Settled::Value(verified)) => Ok(verified.is_truthy()),
            Ok(Settled::Bytes(_) | Settled::Text(_)) => Err(unexpected(key, "verified nothing")),
            Err(why) => Err(failed(key, "cannot verify", &why)),
        }
    }
}

impl ForeignVerifier for WebCrypto {
    async fn verify_foreign(
        &self,
        key: &PublicKey,
        alg: SignatureAlgorithm,
        input: &[u8],
        signature: &[u8],
    ) -> Result<Verdict, Unavailable> {
        let name = (alg, key.thumbprint().to_owned());
        let known = self.foreign.borrow().get(&name).cloned();
        let imported = match known {
            Some(known) => known,
            // The runtime refuses only a key that is not valid, such as a point that is not on its curve.
            None => match settled(import_public_key(alg.name(), key.jwk())).await {
                Ok(Settled::Value(imported)) => {
                    let mut foreign = self.foreign.borrow_mut();
                    if foreign.len() >= MAX_FOREIGN {
                        foreign.clear();
                    }
                    foreign.insert(name, imported.clone());
                    imported
                }
                Ok(Settled::Bytes(_) | Settled::Text(_)) | Err(_) => return Ok(Verdict::UnusableKey),
            },
        };
        match settled(verify(&imported, signature, input)).await {
            Ok(Settled::Value(verified)) if verified.is_truthy() => Ok(Verdict::Valid),
            Ok(_) => Ok(Verdict::Invalid),
            Err(why) => Err(Unavailable::new(format!("a key of others cannot verify: {why}"))),
        }
    }

    async fn verify_once(
        &self,
        key: &PublicKey,
        alg: SignatureAlgorithm,
        input: &[u8],
        signature: &[u8],
    ) -> Result<Verdict, Unavailable> {
        match settled(verify_once(alg.name(), key.jwk(), signature, input)).await {
            Ok(Settled::Value(verified)) if verified.is_undefined() => Ok(Verdict::UnusableKey),
            Ok(Settled::Value(verified)) if verified.is_truthy() => Ok(Verdict::Valid),
            Ok(_) => Ok(Verdict::Invalid),
            Err(why) => Err(Unavailable::new(format!("a key of others cannot verify: {why}"))),
        }
    }
}

impl Signer for WebCrypto {
    async fn prepare(&self, key: &SigningKey) -> Result<(), Unavailable> {
        self.private(key).await.map(drop)
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let imported = self.private(key).await?;
        match settled(sign(&imported, input)).await {
            Ok(Settled::Bytes(signature)) => Ok(signature),
            Ok(Settled::Text(_) | Settled::Value(_)) => Err(unexpected(key, "gave no signature")),
            Err(why) => Err(failed(key, "cannot sign", &why)),
        }
    }
}

impl SlowHash for WebCrypto {
    async fn pbkdf2_sha256(
        &self,
        secret: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<[u8; 32], Unavailable> {
        let derived = match settled(pbkdf2(secret, salt, iterations)).await {
            Ok(Settled::Bytes(derived)) => derived.try_into().ok(),
            Ok(Settled::Text(_) | Settled::Value(_)) => None,
            Err(why) => return Err(Unavailable::new(format!("PBKDF2 failed: {why}"))),
        };
        derived.ok_or_else(|| Unavailable::new("PBKDF2 gave a wrong length"))
    }
}

/// An error about a key. The runtime's errors name the problem and show nothing of the key.
fn failed(key: &SigningKey, what: &str, why: &str) -> Unavailable {
    Unavailable::new(format!("the key in {} {what}: {why}", key.name()))
}

fn unexpected(key: &SigningKey, what: &str) -> Unavailable {
    Unavailable::new(format!("the key in {} {what}", key.name()))
}
