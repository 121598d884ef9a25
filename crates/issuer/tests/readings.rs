//! The two readings of HTTP Basic: which one counts, and which reason is logged when neither proves a client.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgemint_issuer::{
    Authority, Body, ClientId, ClientRecord, ClientSecret, Config, GeneratedSecret, Request, SecretHash,
    StoredSecret,
};
use edgemint_testkit::{MemoryClients, TestCrypto, logged, moment, signing_key};

/// The states of a client, and the reason in the log when the secret `right` is presented for it. The number
/// is how far the attempt comes.
const STATES: [(&str, u8, &str); 7] = [
    ("absent", 0, "unknown_client"),
    ("of another secret", 1, "wrong_secret"),
    ("disabled", 2, "client_disabled"),
    ("public", 2, "public_client"),
    ("without a secret", 2, "no_secret"),
    ("expired", 2, "secret_expired"),
    ("corrupt", 3, "corrupt_record"),
];

fn right() -> GeneratedSecret {
    GeneratedSecret::from_random(&[9; 32])
}

fn add(clients: &mut MemoryClients, id: &str, state: &str) {
    let mut record = ClientRecord::new(ClientId::parse(id).unwrap(), "App");
    let mut secret = StoredSecret { id: "s1".into(), created: 0, expires: None, hash: right().hash() };
    match state {
        "absent" => return,
        "corrupt" => return clients.put(record.id.kv_key(), "{".to_owned()),
        "of another secret" => secret.hash = GeneratedSecret::from_random(&[8; 32]).hash(),
        "disabled" => record.disabled = true,
        "public" => record.public = true,
        "expired" => secret.expires = Some(1),
        _ => {}
    }
    if state != "without a secret" {
        record.secrets.push(secret);
    }
    clients.add(&record);
}

/// The status and the logged reason when `pair` is presented by HTTP Basic.
fn present(clients: MemoryClients, pair: &str) -> (u16, Option<String>) {
    let key = signing_key("EdDSA", &[]);
    let config = Config::parse([
        ("ISSUER", "https://example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
    ]);
    let authority = Authority::new(config.unwrap(), clients, TestCrypto::default(), [0; 32]);
    let header = format!("Basic {}", STANDARD.encode(pair));
    let request = Request {
        method: "POST",
        path: "/token",
        authorization: Some(&header),
        content_type: Some("application/x-www-form-urlencoded"),
        body: Body::Whole(b"grant_type=client_credentials"),
        ..Request::default()
    };
    let outcome = pollster::block_on(authority.handle(&request, &moment()));
    let event = logged(outcome.event.as_ref());
    (outcome.response.status, event["reason"].as_str().map(str::to_owned))
}

#[test]
fn what_is_told_is_of_the_reading_that_came_furthest_and_of_two_the_first() {
    for (first, far, first_reason) in STATES {
        for (second, further, second_reason) in STATES {
            let mut clients = MemoryClients::default();
            // The decoded pair names "a b", and the raw pair names "a+b".
            add(&mut clients, "a b", first);
            add(&mut clients, "a+b", second);
            let (_, reason) = present(clients, &format!("a+b:{}", right().expose()));
            let expected = if further > far { second_reason } else { first_reason };
            assert_eq!(reason.as_deref(), Some(expected), "{first}, then {second}");
        }
    }
}

#[test]
fn the_reading_that_proves_a_client_counts_whatever_the_other_is() {
    for (other, ..) in STATES {
        for [right_one, other_one] in [["a b", "a+b"], ["a+b", "a b"]] {
            let mut clients = MemoryClients::default();
            add(&mut clients, right_one, "right");
            add(&mut clients, other_one, other);
            let (status, _) = present(clients, &format!("a+b:{}", right().expose()));
            assert_eq!(status, 200, "{right_one} is right, {other_one} is {other}");
        }
    }
}

#[test]
fn an_empty_secret_matches_nothing_not_even_its_own_hash() {
    let crypto = TestCrypto::default();
    let slow = edgemint_issuer::ports::SlowHash::pbkdf2_sha256(&crypto, b"", &[1; 16], 1000);
    let slow = SecretHash::Pbkdf2 {
        iterations: 1000,
        salt: vec![1; 16],
        derived: pollster::block_on(slow).unwrap(),
    };
    for hash in [SecretHash::sha256(&ClientSecret::new(Vec::new())), slow] {
        let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
        record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash });
        let mut clients = MemoryClients::default();
        clients.add(&record);
        assert_eq!(present(clients, "app:"), (401, Some("no_credentials".to_owned())), "{record:?}");
    }
}

/// The stored form of the secret `right`: a fast hash or a slow one.
fn kept(slow: bool) -> SecretHash {
    if !slow {
        return right().hash();
    }
    let (crypto, secret) = (TestCrypto::default(), right());
    let derived =
        edgemint_issuer::ports::SlowHash::pbkdf2_sha256(&crypto, secret.expose().as_bytes(), &[1; 16], 1000);
    SecretHash::Pbkdf2 { iterations: 1000, salt: vec![1; 16], derived: pollster::block_on(derived).unwrap() }
}

#[test]
fn of_two_secrets_that_match_a_live_one_counts_before_an_expired_one() {
    for (live, expired) in [(false, false), (false, true), (true, false), (true, true)] {
        let secret =
            |id: &str, expires, slow| StoredSecret { id: id.into(), created: 0, expires, hash: kept(slow) };
        let (live, expired) = (secret("live", None, live), secret("expired", Some(1), expired));
        for secrets in [[live.clone(), expired.clone()], [expired, live]] {
            let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
            record.secrets = secrets.into();
            let mut clients = MemoryClients::default();
            clients.add(&record);
            let (status, _) = present(clients, &format!("app:{}", right().expose()));
            assert_eq!(status, 200, "{record:?}");
        }
    }
}

#[test]
fn the_log_names_the_secret_that_was_presented() {
    let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
    for (id, random) in [("s1", 7), ("s2", 9), ("s3", 8)] {
        let hash = GeneratedSecret::from_random(&[random; 32]).hash();
        record.secrets.push(StoredSecret { id: id.into(), created: 0, expires: None, hash });
    }
    let mut clients = MemoryClients::default();
    clients.add(&record);
    let key = signing_key("EdDSA", &[]);
    let config = Config::parse([
        ("ISSUER", "https://example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
    ]);
    let authority = Authority::new(config.unwrap(), clients, TestCrypto::default(), [0; 32]);
    let body = format!("grant_type=client_credentials&client_id=app&client_secret={}", right().expose());
    let request = Request {
        method: "POST",
        path: "/token",
        content_type: Some("application/x-www-form-urlencoded"),
        body: Body::Whole(body.as_bytes()),
        ..Request::default()
    };
    let event = pollster::block_on(authority.handle(&request, &moment())).event;
    let event = logged(event.as_ref());
    assert_eq!(event["secret_id"], "s2");
}
