//! The signature of the metadata (RFC 8414 §2.1): by the active key, computed once, and optional.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::cell::Cell;
use std::rc::Rc;

use edgemint_issuer::ports::{Signer, SlowHash, Verifier};
use edgemint_issuer::{Authority, Config, Moment, Request, SigningKey, Unavailable};
use edgemint_testkit::{MemoryClients, NOW, RANDOM, TestCrypto, signing_key, verify};
use serde_json::Value;

const PATH: &str = "/.well-known/oauth-authorization-server";

/// A signer that counts its calls, or fails.
#[derive(Default, Clone)]
struct Counting {
    signatures: Rc<Cell<u32>>,
    broken: Rc<Cell<bool>>,
}

edgemint_testkit::crypto_without_others!(Counting);

impl Signer for Counting {
    async fn prepare(&self, _: &SigningKey) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.signatures.set(self.signatures.get() + 1);
        TestCrypto { broken: self.broken.get(), ..TestCrypto::default() }.sign(key, input).await
    }
}

impl Verifier for Counting {
    async fn verify(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Unavailable> {
        Err(Unavailable::new("not used"))
    }
}

impl SlowHash for Counting {
    async fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> Result<[u8; 32], Unavailable> {
        Err(Unavailable::new("not used"))
    }
}

/// An issuer with an RSA key, and an Ed25519 key that takes over a minute later.
fn issuer() -> (Authority<MemoryClients, Counting>, Counting, Value) {
    let (old, new) = (signing_key("RS256", &[]), signing_key("EdDSA", &[("nbf", (NOW + 60).into())]));
    let variables = [("ISSUER", "https://example.com"), ("SIGNING_KEY_OLD", &old), ("SIGNING_KEY_NEW", &new)];
    let config = Config::parse(variables).unwrap();
    let jwks = serde_json::from_str(&config.keys().published(NOW)).unwrap();
    let crypto = Counting::default();
    (Authority::new(config, MemoryClients::default(), crypto.clone(), [0; 32]), crypto, jwks)
}

/// Status, entity tag and body of the metadata.
fn get(
    authority: &Authority<MemoryClients, Counting>,
    if_none_match: Option<&str>,
    at: u64,
) -> (u16, String, String) {
    let request = Request { method: "GET", path: PATH, if_none_match, ..Request::default() };
    let moment = Moment { now: NOW + at, random: RANDOM };
    let response = pollster::block_on(authority.handle(&request, &moment)).response;
    let tag = response.headers.iter().find(|(name, _)| *name == "ETag").unwrap().1.to_string();
    (response.status, tag, response.body.into_owned())
}

#[test]
fn the_metadata_is_signed_once_for_each_key_that_is_active() {
    let (authority, crypto, jwks) = issuer();
    let first = get(&authority, None, 0);
    assert_eq!((get(&authority, None, 59), crypto.signatures.get()), (first.clone(), 1));
    let second = get(&authority, None, 60);
    assert_eq!((get(&authority, None, 61), crypto.signatures.get()), (second.clone(), 2));
    assert!(first.1 != second.1, "a client with the old signature must get the new one");
    for ((_, _, body), alg) in [(first, "RS256"), (second, "EdDSA")] {
        let mut members: Value = serde_json::from_str(&body).unwrap();
        let jwt = members.as_object_mut().unwrap().remove("signed_metadata").unwrap();
        let (header, mut claims) = verify(&jwks, jwt.as_str().unwrap()).unwrap();
        assert_eq!((&header["alg"], &header["typ"]), (&alg.into(), &"oauth-authorization-server+jwt".into()));
        let mut take = |name: &str| claims.as_object_mut().unwrap().remove(name);
        assert_eq!(take("iss"), Some("https://example.com".into()));
        assert_eq!(take("aud"), Some(format!("https://example.com{PATH}").into()));
        assert_eq!(claims, members);
    }
}

#[test]
fn the_tag_is_weak_and_the_same_wherever_the_document_is_made() {
    let (authority, ..) = issuer();
    let (_, tag, _) = get(&authority, None, 0);
    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!(get(&issuer().0, None, 0).1, tag);
    for known in [tag.as_str(), tag.trim_start_matches("W/"), "*"] {
        assert_eq!(get(&authority, Some(known), 0), (304, tag.clone(), String::new()), "{known}");
    }
    assert_eq!(get(&authority, Some("W/\"other\""), 0).0, 200);
}

#[test]
fn without_a_signer_the_metadata_is_served_unsigned_and_signed_when_it_is_back() {
    let (authority, crypto, _) = issuer();
    crypto.broken.set(true);
    let (status, unsigned, body) = get(&authority, None, 0);
    assert_eq!(status, 200);
    assert!(body.contains("\"token_endpoint\"") && !body.contains("signed_metadata"), "{body}");
    crypto.broken.set(false);
    let (status, signed, body) = get(&authority, Some(&unsigned), 0);
    assert_eq!(status, 200, "the unsigned document is another one");
    assert!(body.contains("signed_metadata") && signed != unsigned);
}
