//! Introspection and revocation in workerd: a revoked token is no longer active.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;

use edgemint_e2e::{State, comes_true, get_json, send, serve_at_its_own_address};
use edgemint_testkit::{Answer, verify};
use serde_json::Value;
use xtask::Server;

/// The answer to a POST by `example-app`.
fn post(server: &Server, path: &str, form: &str, accept: &str) -> Answer {
    let headers = [
        ("authorization", "Basic ZXhhbXBsZS1hcHA6WlhoaGJYQnNaUzFoY0hBdGMyVmpjbVYw"), // its secret is in examples/dex.yaml
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", accept),
    ];
    let headers: BTreeMap<_, _> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    send("POST", &(server.base_url() + path), &headers, form.as_bytes().to_vec())
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

#[test]
fn a_token_that_is_revoked_is_no_longer_active_and_nothing_of_it_is_logged() {
    let state = State::seeded();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let server = serve_at_its_own_address(&state, &[algorithm]);
        let jwks = get_json(&format!("{}/keys", server.base_url()));
        let issue = || {
            let form = "grant_type=client_credentials&scope=profile";
            let body = json(&post(&server, "/token", form, "*/*"));
            body["access_token"].as_str().unwrap().to_owned()
        };
        let (revoked, kept) = (issue(), issue());
        let introspect =
            |token: &str, accept: &str| post(&server, "/token/introspect", &format!("token={token}"), accept);
        let (_, claims) = verify(&jwks, &revoked).unwrap();

        let about = json(&introspect(&revoked, "application/json"));
        assert_eq!(about["active"], true, "{algorithm}: {about}");
        for name in ["iss", "sub", "aud", "exp", "iat", "jti"] {
            assert_eq!(about[name], claims[name], "{algorithm}: {name}");
        }
        assert_eq!(about["username"], "Example App");

        let signed = introspect(&revoked, "application/token-introspection+jwt");
        assert_eq!(signed.headers["content-type"], "application/token-introspection+jwt");
        let (header, answer) = verify(&jwks, &signed.body).unwrap();
        assert_eq!(header["typ"], "token-introspection+jwt");
        assert_eq!(answer["token_introspection"], about);
        assert_eq!(answer["aud"], "example-app");

        let answer = post(&server, "/token/revoke", &format!("token={revoked}"), "*/*");
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{algorithm}");
        // KV may return "not revoked" for 30 seconds, if it was read just before.
        let is_inactive = || introspect(&revoked, "*/*").body == r#"{"active":false}"#;
        assert!(comes_true(is_inactive), "{algorithm}: it is still active");
        assert_eq!(json(&introspect(&kept, "*/*"))["active"], true, "{algorithm}: the other one still is");

        let jti = claims["jti"].as_str().unwrap();
        assert!(server.log_comes_to_contain("token.revoked"));
        let log = server.log().join("\n");
        assert!(log.contains(jti), "the log names the token by its jti:\n{log}");
        let signature = revoked.rsplit('.').next().unwrap();
        assert!(!log.contains(signature), "the log contains a token:\n{log}");
    }
}
