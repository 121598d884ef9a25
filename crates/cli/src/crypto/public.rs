//! Public keys in files: PEM (RFC 7468 §13), JWK and JWKS (RFC 7517).

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edgemint_issuer::{Object, PublicKey, PublicKeyError};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::crypto::verify::is_usable;

/// The bytes before the point of a P-256 key (RFC 5480 §2), which is uncompressed.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The bytes before an Ed25519 key (RFC 8410 §4).
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Reads the keys of a file: one of PEM or of a JWK, all of a JWKS. Each must be usable.
pub(crate) fn read(text: &str) -> Result<Vec<PublicKey>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    let keys = if text.starts_with('{') { jwks(text)? } else { vec![pem(text)?] };
    for key in &keys {
        ensure!(is_usable(key), "the key {} is not a point of its curve", named(key));
    }
    Ok(keys)
}

/// The key ID, or the thumbprint of a key without one.
fn named(key: &PublicKey) -> &str {
    key.kid().unwrap_or(key.thumbprint())
}

fn jwks(text: &str) -> Result<Vec<PublicKey>> {
    #[derive(Deserialize)]
    struct Set<'a> {
        #[serde(borrow)]
        keys: Option<Vec<&'a RawValue>>,
    }
    let Object(Set { keys }) =
        serde_json::from_str(text).context("it begins with { but is neither a JWK nor a JWKS")?;
    let Some(keys) = keys else { return Ok(vec![jwk(text)?]) };
    ensure!(!keys.is_empty(), "the JWKS has no key");
    let key = |(i, key): (usize, &&RawValue)| jwk(key.get()).with_context(|| format!("key {}", i + 1));
    keys.iter().enumerate().map(key).collect()
}

fn jwk(text: &str) -> Result<PublicKey> {
    PublicKey::parse(text).map_err(|error| match error {
        PublicKeyError::Private => private("delete the members d, p, q, dp, dq, qi and k from a copy"),
        PublicKeyError::Malformed
        | PublicKeyError::Type
        | PublicKeyError::Algorithm
        | PublicKeyError::Use
        | PublicKeyError::Member
        | PublicKeyError::RsaSize
        | PublicKeyError::RsaExponent
        | PublicKeyError::KeyId => anyhow!("{error}"),
    })
}

/// The error about a private key, with the way to the public one.
fn private(remedy: &str) -> anyhow::Error {
    anyhow!(
        "it contains a private key, which only the client may have. Pass the public key: {remedy}. If another person \
         or machine could read this file, generate another key"
    )
}

fn pem(text: &str) -> Result<PublicKey> {
    // Files of openssl can have parameters before a private key.
    if text.contains("PRIVATE KEY-----") {
        return Err(private("`openssl pkey -in FILE -pubout` prints it"));
    }
    let label = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
    let Some((label, rest)) = label else {
        bail!("it is not a public key in PEM, not a JWK and not a JWKS");
    };
    match label {
        "PUBLIC KEY" => {}
        "CERTIFICATE" => {
            bail!(
                "it is a certificate. Pass its public key: `openssl x509 -in FILE -noout -pubkey` prints it"
            )
        }
        "RSA PUBLIC KEY" => {
            bail!(
                "it is an RSA key in another format. Convert it: `openssl rsa -RSAPublicKey_in -in FILE -pubout`"
            )
        }
        _ => bail!("it is a PEM file without a public key (its label is not PUBLIC KEY)"),
    }
    let body = rest.strip_suffix("-----END PUBLIC KEY-----").unwrap_or_default();
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).ok().filter(|der| !der.is_empty());
    jwk(&jwk_of(&der.context("its PEM is cut off, or has more than one key")?)?)
}

/// The JWK of a SubjectPublicKeyInfo.
fn jwk_of(der: &[u8]) -> Result<String> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    if let Some(&[0x04, ref point @ ..]) = der.strip_prefix(&P256)
        && let Some((x, y)) = point.split_at_checked(32)
    {
        return Ok(json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) }).to_string());
    }
    if let Some(key) = der.strip_prefix(&ED25519) {
        return Ok(json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key) }).to_string());
    }
    let key = rsa::RsaPublicKey::from_public_key_der(der)
        .map_err(|_| anyhow!("its key is not for P-256, Ed25519, or RSA with 2048 to 4096 bits"))?;
    let (n, e) = (encode(&key.n().to_bytes_be()), encode(&key.e().to_bytes_be()));
    Ok(json!({ "kty": "RSA", "n": n, "e": e }).to_string())
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::SignatureAlgorithm;

    use super::*;

    // Made with `openssl genpkey … | openssl pkey -pubout`.
    const EC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErtDFFeNF24cpYTqddiY1hoG6f2YP\n\
        5gVqKxNZy1uFGfBrGU5vEYCl+peo9Bt3Ud/VDMYelmEMUJA6u7RDdTULsw==\n\
        -----END PUBLIC KEY-----\n";
    const ED: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
        -----END PUBLIC KEY-----\n";

    fn refused(text: &str) -> String {
        match read(text) {
            Ok(keys) => format!("{} keys", keys.len()),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_key_is_the_same_in_pem_in_a_jwk_and_in_a_jwks() {
        for (text, alg) in [(EC, SignatureAlgorithm::Es256), (ED, SignatureAlgorithm::EdDsa)] {
            let key = read(text).expect("a key").remove(0);
            assert_eq!(key.alg(), Some(alg));
            let set = format!("\u{feff} {{\"keys\":[{}]}}\n", key.jwk());
            for text in [key.jwk(), &set, &text.replace('\n', "\r\n")] {
                let same = read(text).expect("the same key").remove(0);
                assert_eq!(same.thumbprint(), key.thumbprint(), "{text}");
            }
        }
        // RFC 8037 A.3 has the thumbprint of this key.
        assert_eq!(
            read(ED).expect("a key").remove(0).thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn what_is_not_a_public_key_is_refused_with_the_way_to_one() {
        let private = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
        let set = format!("{{\"keys\":[{private}]}}");
        for (text, told) in [
            ("", "not a public key in PEM"),
            ("ssh-ed25519 AAAA me", "not a public key in PEM"),
            ("{}", "its type is not"),
            ("{\"keys\":[]}", "no key"),
            ("{\"keys\":1}", "neither a JWK nor a JWKS"),
            ("[]", "not a public key in PEM"),
            (private, "delete the members d"),
            (&set, "key 1: it contains a private key"),
            (
                "-----BEGIN EC PARAMETERS-----\nx\n-----BEGIN EC PRIVATE KEY-----\n",
                "openssl pkey -in FILE -pubout",
            ),
            ("-----BEGIN CERTIFICATE-----\n", "openssl x509"),
            ("-----BEGIN RSA PUBLIC KEY-----\n", "RSAPublicKey_in"),
            ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "label is not PUBLIC KEY"),
            ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "cut off"),
            (&EC[..80], "cut off"),
            (&format!("{EC}{ED}"), "more than one key"),
            ("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----", "not for P-256, Ed25519, or RSA"),
            (&EC.replace("rtDF", "rtDG"), "not a point of its curve"),
        ] {
            let refused = refused(text);
            assert!(refused.contains(told), "{text}: {refused}");
            assert!(!refused.contains("nWGx"), "{refused}");
        }
    }
}
