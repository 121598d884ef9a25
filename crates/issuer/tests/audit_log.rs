//! The log: the event of each vector follows docs/reference/audit-log.schema.json.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

mod replay;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgemint_issuer::{ClientId, MAX_BODY, Tally};
use edgemint_testkit::{Vector, check_log_line, logged};
use serde_json::{Value, json};

/// The event of `vector` in the format of the log, if it has one.
fn event(vector: &Vector) -> Option<Value> {
    replay::event(vector).map(|event| logged(&event))
}

#[test]
fn every_event_of_every_vector_follows_the_schema() {
    let mut seen = BTreeSet::new();
    for vector in Vector::all_in_both_profiles() {
        let Some(event) = event(&vector) else { continue };
        check_log_line(&event).unwrap_or_else(|why| panic!("{}: {why}", vector.name));
        seen.insert(event["event"].as_str().unwrap().to_owned());
    }
    let all = [
        "health.failed",
        "token.introspected",
        "token.issued",
        "token.not_revoked",
        "token.refused",
        "token.revoked",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn the_line_of_counted_tokens_follows_the_schema() {
    let mut seen = BTreeSet::new();
    for vector in Vector::all_in_both_profiles() {
        let Some(event) = replay::event(&vector) else { continue };
        let mut tally = Tally::default();
        if !tally.count(&event) {
            continue;
        }
        let line = tally.oldest().unwrap().line("COUNTS took no row");
        let line: Value = serde_json::from_str(&line).unwrap();
        check_log_line(&line).unwrap_or_else(|why| panic!("{}: {why}", vector.name));
        let event = logged(&event);
        for field in ["client", "proof", "audience", "kid", "bound", "outcome", "time"] {
            assert_eq!(line[field], event[field], "{field} of {}", vector.name);
        }
        seen.insert((line["proof"]["kind"].to_string(), line["bound"].to_string()));
    }
    assert!(seen.len() >= 6, "only {seen:?}");
}

/// The client ID in a request, read by a second implementation: from a well-formed pair in Basic, or from the
/// form. Returns it decoded and raw, because the body may decide which is meant.
fn presented(vector: &Vector) -> Option<[String; 2]> {
    let header = vector.headers().get("authorization").cloned().filter(|header| header.len() <= 8192);
    let basic = header.and_then(|header| {
        let encoded = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?.1;
        let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        Some(pair.split_once(':')?.0.to_owned())
    });
    let in_form = |body: Vec<u8>| {
        let body = String::from_utf8(body).ok().filter(|body| body.len() <= MAX_BODY)?;
        body.split('&').find_map(|pair| pair.strip_prefix("client_id=")).map(str::to_owned)
    };
    let id = basic.or_else(|| in_form(vector.body()))?;
    let decoded = form_urlencoded::parse(format!("id={id}").as_bytes()).next()?.1.into_owned();
    ClientId::parse(&decoded).ok()?;
    (!decoded.starts_with("ems_")).then_some([decoded, id])
}

#[test]
fn every_refusal_names_the_client_that_was_presented_and_says_what_to_do() {
    let mut looked_at = BTreeSet::new();
    for vector in Vector::all_in_both_profiles() {
        let Some(event) = event(&vector).filter(|event| event["event"] == "token.refused") else { continue };
        let (name, reason) = (&vector.name, event["reason"].as_str().unwrap().to_owned());
        // The authorization endpoint reads no credentials, wherever they are.
        if let Some(ids) = presented(&vector).filter(|_| event["endpoint"] != "auth") {
            assert!(
                ids.iter().any(|id| event["client"] == *id),
                "{name}: {} and not {ids:?}",
                event["client"]
            );
        }
        let detail = event["detail"].as_str().unwrap();
        let (problem, remedy) = detail.split_once(". ").unwrap_or_else(|| panic!("{name}: {detail}"));
        assert!(problem.contains(' ') && !problem.starts_with(|c: char| c.is_ascii_uppercase()), "{detail}");
        assert!(remedy.starts_with(|c: char| c.is_ascii_uppercase()) && remedy.ends_with('.'), "{detail}");
        looked_at.insert(reason);
    }
    assert!(looked_at.len() >= 30, "only {looked_at:?}");
}

#[test]
fn the_schema_refuses_what_it_does_not_promise() {
    let vector = Vector::all().into_iter().find(|vector| vector.name == "dex-no-scopes").unwrap();
    let good = event(&vector).unwrap();
    assert_eq!(check_log_line(&good), Ok(()));
    for (name, value) in [
        ("client_secret", json!("x")),
        ("time", json!("now")),
        ("outcome", json!("failed")),
        ("event", json!("token.minted")),
        ("scopes", json!("openid")),
        ("jti", json!("short")),
        ("network", json!(1)),
        ("degraded", json!([])),
        ("proof", json!("s1")),
        ("proof", json!({ "kind": "token", "id": "s1" })),
        ("assertion", json!({ "signature": "x" })),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(check_log_line(&bad).is_err(), "{name}");
    }
    // Only a secret has the older field.
    for name in good.as_object().unwrap().keys().filter(|name| *name != "secret_id") {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(name);
        assert!(check_log_line(&bad).is_err(), "without {name}");
    }
}
