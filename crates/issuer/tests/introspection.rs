//! Introspection and revocation over several requests, and for arbitrary tokens.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use edgemint_issuer::{
    Authority, Body, ClientId, ClientRecord, Config, Decision, GeneratedSecret, Moment, Request, StoredSecret,
};
use edgemint_testkit::{MemoryClients, NOW, TestCrypto, signing_key};
use proptest::prelude::*;
use serde_json::Value;

const INACTIVE: &str = r#"{"active":false}"#;

fn secret() -> GeneratedSecret {
    GeneratedSecret::from_random(&[9; 32])
}

/// An issuer with the clients `app` and `other`, whose tokens are signed with `alg`.
fn authority(alg: &str, not_before: Option<u64>) -> Authority<MemoryClients, TestCrypto> {
    authority_with(alg, not_before, TestCrypto::default())
}

fn authority_with(
    alg: &str,
    not_before: Option<u64>,
    crypto: TestCrypto,
) -> Authority<MemoryClients, TestCrypto> {
    let mut clients = MemoryClients::default();
    for id in ["app", "other"] {
        let mut record = ClientRecord::new(ClientId::parse(id).unwrap(), "App");
        let secret = StoredSecret { id: "s1".into(), created: 0, expires: None, hash: secret().hash() };
        record.secrets.push(secret);
        record.not_before = not_before.filter(|_| id == "app");
        clients.add(&record);
    }
    let key = signing_key(alg, &[]);
    let variables =
        [("ISSUER", "https://example.com"), ("GRANT_TYPES", "client_credentials"), ("SIGNING_KEY_A", &key)];
    Authority::new(Config::parse(variables).unwrap(), clients, crypto, [0; 32])
}

/// The status, body and decision of a POST by `client` at the second `at`.
fn post(
    authority: &Authority<MemoryClients, TestCrypto>,
    (path, client, form): (&str, &str, &str),
    at: u64,
) -> (u16, String, Option<Decision>) {
    let body = format!("client_id={client}&client_secret={}&{form}", secret().expose());
    let request = Request {
        method: "POST",
        path,
        content_type: Some("application/x-www-form-urlencoded"),
        body: Body::Whole(body.as_bytes()),
        ..Request::default()
    };
    // Each token needs its own `jti`.
    let moment = Moment { now: at, random: [(at % 251) as u8; 64] };
    let outcome = pollster::block_on(authority.handle(&request, &moment));
    (
        outcome.response.status,
        outcome.response.body.into_owned(),
        outcome.event.map(|event| event.decision().clone()),
    )
}

