//! The log: every event of every vector is a line that docs/audit-log.schema.json promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

mod replay;

use std::collections::BTreeSet;

use edgemint_testkit::{Vector, check_log_line};
use serde_json::{Value, json};

/// The event of `vector`, if it has one, as the log has it.
fn event(vector: &Vector) -> Option<Value> {
    replay::event(vector).map(|event| serde_json::to_value(event).unwrap())
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
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(check_log_line(&bad).is_err(), "{name}");
    }
    for name in good.as_object().unwrap().keys() {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(name);
        assert!(check_log_line(&bad).is_err(), "without {name}");
    }
}
