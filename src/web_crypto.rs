//! Signatures and slow hashes by the runtime's `crypto.subtle`: more than ten times faster than in wasm.

use std::cell::RefCell;
use std::collections::HashMap;

use edgemint_issuer::ports::{Signer, SlowHash, Verifier};
use edgemint_issuer::{SigningKey, Unavailable};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn import_key(alg: &str, jwk: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn sign(alg: &str, key: &JsValue, input: &[u8]) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn import_public_key(alg: &str, jwk: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn verify(alg: &str, key: &JsValue, signature: &[u8], input: &[u8]) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn pbkdf2(secret: &[u8], salt: &[u8], iterations: u32) -> Result<JsValue, JsValue>;
}

/// The keys of this isolate, imported on first use; the private ones not extractable.
#[derive(Default)]
pub(crate) struct WebCrypto {
    imported: RefCell<HashMap<String, JsValue>>,
    imported_public: RefCell<HashMap<String, JsValue>>,
}

impl WebCrypto {
    /// Two requests that come at once may both import: neither waits for a promise of the other, which the
    /// runtime would cancel together with that request.
    async fn key(&self, key: &SigningKey) -> Result<JsValue, Unavailable> {
        let known = self.imported.borrow().get(key.kid()).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let imported = import_key(key.alg().name(), key.private_jwk())
            .await
            .map_err(|error| unavailable(&format!("the key in {} cannot be imported", key.name()), &error))?;
        self.imported.borrow_mut().insert(key.kid().to_owned(), imported.clone());
        Ok(imported)
    }
}

impl Verifier for WebCrypto {
    async fn verify(&self, key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        let known = self.imported_public.borrow().get(key.kid()).cloned();
        let imported = match known {
            Some(known) => known,
            None => {
                let imported = import_public_key(key.alg().name(), &key.public_jwk()).await;
                let imported = imported.map_err(|error| {
                    unavailable(&format!("the public key in {} cannot be imported", key.name()), &error)
                })?;
                self.imported_public.borrow_mut().insert(key.kid().to_owned(), imported.clone());
                imported
            }
        };
        let verified = verify(key.alg().name(), &imported, signature, input).await;
        let verified = verified
            .map_err(|error| unavailable(&format!("the key in {} cannot verify", key.name()), &error))?;
        Ok(verified.is_truthy())
    }
}

impl Signer for WebCrypto {
    async fn prepare(&self, key: &SigningKey) -> Result<(), Unavailable> {
        self.key(key).await.map(|_| ())
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let imported = self.key(key).await?;
        let signature = sign(key.alg().name(), &imported, input)
            .await
            .map_err(|error| unavailable(&format!("the key in {} cannot sign", key.name()), &error))?;
        Ok(Uint8Array::from(signature).to_vec())
    }
}

impl SlowHash for WebCrypto {
    async fn pbkdf2_sha256(
        &self,
        secret: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<[u8; 32], Unavailable> {
        let derived =
            pbkdf2(secret, salt, iterations).await.map_err(|error| unavailable("PBKDF2 failed", &error))?;
        let derived = Uint8Array::from(derived).to_vec();
        derived.try_into().map_err(|_| Unavailable::new("PBKDF2 gave a wrong length"))
    }
}

/// The runtime's errors name what it disliked and show nothing of a key.
fn unavailable(what: &str, error: &JsValue) -> Unavailable {
    let why = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message())).unwrap_or_default();
    Unavailable::new(format!("{what}: {why}"))
}
