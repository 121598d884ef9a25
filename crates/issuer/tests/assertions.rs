//! Assertions over several requests: used once, and verified within bounds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::ports::{RateLimit, Replay};
use edgemint_issuer::{Authority, ClientRecord, Limit, SingleUse, Unavailable};
use edgemint_testkit::{Kind, Mint, NOW, Store, TestCrypto, public_key, stored};
use proptest::prelude::*;
use serde_json::json;

mod asserting;

use asserting::{ISSUER, Plain, ask, authority, config, form, own, post};

#[test]
fn an_assertion_is_used_once_until_it_can_no_longer_be_used() {
    let authority = authority();
    let assertion = own(json!({ "exp": "+60" }));
    assert_eq!(ask(&authority, &assertion, NOW).0, 200);
    for later in [0, 1, 60, 69] {
        let (status, event) = ask(&authority, &assertion, NOW + later);
        assert_eq!((status, &event["reason"]), (401, &json!("assertion_replayed")), "{later}");
    }
    assert_eq!(ask(&authority, &assertion, NOW + 71).1["reason"], "assertion_expired");
    assert_eq!(ask(&authority, &own(json!({})), NOW).0, 200, "another one works");
}

#[test]
fn an_issuer_of_this_machine_is_trusted_only_by_an_issuer_of_this_machine() {
    let local = "http://127.0.0.1:1/";
    for (issuer, status) in [(ISSUER, 401), ("http://127.0.0.1:8787", 200)] {
        let mut store = stored(Store::Up);
        let keys =
            json!({ "jwks": { "keys": [public_key("platform-ES384", &[("kid", "p-es384".into())])] } });
        let record = json!({
            "v": 1, "id": local, "name": "", "platform": "custom", "keys": keys, "algs": ["ES384"], "max_age": 3600,
            "single_use": false, "disabled": false, "revision": 1,
        });
        store.put(format!("issuer:{local}"), record.to_string());
        let rule =
            json!({ "id": "r1", "issuer": local, "subject": "job:7:main", "created": 1, "expires": null });
        let client = json!({
            "v": 3, "id": "local", "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
            "trusted_peers": [], "token_lifetime": null, "revision": 1, "identities": [rule],
        });
        store.put("client:local", client.to_string());
        let authority: Plain = Authority::new(config(issuer), store, TestCrypto::default(), [0; 32]);
        let token = Mint::of(Kind::Custom, json!({}), json!({ "iss": local })).token(issuer, NOW);
        let (answer, _, event) = post(&authority, "/token", &form(&token, "&client_id=local"), NOW);
        assert_eq!(answer, status, "{issuer}: {event}");
    }
}

#[test]
fn the_same_token_id_of_another_client_is_another_assertion() {
    let authority = authority();
    assert_eq!(ask(&authority, &own(json!({ "jti": "a" })), NOW).0, 200);
    let other = Mint::of(Kind::Client, json!({}), json!({ "iss": "both", "sub": "both", "jti": "a" }));
    assert_eq!(ask(&authority, &other.token(ISSUER, NOW), NOW).0, 200);
}

/// The order of P-256 (SEC 2 §2.4.2).
const ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC,
    0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];

