//! Counts in workerd: each decision becomes a row where a dataset is bound, and no request fails or waits because of
//! it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;

use edgemint_e2e::{Bare, now, send};
use edgemint_issuer::{COUNTED, ClientId, ClientRecord, GeneratedSecret, StoredSecret};
use edgemint_testkit::{Answer, signing_key};
use serde_json::{Value, json};
use xtask::Variant;

fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let key = signing_key("ES256", &[("kid", "k1".into())]);
    let base = [
        ("ISSUER", "https://tokens.example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
    ];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn ask(bare: &Bare, client: &str, secret: &str) -> Answer {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("cf-connecting-ip", "203.0.113.9"),
        ("cf-ipcountry", "NL"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
    send("POST", &format!("{}/token", bare.url()), &headers, form.into_bytes())
}

fn with_clients(bare: &Bare) -> String {
    let secret = GeneratedSecret::from_random(&[7; 32]);
    for id in ["app", "other", "throw"] {
        let mut record = ClientRecord::new(ClientId::parse(id).unwrap(), "A service");
        let stored = StoredSecret { id: "s1".into(), created: 1, expires: None, hash: secret.hash() };
        record.secrets.push(stored);
        bare.put(&record.id.kv_key(), &record.to_json());
    }
    secret.expose().to_owned()
}

/// A row as a map of its columns, and its group.
fn said(row: &Value) -> (String, BTreeMap<&'static str, String>) {
    let texts = row["blobs"].as_array().unwrap();
    let texts = COUNTED.iter().zip(texts).map(|(name, text)| (*name, text.as_str().unwrap().to_owned()));
    (row["indexes"][0].as_str().unwrap().to_owned(), texts.filter(|(_, text)| !text.is_empty()).collect())
}

#[test]
fn each_decision_is_a_row_of_the_dataset() {
    let bare = Bare::start_counting(Variant::Release, &variables(&[]));
    let secret = with_clients(&bare);
    assert_eq!((ask(&bare, "app", &secret).status, ask(&bare, "app", "wrong").status), (200, 401));
    let rows = bare.rows(2);
    let expected = [
        ("event", "token.issued"),
        ("outcome", "ok"),
        ("client", "app"),
        ("secret_id", "s1"),
        ("audience", "app"),
        ("kid", "k1"),
        ("network", "203.0.113.9"),
        ("country", "NL"),
        ("proof.kind", "secret"),
        ("proof.id", "s1"),
    ];
    let expected = expected.map(|(name, text)| (name, text.to_owned())).into();
    assert_eq!(said(&rows[0]), ("app".to_owned(), expected));
    let doubles = &rows[0]["doubles"];
    assert_eq!((&doubles[0], &doubles[1]), (&json!(1), &json!(0)));
    assert!(now().abs_diff(doubles[2].as_u64().unwrap()) < 3600, "{doubles}");
    let (group, refused) = said(&rows[1]);
    assert_eq!((group.as_str(), refused["reason"].as_str()), ("wrong_secret", "wrong_secret"));
    assert!(!rows.iter().any(|row| row.to_string().contains(&secret)));
}

#[test]
fn a_row_that_is_not_taken_fails_no_request_and_stands_in_the_log() {
    let bare = Bare::start_counting(Variant::Release, &variables(&[]));
    let secret = with_clients(&bare);
    for _ in 0..3 {
        assert_eq!(ask(&bare, "throw", &secret).status, 200);
    }
    assert!(bare.log_comes_to_contain("\"degraded\":[\"COUNTS took no row\"]"), "{}", bare.log().join("\n"));
    assert_eq!(ask(&bare, "app", &secret).status, 200);
    assert_eq!(said(&bare.rows(1)[0]).0, "app");
}

#[test]
fn a_configuration_with_errors_is_counted_too() {
    let bare = Bare::start_counting(Variant::Release, &variables(&[("TOKEN_LIFETIME", "1s")]));
    assert_eq!(ask(&bare, "app", "x").status, 503);
    let rows = bare.rows(1);
    let expected = [("event", "config.invalid"), ("outcome", "failed")];
    let expected = expected.map(|(name, text)| (name, text.to_owned())).into();
    assert_eq!(said(&rows[0]), ("config.invalid".to_owned(), expected));
}

/// The number of issued tokens that the rows tell, by client.
fn counted(rows: &[Value]) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for row in rows {
        let (client, columns) = said(row);
        if columns["event"] == "token.issued" {
            assert!(!columns.contains_key("network") && !columns.contains_key("country"), "{row}");
            *counted.entry(client).or_default() += row["doubles"][0].as_u64().unwrap();
        }
    }
    counted
}

#[test]
fn counted_tokens_are_rows_with_numbers_and_have_no_lines() {
    let bare = Bare::start_counting(Variant::Release, &variables(&[("LOG_ISSUED", "counted")]));
    let secret = with_clients(&bare);
    for client in ["app", "other", "app", "app", "throw", "throw"] {
        assert_eq!(ask(&bare, client, &secret).status, 200);
    }
    // A rejection is a row and a line at once.
    assert_eq!(ask(&bare, "app", "wrong").status, 401);
    assert_eq!(said(&bare.rows(1)[0]).1["event"], "token.refused");
    // No further request comes, so the isolate writes its rows by itself.
    let expected = [("app".to_owned(), 3), ("other".to_owned(), 1)];
    assert_eq!(counted(&bare.rows(3)), expected.into());
    let has = |event: &str| bare.log().iter().any(|line| line.contains(&format!("\"event\":\"{event}\"")));
    assert!(has("token.refused") && !has("token.issued"), "{}", bare.log().join("\n"));
    // The dataset does not accept a row of this client, so the numbers are in the log.
    assert!(bare.log_comes_to_contain("\"event\":\"tokens.counted\""), "{}", bare.log().join("\n"));
    let line = bare.log().into_iter().find(|line| line.contains("tokens.counted")).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["client"], &line["tokens"]), (&json!("throw"), &json!(2)));
}

#[test]
fn an_isolate_that_ends_loses_only_what_it_counted_in_its_last_minute() {
    let bare = Bare::start_counting(Variant::ProvokePanic, &variables(&[("LOG_ISSUED", "counted")]));
    let secret = with_clients(&bare);
    // A panic ends the instance with everything that it keeps in memory, as the end of an isolate does.
    let (mut issued, mut of_the_last) = (0, 0);
    for tokens in [3, 1, 4, 1, 5, 9] {
        for _ in 0..tokens {
            assert_eq!(ask(&bare, "app", &secret).status, 200);
        }
        (issued, of_the_last) = (issued + tokens, tokens);
        if tokens != 9 {
            let answer = send("GET", &format!("{}/panic", bare.url()), &BTreeMap::new(), Vec::new());
            assert_eq!(answer.status, 500);
        }
    }
    assert!(bare.log_comes_to_contain("row "), "{}", bare.log().join("\n"));
    let rows = bare.rows(bare.log().iter().filter(|line| line.starts_with("row ")).count());
    let told = counted(&rows)["app"];
    assert!(
        (of_the_last..=issued).contains(&told),
        "{told} of {issued} are told, at least {of_the_last} must be"
    );
}

#[test]
fn counting_without_a_dataset_is_an_error_of_the_configuration() {
    let bare = Bare::start(Variant::Release, &variables(&[("LOG_ISSUED", "counted")]), false);
    assert_eq!(ask(&bare, "app", "x").status, 503);
    assert!(
        bare.log_comes_to_contain("COUNTS is missing: LOG_ISSUED=counted needs"),
        "{}",
        bare.log().join("\n")
    );
}
