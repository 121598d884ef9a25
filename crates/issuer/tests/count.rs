//! Counts: for the event of each vector, the row has the same values as the log line.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

mod replay;

use edgemint_issuer::{
    Arrival, Authority, Body, COUNTED, ClientId, ClientRecord, Config, Event, GeneratedSecret, Request,
    StoredSecret,
};
use edgemint_testkit::{MemoryClients, TestCrypto, Vector, logged, moment, signing_key};
use serde_json::Value;

use replay::event;

/// The field `name` of a line, as text, such as `proof.kind`. Empty if the field is null or missing.
fn text(line: &Value, name: &str) -> String {
    match name.split('.').fold(line, |value, name| &value[name]) {
        Value::String(text) => text.clone(),
        Value::Array(texts) => texts.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join(" "),
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => panic!("{name} is {other}"),
    }
}

#[test]
fn every_row_says_what_the_line_of_the_log_says() {
    let (mut rows, mut filled) = (0, [0; COUNTED.len()]);
    for vector in Vector::all_in_both_profiles() {
        let Some(event) = event(&vector) else { continue };
        let (line, count) = (logged(&event), event.count());
        for (i, name) in COUNTED.iter().enumerate() {
            assert_eq!(count.texts[i], text(&line, name), "{} of {}", name, vector.name);
            filled[i] += usize::from(!count.texts[i].is_empty());
        }
        assert_eq!((count.times, count.time), (1, line["time"].as_u64().unwrap()), "{}", vector.name);
        assert_eq!(count.degraded, line["degraded"].as_array().map_or(0, Vec::len), "{}", vector.name);
        rows += 1;
    }
    assert!(rows > 200, "only {rows} rows");
    // Hardly any vector states where a request came from, because in workerd it would be this machine.
    let never: Vec<&str> =
        COUNTED.iter().zip(filled).filter(|(_, n)| *n == 0).map(|(name, _)| *name).collect();
    assert_eq!(never, ["country"]);
}

/// The event of a request with `form` from `client`, at an issuer that knows a secret `secret_id` of it.
fn asked(client: &str, secret_id: &str, form: &str) -> Event {
    let secret = GeneratedSecret::from_random(&[9; 32]);
    let mut record = ClientRecord::new(ClientId::parse(client).unwrap(), "");
    record.secrets.push(StoredSecret {
        id: secret_id.into(),
        created: 0,
        expires: None,
        hash: secret.hash(),
    });
    record.trusted_peers.push(ClientId::parse(client).unwrap());
    let mut clients = MemoryClients::default();
    clients.add(&record);
    for i in 0..32 {
        let mut peer = ClientRecord::new(ClientId::parse(&format!("peer-{i:0>50}")).unwrap(), "");
        peer.trusted_peers.push(record.id.clone());
        clients.add(&peer);
    }
    let key = signing_key("EdDSA", &[]);
    let config = Config::parse([
        ("ISSUER", "https://example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
    ]);
    let authority = Authority::new(config.unwrap(), clients, TestCrypto::default(), [0; 32]);
    let body = form.replace("SECRET", secret.expose());
    let request = Request {
        method: "POST",
        path: "/token",
        content_type: Some("application/x-www-form-urlencoded"),
        body: Body::Whole(body.as_bytes()),
        arrival: Arrival { address: Some("203.0.113.9"), country: Some("NL"), ..Arrival::default() },
        ..Request::default()
    };
    pollster::block_on(authority.handle(&request, &moment())).event.unwrap()
}

fn column<'e>(event: &'e Event, name: &str) -> std::borrow::Cow<'e, str> {
    let at = COUNTED.iter().position(|column| *column == name).unwrap();
    event.count().texts[at].clone()
}

#[test]
fn a_row_is_within_the_limits_whatever_a_request_or_a_record_holds() {
    let long = "x".repeat(256);
    let peers: Vec<String> = (0..32).map(|i| format!("audience:server:client_id:peer-{i:0>50}")).collect();
    let form = format!(
        "grant_type=client_credentials&client_id={long}&client_secret=SECRET&scope={}",
        peers.join("+")
    );
    let event = asked(&long, &"é".repeat(1000), &form);
    assert_eq!(column(&event, "event"), "token.issued");
    let count = event.count();
    assert_eq!((&*count.group, count.texts[2].as_ref()), (&long[..96], long.as_str()));
    assert_eq!(column(&event, "secret_id"), "é".repeat(128), "cut between two characters");
    assert_eq!(column(&event, "audience").len(), 1024);
    // Analytics Engine accepts 16 KB at the time of writing.
    assert!(count.texts.iter().map(|text| text.len()).sum::<usize>() < 4 * 1024);
    assert_eq!((column(&event, "network"), column(&event, "country")), ("203.0.113.9".into(), "NL".into()));
}

#[test]
fn rows_are_grouped_by_who_is_proven_and_else_by_reason() {
    for (form, group) in [
        ("grant_type=client_credentials&client_id=app&client_secret=SECRET", "app"),
        ("grant_type=client_credentials&client_id=app&client_secret=wrong", "wrong_secret"),
        ("grant_type=client_credentials&client_id=made-up&client_secret=x", "unknown_client"),
        ("grant_type=password", "grant_type_not_enabled"),
    ] {
        assert_eq!(asked("app", "s1", form).count().group, group, "{form}");
    }
}

#[test]
fn what_failed_beside_a_request_is_counted_and_makes_its_line_an_error() {
    let mut event = asked("app", "s1", "grant_type=client_credentials&client_id=app&client_secret=SECRET");
    assert_eq!((event.count().degraded, event.is_failure()), (0, false));
    event.goes_on_without("something failed".to_owned());
    assert_eq!((event.count().degraded, event.is_failure()), (1, true));
    assert_eq!(logged(&event)["degraded"], serde_json::json!(["something failed"]));
}
