//! Signatures by the keys of others: of clients and of trusted issuers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{PublicKey, SignatureAlgorithm};
use jwt_compact::alg::{Ed25519, Es256, Rsa};
use jwt_compact::jwk::{JsonWebKey, JwkError};
use jwt_compact::{Algorithm, AlgorithmSignature as _};
use p384::ecdsa::signature::Verifier as _;
use serde::Deserialize;

/// Whether `signature` is one of `input` by this key, with this algorithm.
pub(crate) fn verifies(key: &PublicKey, alg: SignatureAlgorithm, input: &[u8], signature: &[u8]) -> bool {
    let Some(jwk) = parsed(key) else { return false };
    match alg {
        SignatureAlgorithm::Es256 => is_by(&Es256, (&jwk).try_into(), input, signature),
        SignatureAlgorithm::EdDsa => is_by(&Ed25519, (&jwk).try_into(), input, signature),
        SignatureAlgorithm::Ps256 => is_by(&Rsa::ps256(), (&jwk).try_into(), input, signature),
        SignatureAlgorithm::Rs256 => is_by(&Rsa::rs256(), (&jwk).try_into(), input, signature),
        SignatureAlgorithm::Es384 => match (p384(key), p384::ecdsa::Signature::from_slice(signature)) {
            (Some(key), Ok(signature)) => key.verify(input, &signature).is_ok(),
            _ => false,
        },
    }
}

/// Whether the key can verify a signature at all: its numbers are a key of its type.
pub(crate) fn is_usable(key: &PublicKey) -> bool {
    let Some(jwk) = parsed(key) else { return false };
    match key.alg() {
        Some(SignatureAlgorithm::Es256) => p256::ecdsa::VerifyingKey::try_from(&jwk).is_ok(),
        Some(SignatureAlgorithm::Es384) => p384(key).is_some(),
        Some(SignatureAlgorithm::EdDsa) => ed25519_dalek::VerifyingKey::try_from(&jwk).is_ok(),
        Some(SignatureAlgorithm::Ps256 | SignatureAlgorithm::Rs256) | None => {
            rsa::RsaPublicKey::try_from(&jwk).is_ok()
        }
    }
}

fn parsed(key: &PublicKey) -> Option<JsonWebKey<'_>> {
    // jwt-compact knows P-384 only as the name of a curve.
    serde_json::from_str(key.jwk()).ok()
}

fn is_by<A: Algorithm>(
    algorithm: &A,
    key: Result<A::VerifyingKey, JwkError>,
    input: &[u8],
    signature: &[u8],
) -> bool {
    match (key, A::Signature::try_from_slice(signature)) {
        (Ok(key), Ok(signature)) => algorithm.verify_signature(&signature, &key, input),
        _ => false,
    }
}

fn p384(key: &PublicKey) -> Option<p384::ecdsa::VerifyingKey> {
    #[derive(Deserialize)]
    struct Point {
        x: String,
        y: String,
    }
    let Point { x, y } = serde_json::from_str(key.jwk()).ok()?;
    let mut point = vec![0x04];
    point.extend(URL_SAFE_NO_PAD.decode(x).ok()?);
    point.extend(URL_SAFE_NO_PAD.decode(y).ok()?);
    p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()
}
