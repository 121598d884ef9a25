//! The keys of clients and of trusted issuers: fetched within bounds, and served from memory while the source fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use edgemint_issuer::ports::{ApiStore, ClientStore, IssuerStore, KeySource, RevocationStore};
use edgemint_issuer::{ApiId, Authority, ClientId, KeySetUrl, TrustedIssuerId, Unavailable};
use edgemint_testkit::{Kind, MemoryClients, Mint, NOW, Store, TestCrypto, public_key, stored};
use serde_json::{Value, json};

mod asserting;

use asserting::{ISSUER, ask, config, form, own, post};

const URL: &str = "https://keys.example.com/jwks";

/// The clients of the vectors, and keys at URLs that change and fail on command.
#[derive(Clone)]
struct Remote {
    clients: MemoryClients,
    keys: Rc<RefCell<Result<String, Unavailable>>>,
    fetches: Rc<RefCell<Vec<String>>>,
}

edgemint_testkit::store_without_location!(Remote);

impl ClientStore for Remote {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        self.clients.find(id).await
    }
}

impl ApiStore for Remote {
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
        self.clients.find_api(id).await
    }
}

impl RevocationStore for Remote {
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        self.clients.is_revoked(jti).await
    }

    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable> {
        self.clients.revoke(jti, until).await
    }
}

impl IssuerStore for Remote {
    async fn find_issuer(&self, id: &TrustedIssuerId) -> Result<Option<String>, Unavailable> {
        self.clients.find_issuer(id).await
    }
}

impl KeySource for Remote {
    async fn fetch_keys(&self, url: &KeySetUrl) -> Result<String, Unavailable> {
        self.fetches.borrow_mut().push(url.to_string());
        self.keys.borrow().clone()
    }
}

fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The key of `signer` under this `kid`.
fn served(kid: &str) -> Value {
    public_key("signer-ES256", &[("kid", kid.into())])
}

fn remote(issuer: &str, url: &str) -> (Remote, Authority<Remote, TestCrypto>) {
    let mut clients = stored(Store::Up);
    let record = json!({
        "v": 3, "id": "remote", "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
        "trusted_peers": [], "token_lifetime": null, "revision": 1, "jwks_uri": url,
    });
    clients.put("client:remote", record.to_string());
    let keys = Rc::new(RefCell::new(Ok(jwks(&[served("a")]))));
    let remote = Remote { clients, keys, fetches: Rc::default() };
    let authority = Authority::new(config(issuer), remote.clone(), TestCrypto::default(), [0; 32]);
    (remote, authority)
}

/// An assertion of `remote` with this `kid`, made at `now`.
fn of_remote(kid: &str, now: u64) -> String {
    Mint::of(Kind::Client, json!({ "kid": kid }), json!({ "iss": "remote", "sub": "remote" }))
        .token(ISSUER, now)
}

#[test]
fn fetched_keys_are_used_for_five_minutes_and_an_unknown_key_id_fetches_once_a_minute() {
    let (remote, authority) = remote(ISSUER, URL);
    let expect = |now: u64, kid: &str, status: u16, fetches: usize| {
        assert_eq!(ask(&authority, &of_remote(kid, now), now).0, status, "{kid} at {}", now - NOW);
        assert_eq!(remote.fetches.borrow().len(), fetches, "{kid} at {}", now - NOW);
    };
    expect(NOW, "a", 200, 1);
    expect(NOW + 59, "a", 200, 1);
    expect(NOW + 59, "b", 401, 1);
    *remote.keys.borrow_mut() = Ok(jwks(&[served("a"), served("b")]));
    expect(NOW + 60, "b", 200, 2);
    for i in 0..50 {
        expect(NOW + 61 + i, "nobody", 401, 2);
    }
    expect(NOW + 120, "nobody", 401, 3);
    expect(NOW + 121, "nobody", 401, 3);
    expect(NOW + 419, "a", 200, 3);
    expect(NOW + 420, "a", 200, 4);
}

#[test]
fn stale_keys_serve_for_an_hour_while_the_fetch_fails_and_then_the_answer_is_503() {
    let (remote, authority) = remote(ISSUER, URL);
    assert_eq!(ask(&authority, &of_remote("a", NOW), NOW).0, 200);
    *remote.keys.borrow_mut() = Err(Unavailable::new("the answer has status 500"));
    let (status, event) = ask(&authority, &of_remote("a", NOW + 300), NOW + 300);
    assert_eq!(status, 200);
    assert!(event["degraded"].to_string().contains("keys.example.com"), "{event}");
    // Whether a key exists that the known ones lack cannot be known now.
    for later in [300, 305] {
        assert_eq!(ask(&authority, &of_remote("b", NOW + later), NOW + later).0, 503);
    }
    // The next requests do not wait for a fetch that just failed.
    for later in 301..310 {
        assert_eq!(ask(&authority, &of_remote("a", NOW + later), NOW + later).0, 200);
    }
    assert_eq!(remote.fetches.borrow().len(), 2);
    assert_eq!(ask(&authority, &of_remote("a", NOW + 3899), NOW + 3899).0, 200);
    let (status, event) = ask(&authority, &of_remote("a", NOW + 3900), NOW + 3900);
    assert_eq!((status, &event["reason"]), (503, &json!("keys_unavailable")));
    *remote.keys.borrow_mut() = Ok(jwks(&[served("a")]));
    assert_eq!(ask(&authority, &of_remote("a", NOW + 3901), NOW + 3901).0, 200);
}

