//! The Worker itself: cases that no vector can contain, because they need several requests or depend on the runtime.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::{BTreeMap, HashSet};
use std::process::Command;

use edgemint_e2e::{State, edgemint, get_json, run, send, serve, serve_at_its_own_address};
use edgemint_testkit::{Answer, signing_key, verify};
use serde_json::Value;
use xtask::{Server, Variant};

const BASIC: &str = "Basic ZXhhbXBsZS1hcHA6WlhoaGJYQnNaUzFoY0hBdGMyVmpjbVYw"; // example-app:ZXhhbXBsZS1hcHAtc2VjcmV0

fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let key = signing_key("ES256", &[]);
    let base = [
        ("ISSUER", "https://tokens.example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
    ];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn token(server: &Server, authorization: &str, form: &str) -> Answer {
    let headers = [("authorization", authorization), ("content-type", "application/x-www-form-urlencoded")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    send("POST", &format!("{}/token", server.endpoints()), &headers, form.as_bytes().to_vec())
}

fn get(url: &str) -> Answer {
    send("GET", url, &BTreeMap::new(), Vec::new())
}

#[test]
fn the_seeds_two_curl_commands_work() {
    let state = State::empty();
    let clients = xtask::root().join("examples/dex.yaml");
    edgemint(&state, &["client", "import", clients.to_str().unwrap()]);
    let server = serve_at_its_own_address(&state, &["ES256"]);
    let jwks = get_json(&format!("{}/keys", server.base_url()));
    for (data, with_id_token) in [
        ("grant_type=client_credentials", false),
        ("grant_type=client_credentials&scope=openid+profile", true),
    ] {
        let url = format!("{}/token", server.base_url());
        let user = "example-app:ZXhhbXBsZS1hcHAtc2VjcmV0";
        let output = run(Command::new("curl").args(["-sS", "-X", "POST", &url, "-u", user, "-d", data]));
        let body: Value = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"));
        let (_, claims) = verify(&jwks, body["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(claims["iss"], server.base_url().as_str());
        assert_eq!(body.get("id_token").is_some(), with_id_token);
    }
}

/// Checks that a request that ends the wasm instance gets an answer in JSON, and that the next request is served.
fn is_survived(server: &Server, path: &str) {
    for round in 0..3 {
        let answer = get(&format!("{}{path}", server.base_url()));
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (500, "application/json"));
        let body = r#"{"error":"server_error","error_description":"The request could not be served."}"#;
        assert_eq!(
            (answer.body.as_str(), answer.headers["x-content-type-options"].as_str()),
            (body, "nosniff")
        );
        let answer = token(server, BASIC, "grant_type=client_credentials&scope=openid");
        assert_eq!(answer.status, 200, "{path}, round {round}: {}", answer.body);
    }
}

#[test]
fn a_panic_in_one_request_leaves_the_next_served() {
    let state = State::seeded();
    let server = serve(&state, &variables(&[]), Variant::ProvokePanic);
    assert_eq!(token(&server, BASIC, "grant_type=client_credentials").status, 200);
    is_survived(&server, "/panic");
    assert!(server.log_comes_to_contain("provoked"), "a panic is logged");
}

#[test]
fn a_request_that_takes_all_memory_leaves_the_next_served() {
    let state = State::seeded();
    let server = serve(&state, &variables(&[]), Variant::ProvokePanic);
    assert_eq!(token(&server, BASIC, "grant_type=client_credentials").status, 200);
    is_survived(&server, "/out-of-memory");
    assert!(server.log_comes_to_contain("RuntimeError"), "it is logged");
}

#[test]
fn every_error_of_a_configuration_is_logged_and_every_endpoint_says_503() {
    let state = State::empty();
    let key = signing_key("ES256", &[("alg", "HS256".into())]);
    let wrong = [
        ("ISSUER", "http://tokens.example.com"),
        ("GRANT_TYPES", "client_credentails"),
        ("TOKEN_LIFETIME", "1s"),
        ("CLIENT_CACHE", "1d"),
        ("SIGNING_KEY_B", &key),
    ];
    let server = serve(&state, &variables(&wrong), Variant::Release);
    assert_eq!(server.health(), 503);
    for path in ["/token", "/keys", "/healthz", "/.well-known/openid-configuration", "/else"] {
        let answer = get(&(server.base_url() + path));
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.headers.contains_key("retry-after"), "{path}");
        assert!(!answer.body.contains("GRANT"), "{path} reveals the configuration: {}", answer.body);
    }
    assert!(server.log_comes_to_contain("config.invalid"));
    let log = server.log().join("\n");
    for (name, _) in wrong {
        assert!(log.contains(name), "{name} is not in the log:\n{log}");
    }
    let private = serde_json::from_str::<Value>(&key).unwrap()["d"].as_str().unwrap().to_owned();
    assert!(!log.contains(&private), "the log contains the key");
}

#[test]
fn a_key_that_cannot_be_imported_is_told_to_the_operator_alone() {
    let state = State::seeded();
    // A private part that does not match the public one.
    let key = signing_key("ES256", &[("x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".into())]);
    let server = serve(&state, &variables(&[("SIGNING_KEY_A", &key)]), Variant::Release);
    assert_eq!(get(&format!("{}/healthz", server.base_url())).status, 503);
    let answer = token(&server, BASIC, "grant_type=client_credentials");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(!answer.body.contains("SIGNING_KEY"));
    assert!(server.log_comes_to_contain("the key in SIGNING_KEY_A cannot be"));
}

#[test]
fn tokens_differ_and_the_cache_serves_the_same_client() {
    let state = State::seeded();
    let server = serve(&state, &variables(&[]), Variant::Release);
    let jwks = get_json(&format!("{}/keys", server.base_url()));
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let answer = token(&server, BASIC, "grant_type=client_credentials&scope=openid");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        for name in ["access_token", "id_token"] {
            let (_, claims) = verify(&jwks, body[name].as_str().unwrap()).unwrap();
            assert!(seen.insert(claims["jti"].to_string()), "a jti occurs twice");
        }
    }
    assert_eq!(seen.len(), 100);
}

#[test]
fn documents_are_tagged_and_not_sent_twice() {
    let state = State::empty();
    let server = serve_at_its_own_address(&state, &["ES256"]);
    for path in ["/keys", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let url = server.base_url() + path;
        let first = get(&url);
        let tag = first.headers["etag"].clone();
        let headers = BTreeMap::from([("if-none-match".to_owned(), tag.clone())]);
        let second = send("GET", &url, &headers, Vec::new());
        assert_eq!((second.status, second.body.as_str()), (304, ""), "{path}");
        assert_eq!(second.headers["etag"], tag);
    }
}

/// The status and body of `/token`'s answer to `body`, which curl sends with a length or in chunks.
fn post_bytes(server: &Server, state: &State, body: &[u8], is_chunked: bool) -> (String, String) {
    let file = state.path().join("body");
    std::fs::write(&file, body).unwrap();
    let (url, data) = (format!("{}/token", server.base_url()), format!("@{}", file.display()));
    let mut command = Command::new("curl");
    command.args(["-sS", "-w", "\n%{http_code}", "-X", "POST", &url, "--data-binary", &data]);
    if is_chunked {
        command.args(["-H", "Transfer-Encoding: chunked"]);
    }
    command.args(["-H", &format!("Authorization: {BASIC}")]);
    let said = run(command.args(["-H", "Content-Type: application/x-www-form-urlencoded"]));
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn a_body_without_an_announced_length_is_read_within_the_limit() {
    let state = State::seeded();
    let server = serve(&state, &variables(&[]), Variant::Release);
    for (bytes, expected) in [(16 * 1024, "200"), (16 * 1024 + 1, "413"), (1_000_000, "413")] {
        let form = "grant_type=client_credentials&x=";
        let body = format!("{form}{}", "x".repeat(bytes - form.len()));
        // A connection that ends in the middle of a body causes a failure only sometimes, so the test repeats.
        for round in 0..20 {
            let (status, body) = post_bytes(&server, &state, body.as_bytes(), true);
            assert_eq!(status, expected, "{bytes} bytes, round {round}: {body}\n{}", server.log().join("\n"));
        }
    }
}

/// The runtime passes a body on as text, and silently replaces invalid bytes.
#[test]
fn a_body_that_is_not_utf_8_is_refused_however_it_comes() {
    let state = State::seeded();
    let server = serve(&state, &variables(&[]), Variant::Release);
    let form = b"grant_type=client_credentials&x=";
    let after = |bytes: &[u8]| [form, bytes].concat();
    for (what, body, expected) in [
        ("ASCII", after(b"x"), "200"),
        ("UTF-8", after("päss日本😀".as_bytes()), "200"),
        ("a byte that never occurs in UTF-8", after(b"\xFF"), "400"),
        ("Latin-1", after(b"p\xE4ss"), "400"),
        ("three bytes of four, with the length of their replacement", after(b"\xF0\x9F\x98"), "400"),
        ("half of a surrogate pair", after(b"\xED\xA0\x80"), "400"),
        ("a byte order mark", [b"\xEF\xBB\xBF", form.as_slice(), b"x"].concat(), "400"),
        (
            "a byte order mark, and more than ASCII",
            ["\u{FEFF}".as_bytes(), &after("ä".as_bytes())].concat(),
            "400",
        ),
    ] {
        for is_chunked in [false, true] {
            let (status, answer) = post_bytes(&server, &state, &body, is_chunked);
            assert_eq!(status, expected, "{what}, chunked: {is_chunked}: {answer}");
            assert_eq!(
                answer.contains("The body is not well-formed."),
                expected == "400",
                "{what}: {answer}"
            );
        }
    }
}

#[test]
fn a_client_that_the_command_line_added_gets_a_token_and_a_removed_one_does_not() {
    let state = State::empty();
    let added = edgemint(&state, &["client", "add", "svc", "--name", "Service", "--group", "g", "--json"]);
    let added: Value = serde_json::from_str(&added).unwrap_or_else(|error| panic!("{error}: {added}"));
    let secret = added["secret"].as_str().expect("the secret is printed once");
    let server = serve(&state, &variables(&[("CLIENT_CACHE", "0")]), Variant::Release);
    let form = format!("grant_type=client_credentials&scope=groups&client_id=svc&client_secret={secret}");
    let headers =
        BTreeMap::from([("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    let ask = || send("POST", &format!("{}/token", server.base_url()), &headers, form.clone().into_bytes());
    let answer = ask();
    assert_eq!(answer.status, 200, "{}", answer.body);
    edgemint(&state, &["client", "remove", "svc", "--yes"]);
    assert_eq!(ask().status, 401);
}