#[test]
fn a_malleated_signature_does_not_make_another_assertion() {
    let authority = authority();
    let first = own(json!({}));
    let (input, signature) = first.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // If (r, s) is a signature, (r, n - s) is one, too.
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i16::from(ORDER[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(digit < 0);
        signature[32 + at] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    let second = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_ne!(first, second);
    assert_eq!(ask(&authority, &second, NOW).0, 200, "it is a valid signature");
    assert_eq!(ask(&authority, &first, NOW).1["reason"], "assertion_replayed");
}

#[test]
fn an_assertion_is_used_only_if_a_token_is_issued() {
    let authority = authority();
    let assertion = own(json!({}));
    let (status, body, _) = post(&authority, "/token", &form(&assertion, "&scope=offline_access"), NOW);
    assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")));
    assert_eq!(post(&authority, "/token", &form(&assertion, ""), NOW).0, 200);
}

#[test]
fn one_assertion_serves_one_introspection() {
    let authority = authority();
    let form = form(&own(json!({})), "&token=x");
    assert_eq!(post(&authority, "/token/introspect", &form, NOW).0, 200);
    let (status, _, event) = post(&authority, "/token/introspect", &form, NOW);
    assert_eq!((status, &event["reason"]), (401, &json!("assertion_replayed")));
    assert_eq!(post(&authority, "/token/revoke", &form, NOW).2["reason"], "assertion_replayed");
}

#[test]
fn an_identity_token_is_used_once_only_where_its_issuer_says_so() {
    let authority = authority();
    for (kind, second) in [(Kind::Github, 401), (Kind::Kubernetes, 200)] {
        let token = Mint::of(kind, json!({}), json!({})).token(ISSUER, NOW);
        let form = form(&token, "&client_id=workload");
        assert_eq!(post(&authority, "/token", &form, NOW).0, 200, "{kind:?}");
        assert_eq!(post(&authority, "/token", &form, NOW).0, second, "{kind:?}");
    }
}

/// The part and the key of a used assertion.
type Known = (String, [u8; 32]);

/// A memory that several instances share, and that fails on command.
#[derive(Default, Clone)]
struct Shared {
    known: Rc<RefCell<HashSet<Known>>>,
    down: Rc<Cell<bool>>,
}

impl Replay for Shared {
    async fn first_use(&self, used: &SingleUse) -> Result<bool, Unavailable> {
        if self.down.get() {
            return Err(Unavailable::timed_out("REPLAY did not answer"));
        }
        Ok(self.known.borrow_mut().insert((used.part.clone(), used.key)))
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[test]
fn instances_that_share_a_memory_accept_an_assertion_once_together() {
    let shared = Shared::default();
    let instances: Vec<_> = (0..5).map(|_| authority().with_replay(shared.clone())).collect();
    let assertion = own(json!({}));
    let issued = instances.iter().filter(|instance| ask(instance, &assertion, NOW).0 == 200).count();
    assert_eq!(issued, 1);
}

#[test]
fn without_the_shared_memory_there_is_no_token_and_the_log_says_why() {
    let shared = Shared::default();
    let instance = authority().with_replay(shared.clone());
    shared.down.set(true);
    let (status, event) = ask(&instance, &own(json!({})), NOW);
    assert_eq!((status, &event["reason"]), (503, &json!("replay_unavailable")));
    assert_eq!(event["retry"], "1");
    shared.down.set(false);
    assert_eq!(ask(&instance, &own(json!({})), NOW).0, 200);
    assert!(ask(&instance, &own(json!({})), NOW).1["degraded"].is_null());
    // A deployment without the binding says so with each token.
    let degraded = ask(&authority(), &own(json!({})), NOW).1["degraded"].to_string();
    assert!(degraded.contains("REPLAY"), "{degraded}");
}

#[test]
fn every_refusal_verifies_a_signature_and_no_request_verifies_many() {
    let mut clients = stored(Store::Up);
    let mut many: ClientRecord = serde_json::from_value(json!({
        "v": 3, "id": "many", "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
        "trusted_peers": [], "token_lifetime": null, "revision": 1,
    }))
    .unwrap();
    for i in 0..8 {
        many.keys.push(serde_json::from_value(json!({
            "kid": format!("k{i}"), "alg": "ES256", "jwk": public_key("other-ES256", &[]), "created": 1, "expires": null,
        })).unwrap());
    }
    clients.add(&many);
    let crypto = TestCrypto::default();
    let authority: Plain = Authority::new(config(ISSUER), clients, crypto.clone(), [0; 32]);
    let named = |id: &str| json!({ "iss": id, "sub": id });
    for (what, assertion, expected) in [
        ("right", own(json!({})), 1),
        ("unknown client", own(named("nobody")), 1),
        ("disabled client", own(named("disabled-signer")), 1),
        ("client without keys", own(named("test")), 1),
        (
            "wrong key",
            Mint::of(Kind::Client, json!({}), json!({})).with_key("other-ES256").token(ISSUER, NOW),
            1,
        ),
        ("unknown kid", Mint::of(Kind::Client, json!({ "kid": "x" }), json!({})).token(ISSUER, NOW), 1),
        ("unknown issuer", own(json!({ "iss": "https://evil.example" })), 1),
        (
            "eight keys, none of which signed",
            Mint::of(Kind::Client, json!({ "kid": null }), named("many")).token(ISSUER, NOW),
            4,
        ),
    ] {
        crypto.foreign_verifications.set(0);
        let (status, event) = ask(&authority, &assertion, NOW);
        assert_eq!(status == 200, what == "right", "{what}: {event}");
        assert_eq!(crypto.foreign_verifications.get(), expected, "{what}");
    }
}

/// A limit that is used up.
struct UsedUp;

impl RateLimit for UsedUp {
    async fn allow(&self, _: Limit, _: &str) -> Result<bool, Unavailable> {
        Ok(false)
    }
}

#[test]
fn a_right_assertion_never_meets_the_rate_limit_and_a_wrong_one_does() {
    let authority = authority().with_rate_limit(UsedUp);
    assert_eq!(ask(&authority, &own(json!({ "exp": "-60", "iat": "-90" })), NOW).0, 429);
    assert_eq!(ask(&authority, &own(json!({})), NOW).0, 200);
    assert_eq!(ask(&authority, &own(json!({ "iss": "nobody", "sub": "nobody" })), NOW).0, 429);
}

#[test]
fn the_log_shows_the_claims_only_of_a_verified_assertion() {
    let authority = authority();
    let header = json!({ "kid": "p-rsa", "alg": "RS256" });
    let forged = Mint::of(Kind::Github, header, json!({ "aud": "secret-audience" }));
    let (_, _, event) = post(
        &authority,
        "/token",
        &form(&forged.clone().with_key("signer-RSA").token(ISSUER, NOW), "&client_id=workload"),
        NOW,
    );
    assert_eq!(event["reason"], "assertion_signature", "{event}");
    assert!(event["assertion"]["sub"].is_null() && event["assertion"]["iss"].is_null(), "{event}");
    assert!(event["assertion"]["jti"].is_string() && !event.to_string().contains("secret-audience"));
    let right = Mint::of(Kind::Github, json!({}), json!({})).token(ISSUER, NOW);
    let (_, _, event) = post(&authority, "/token", &form(&right, "&client_id=workload"), NOW);
    assert_eq!(event["assertion"]["sub"], "repo:acme/app:environment:production");
    assert_eq!(event["assertion"]["rule"], "gh");
    assert_eq!(event["proof"], json!({ "kind": "identity", "id": "gh" }));
    assert!(event["secret_id"].is_null());
}

#[test]
fn two_clients_with_the_same_key_id_are_told_apart_in_either_order() {
    for order in [["signer", "other-signer"], ["other-signer", "signer"]] {
        let authority = authority();
        let of = |client: &str, key: &str| {
            Mint::of(Kind::Client, json!({}), json!({ "iss": client, "sub": client }))
                .with_key(key)
                .token(ISSUER, NOW)
        };
        for client in order {
            let (own, foreign) = if client == "signer" {
                ("signer-ES256", "other-ES256")
            } else {
                ("other-ES256", "signer-ES256")
            };
            assert_eq!(ask(&authority, &of(client, own), NOW).0, 200, "{client}");
            assert_eq!(ask(&authority, &of(client, foreign), NOW).0, 401, "{client}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_altered_assertion_is_accepted(at in any::<prop::sample::Index>(), bit in 0_u8..7) {
        thread_local! {
            static AUTHORITY: Plain = authority();
        }
        let mut altered = own(json!({})).into_bytes();
        let at = at.index(altered.len());
        altered[at] ^= 1 << bit;
        if let Ok(altered) = String::from_utf8(altered) {
            let encoded: String = form_urlencoded::byte_serialize(altered.as_bytes()).collect();
            let status = AUTHORITY.with(|authority| ask(authority, &encoded, NOW).0);
            prop_assert_eq!(status, 401);
        }
    }

    #[test]
    fn no_rule_matches_a_longer_name_than_it_says(sub in "(job:7:ma|job:7:|spiffe://example.org|spiffe://example.org/)[:/a-z.]{0,9}") {
        thread_local! {
            static AUTHORITY: Plain = authority();
        }
        for (kind, client, prefix) in
            [(Kind::Custom, "by-prefix", "job:7:ma:"), (Kind::Spiffe, "workload", "spiffe://example.org/")]
        {
            let token = Mint::of(kind, json!({}), json!({ "sub": sub })).token(ISSUER, NOW);
            let form = form(&token, &format!("&client_id={client}"));
            let status = AUTHORITY.with(|authority| post(authority, "/token", &form, NOW).0);
            prop_assert_eq!(status == 200, sub.starts_with(prefix), "{} for {}", sub, client);
        }
    }
}
