//! Assertions over several requests: used once, verified within bounds, and by keys that are fetched within bounds.
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

use edgemint_issuer::ports::{
    ApiStore, ClientStore, IssuerStore, KeySource, RateLimit, Replay, RevocationStore,
};
use edgemint_issuer::{
    ApiId, Arrival, Authority, Body, ClientId, ClientRecord, Config, KeySetUrl, Limit, Moment, Request,
    SingleUse, TrustedIssuerId, Unavailable,
};
use edgemint_testkit::{Kind, MemoryClients, Mint, NOW, Store, TestCrypto, public_key, signing_key, stored};
use proptest::prelude::*;
use serde_json::{Value, json};

const ISSUER: &str = "https://tokens.example.com";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const URL: &str = "https://keys.example.com/jwks";

fn config(issuer: &str) -> Config {
    let key = signing_key("EdDSA", &[]);
    let variables =
        [("ISSUER", issuer), ("GRANT_TYPES", "client_credentials"), ("SIGNING_KEY_A", key.as_str())];
    Config::parse(variables).unwrap()
}

type Plain = Authority<MemoryClients, TestCrypto>;

fn authority() -> Plain {
    Authority::new(config(ISSUER), stored(Store::Up), TestCrypto::default(), [0; 32])
}

/// Sends `form` to `path` at `now`. Returns the status, the body, and the log line.
fn post<C, B: RateLimit, R: Replay>(
    authority: &Authority<C, TestCrypto, B, R>,
    path: &str,
    form: &str,
    now: u64,
) -> (u16, Value, Value)
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + KeySource,
{
    let request = Request {
        method: "POST",
        path,
        authorization: None,
        accept: None,
        content_type: Some("application/x-www-form-urlencoded"),
        origin: None,
        if_none_match: None,
        body: Body::Whole(form.as_bytes()),
        arrival: Arrival { address: Some("192.0.2.1"), ..Arrival::default() },
    };
    let moment = Moment { now, random: [3; 32] };
    let served = pollster::block_on(authority.handle(&request, &moment));
    let body = serde_json::from_str(&served.response.body).unwrap_or_default();
    let mut event = serde_json::to_value(&served.event).unwrap();
    let retry = served.response.headers.iter().find(|(name, _)| *name == "Retry-After");
    event["retry"] = retry.map(|(_, value)| value.to_string()).into();
    (served.response.status, body, event)
}

fn form(assertion: &str, more: &str) -> String {
    format!("grant_type=client_credentials&client_assertion_type={TYPE}&client_assertion={assertion}{more}")
}

fn own(claims: Value) -> String {
    Mint::of(Kind::Client, json!({}), claims).token(ISSUER, NOW)
}

fn ask<C, B: RateLimit, R: Replay>(
    authority: &Authority<C, TestCrypto, B, R>,
    assertion: &str,
    now: u64,
) -> (u16, Value)
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + KeySource,
{
    let (status, _, event) = post(authority, "/token", &form(assertion, ""), now);
    (status, event)
}

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
fn the_same_token_id_of_another_client_is_another_assertion() {
    let authority = authority();
    assert_eq!(ask(&authority, &own(json!({ "jti": "a" })), NOW).0, 200);
    let other = Mint::of(Kind::Client, json!({}), json!({ "iss": "both", "sub": "both", "jti": "a" }));
    assert_eq!(ask(&authority, &other.token(ISSUER, NOW), NOW).0, 200);
}

#[test]
fn a_malleated_signature_does_not_make_another_assertion() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let authority = authority();
    // Ed25519 signatures are not malleable here, but another signature by the same key counts the same.
    let first = own(json!({ "jti": "once" }));
    let again = own(json!({ "jti": "once", "exp": "+61" }));
    assert_ne!(first, again);
    assert!(URL_SAFE_NO_PAD.decode(first.rsplit('.').next().unwrap()).is_ok());
    assert_eq!(ask(&authority, &first, NOW).0, 200);
    assert_eq!(ask(&authority, &again, NOW).1["reason"], "assertion_replayed");
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

/// A memory that several instances share, and that fails on command.
#[derive(Default, Clone)]
struct Shared {
    known: Rc<RefCell<HashSet<(String, [u8; 32])>>>,
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

/// The clients of the vectors, and keys at URLs that change and fail on command.
#[derive(Clone)]
struct Remote {
    clients: MemoryClients,
    keys: Rc<RefCell<Result<String, Unavailable>>>,
    fetches: Rc<RefCell<Vec<String>>>,
}

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