fn token(authority: &Authority<MemoryClients, TestCrypto>, at: u64) -> String {
    let (status, body, _) = post(authority, ("/token", "app", "grant_type=client_credentials"), at);
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn introspect(authority: &Authority<MemoryClients, TestCrypto>, token: &str, at: u64) -> String {
    let encoded: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let (status, body, _) = post(authority, ("/token/introspect", "app", &format!("token={encoded}")), at);
    assert_eq!(status, 200, "{body}");
    body
}

fn is_active(authority: &Authority<MemoryClients, TestCrypto>, token: &str, at: u64) -> bool {
    let body = introspect(authority, token, at);
    let active = serde_json::from_str::<Value>(&body).unwrap()["active"] == true;
    assert!(active || body == INACTIVE, "{body}");
    active
}

#[test]
fn a_token_is_active_from_its_issue_until_it_expires() {
    for alg in ["ES256", "RS256", "EdDSA"] {
        let authority = authority(alg, None);
        let token = token(&authority, NOW);
        for (at, active) in [(NOW, true), (NOW + 599, true), (NOW + 600, false), (NOW - 61, false)] {
            assert_eq!(is_active(&authority, &token, at), active, "{alg}, {at}");
        }
    }
}

#[test]
fn whatever_token_is_issued_can_be_asked_about_and_none_is_longer_than_8_kib() {
    let (mut longest, mut refused) = (0, 0);
    for length in 5800..5860 {
        let mut clients = MemoryClients::default();
        let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
        let secret = StoredSecret { id: "s1".into(), created: 0, expires: None, hash: secret().hash() };
        record.secrets.push(secret);
        record.groups.push("x".repeat(length));
        clients.add(&record);
        // With a header of this length, one of the tokens has exactly the longest length.
        let key = signing_key("EdDSA", &[("kid", "kid".into())]);
        let variables = [
            ("ISSUER", "https://example.com"),
            ("GRANT_TYPES", "client_credentials"),
            ("SIGNING_KEY_A", &key),
        ];
        let config = Config::parse(variables).unwrap();
        let authority = Authority::new(config, clients, TestCrypto::default(), [0; 32]);
        let form = "grant_type=client_credentials&scope=groups";
        let (status, body, decision) = post(&authority, ("/token", "app", form), NOW);
        if status == 200 {
            let body: Value = serde_json::from_str(&body).unwrap();
            let token = body["access_token"].as_str().unwrap();
            assert!(is_active(&authority, token, NOW), "{length}");
            longest = longest.max(token.len());
        } else {
            assert_eq!(status, 400, "{body}");
            assert!(matches!(decision, Some(Decision::Refused { reason: "token_too_long", .. })));
            refused += 1;
        }
    }
    assert!(longest == 8192 && refused > 0, "{longest}, {refused} refused");
}

#[test]
fn a_revoked_token_is_no_longer_active_and_every_other_still_is() {
    let authority = authority("ES256", None);
    let (first, second) = (token(&authority, NOW), token(&authority, NOW + 1));
    let revoke =
        |client, token: &str| post(&authority, ("/token/revoke", client, &format!("token={token}")), NOW + 2);
    let (status, body, event) = revoke("other", &first);
    assert_eq!(status, 400);
    assert!(body.contains("invalid_grant"), "{body}");
    assert!(matches!(event, Some(Decision::Refused { .. })));
    assert!(is_active(&authority, &first, NOW + 3), "another client cannot revoke it");

    let (status, body, event) = revoke("app", &first);
    assert_eq!((status, body.as_str()), (200, ""));
    let Some(Decision::Revoked { client, jti, .. }) = event else { panic!("{event:?}") };
    assert_eq!((client.as_str(), jti.len()), ("app", 22));
    assert!(!is_active(&authority, &first, NOW + 3));
    assert!(is_active(&authority, &second, NOW + 3));
    assert_eq!(revoke("app", &first).0, 200, "and again");
}

#[test]
fn tokens_that_were_issued_up_to_not_before_are_revoked_all_at_once() {
    let authority = authority("EdDSA", Some(NOW));
    for (issued, active) in [(NOW - 1, false), (NOW, false), (NOW + 1, true)] {
        let token = token(&authority, issued);
        assert_eq!(is_active(&authority, &token, NOW + 2), active, "issued at {issued}");
    }
}

#[test]
fn a_key_that_cannot_verify_is_no_answer() {
    let token = token(&authority("ES256", None), NOW);
    let broken = authority_with("ES256", None, TestCrypto { broken: true, ..TestCrypto::default() });
    for path in ["/token/introspect", "/token/revoke"] {
        let (status, body, _) = post(&broken, (path, "app", &format!("token={token}")), NOW);
        assert_eq!(status, 503, "{path}: {body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_token_altered_in_any_one_character_is_never_active(
        alg in prop_oneof![Just("ES256"), Just("RS256"), Just("EdDSA")],
        at: prop::sample::Index,
        to in "[A-Za-z0-9_.=-]|[ -~]",
    ) {
        let authority = authority(alg, None);
        let token = token(&authority, NOW);
        let at = at.index(token.len());
        let mut altered = token.clone();
        altered.replace_range(at..=at, &to);
        prop_assert_eq!(is_active(&authority, &altered, NOW), altered == token, "{}", altered);
        let mut longer = token.clone();
        longer.insert_str(at, &to);
        let mut shorter = token.clone();
        shorter.remove(at);
        prop_assert!(!is_active(&authority, &longer, NOW), "{}", longer);
        prop_assert!(!is_active(&authority, &shorter, NOW), "{}", shorter);
    }

    #[test]
    fn no_text_makes_the_verifier_panic_and_none_is_active(
        text in prop_oneof![
            ".{1,200}",
            "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,90}",
            json(),
        ],
    ) {
        prop_assert_eq!(introspect(&authority("EdDSA", None), &text, NOW), INACTIVE);
    }
}

/// Three segments, of which the first two are JSON or almost JSON.
fn json() -> impl Strategy<Value = String> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let member = "\"(alg|kid|typ|crit|iss|exp|iat|aud|sub|jti)\":(\"(EdDSA|none|HS256|JWT|at\\+jwt|.{0,5})\"|-?[0-9]{1,20}|\\[\\]|null)";
    let object = prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")));
    (object.clone(), object, "[A-Za-z0-9_-]{0,90}").prop_map(|(header, claims, signature)| {
        format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    })
}