#[test]
fn a_broken_or_hostile_set_of_keys_harms_no_one() {
    for (what, keys, status) in [
        ("not JSON", Ok("<html>".to_owned()), 503),
        ("a list", Ok("[]".to_owned()), 503),
        ("no keys", Ok("{}".to_owned()), 503),
        ("repeated members", Ok(r#"{"keys":[],"keys":[]}"#.to_owned()), 503),
        ("an empty set", Ok(jwks(&[])), 401),
        ("unavailable", Err(Unavailable::timed_out("no answer")), 503),
        ("a private key", Ok(jwks(&[edgemint_testkit::private_key("signer-ES256")])), 401),
        (
            "a key for encryption",
            Ok(jwks(&[public_key("signer-ES256", &[("kid", "a".into()), ("use", "enc".into())])])),
            401,
        ),
        (
            "a key of another alg",
            Ok(jwks(&[public_key("signer-ES256", &[("kid", "a".into()), ("alg", "ES384".into())])])),
            401,
        ),
        ("a right key after broken ones", Ok(jwks(&[json!(1), json!({"kty":"EC"}), served("a")])), 200),
        ("10,000 keys", Ok(jwks(&vec![served("x"); 10_000])), 401),
    ] {
        let (remote, authority) = remote(ISSUER, URL);
        *remote.keys.borrow_mut() = keys;
        assert_eq!(ask(&authority, &of_remote("a", NOW), NOW).0, status, "{what}");
        let others = own(json!({}));
        assert_eq!(ask(&authority, &others, NOW).0, 200, "{what}");
    }
}

#[test]
fn only_registered_urls_are_fetched_and_local_ones_only_by_a_local_issuer() {
    let (remote_keys, authority) = remote(ISSUER, URL);
    for claims in [
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": "https://keys.example.com/jwks", "jku": "https://evil.example/keys" }),
        json!({ "iss": "nobody", "sub": "nobody" }),
    ] {
        let _ = post(&authority, "/token", &form(&own(claims), "&client_id=remote"), NOW);
    }
    assert!(remote_keys.fetches.borrow().is_empty(), "{:?}", remote_keys.fetches);
    let local = "http://127.0.0.1:1/jwks";
    for (issuer, status) in [(ISSUER, 503), ("http://127.0.0.1:8787", 200)] {
        let (_, authority) = remote(issuer, local);
        let claims = json!({ "iss": "remote", "sub": "remote", "aud": issuer });
        let assertion = Mint::of(Kind::Client, json!({ "kid": "a" }), claims).token(issuer, NOW);
        assert_eq!(ask(&authority, &assertion, NOW).0, status, "{issuer}");
    }
}

#[test]
fn a_disabled_issuer_is_never_served_from_memory_and_an_enabled_one_is_while_the_store_fails() {
    #[derive(Clone)]
    struct Failing {
        clients: MemoryClients,
        is_down: Rc<Cell<bool>>,
    }

    impl Failing {
        fn check(&self) -> Result<(), Unavailable> {
            if self.is_down.get() { Err(Unavailable::new("down")) } else { Ok(()) }
        }
    }

    edgemint_testkit::store_without_location!(Failing);

    impl ClientStore for Failing {
        async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
            self.clients.find(id).await
        }
    }

    impl ApiStore for Failing {
        async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
            self.clients.find_api(id).await
        }
    }

    impl RevocationStore for Failing {
        async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
            self.clients.is_revoked(jti).await
        }

        async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable> {
            self.clients.revoke(jti, until).await
        }
    }

    impl IssuerStore for Failing {
        async fn find_issuer(&self, id: &TrustedIssuerId) -> Result<Option<String>, Unavailable> {
            self.check()?;
            self.clients.find_issuer(id).await
        }
    }

    impl KeySource for Failing {
        async fn fetch_keys(&self, url: &KeySetUrl) -> Result<String, Unavailable> {
            self.clients.fetch_keys(url).await
        }
    }

    let is_down = Rc::new(Cell::new(false));
    let store = Failing { clients: stored(Store::Up), is_down: Rc::clone(&is_down) };
    let authority = Authority::new(config(ISSUER), store, TestCrypto::default(), [0; 32]);
    let ask = |claims: Value, now: u64| {
        let token = Mint::of(Kind::Custom, json!({}), claims).token(ISSUER, now);
        post(&authority, "/token", &form(&token, "&client_id=workload"), now).0
    };
    let disabled = || json!({ "iss": "https://disabled.example/" });
    assert_eq!((ask(json!({}), NOW), ask(disabled(), NOW)), (200, 401));
    is_down.set(true);
    // Within the cache time nothing is read. After it, the enabled issuer is served stale, and the other one is
    // neither accepted nor rejected on a guess.
    assert_eq!((ask(json!({}), NOW + 59), ask(disabled(), NOW + 59)), (200, 401));
    assert_eq!((ask(json!({}), NOW + 61), ask(disabled(), NOW + 61)), (200, 503));
}
