//! Tasks of operators: the command line changes clients while the Worker serves without interruption.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use edgemint_e2e::{
    State, comes_true, edgemint, edgemint_program, now, send, serve, serve_with, wait_for_the_clock,
};
use edgemint_testkit::signing_key;
use serde_json::Value;
use xtask::{Server, ServerOptions, Variant};

/// A Worker that caches no client.
fn worker(state: &State) -> Server {
    let key = signing_key("ES256", &[]);
    let variables = [
        ("ISSUER", "https://tokens.example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("CLIENT_CACHE", "0"),
        ("SIGNING_KEY_A", &key),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    serve(state, &variables.into(), Variant::Release)
}

/// The status of a request for a token.
fn ask(server: &Server, id: &str, secret: &str) -> u16 {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers =
        BTreeMap::from([("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    send("POST", &format!("{}/token", server.endpoints()), &headers, form.into_bytes()).status
}

/// Polls until the answer has this status. Only KV's cache at an edge location may delay it.
#[track_caller]
fn comes_to(server: &Server, id: &str, secret: &str, status: u16) {
    let seen = comes_true(|| ask(server, id, secret) == status);
    assert!(seen, "{id} still gets {} instead of {status}", ask(server, id, secret));
}

fn secret_of(printed: &str) -> String {
    let secret = printed.trim().to_owned();
    assert!(secret.starts_with("ems_"), "stdout has only the secret");
    secret
}

fn json(printed: &str) -> Value {
    serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

#[test]
fn a_secret_is_rotated_without_a_refusal_and_a_client_is_disabled_enabled_and_revoked() {
    let state = State::empty();
    let mut first = secret_of(&edgemint(&state, &["client", "add", "billing"]));
    let server = worker(&state);
    comes_to(&server, "billing", &first, 200);

    // The overlap starts when the command does. If it ended before the requests, the test tries a longer one.
    let mut changes = 0;
    let (rotated, second, expires) = loop {
        changes += 1;
        let overlap = format!("{}s", 5 << changes);
        let rotate = ["client", "rotate-secret", "billing", "--overlap", &overlap, "--json"];
        let rotated = json(&edgemint(&state, &rotate));
        let second = secret_of(rotated["secret"].as_str().unwrap());
        let old = rotated["old_secrets"].as_array().unwrap();
        let expires = old.iter().map(|old| old["expires"].as_u64().unwrap()).max().unwrap();
        comes_to(&server, "billing", &second, 200);
        let with_the_old = ask(&server, "billing", &first);
        if now() < expires {
            assert_eq!(with_the_old, 200, "the old secret works, too, for {overlap}");
            break (rotated, second, expires);
        }
        assert!(changes < 8, "a command and two requests take longer than {overlap}");
        first = second;
    };
    wait_for_the_clock(expires + 1);
    assert_eq!(ask(&server, "billing", &first), 401, "the overlap has passed");
    assert_eq!(ask(&server, "billing", &second), 200);

    edgemint(&state, &["client", "disable", "billing"]);
    comes_to(&server, "billing", &second, 401);
    edgemint(&state, &["client", "enable", "billing"]);
    comes_to(&server, "billing", &second, 200);

    let secret_id = rotated["secret_id"].as_str().unwrap();
    edgemint(&state, &["client", "revoke-secret", "billing", secret_id]);
    comes_to(&server, "billing", &second, 401);

    let shown = json(&edgemint(&state, &["client", "show", "billing", "--json"]));
    assert_eq!(shown["revision"], 4 + changes, "the first, and one for each change");
    let stay =
        shown["secrets"].as_array().unwrap().iter().filter(|secret| !secret["expires"].is_null()).count();
    assert_eq!((stay, shown["secrets"].as_array().unwrap().len()), (changes, changes), "the expired ones");
    let listed = json(&edgemint(&state, &["client", "list", "--json"]));
    assert_eq!(listed["clients"][0]["live_secrets"], 0);
}

#[test]
fn a_backup_in_an_empty_namespace_makes_every_client_work_again() {
    let state = State::empty();
    let dex = xtask::root().join("examples/dex.yaml");
    edgemint(&state, &["client", "import", dex.to_str().unwrap()]);
    let billing = secret_of(&edgemint(&state, &["client", "add", "billing"]));
    let retired = secret_of(&edgemint(&state, &["client", "add", "retired"]));
    edgemint(&state, &["client", "disable", "retired"]);
    let backup = state.path().join("backup.json");
    edgemint(&state, &["client", "export", backup.to_str().unwrap()]);

    let restored = State::empty();
    edgemint(&restored, &["client", "import", backup.to_str().unwrap()]);
    let list = ["client", "list", "--json"];
    assert_eq!(edgemint(&restored, &list), edgemint(&state, &list));
    assert_eq!(edgemint(&restored, &["client", "export"]), std::fs::read_to_string(&backup).unwrap());

    let server = worker(&restored);
    assert_eq!(ask(&server, "billing", &billing), 200);
    assert_eq!(ask(&server, "example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0"), 200);
    assert_eq!(ask(&server, "retired", &retired), 401, "the client was disabled before, and still is");
    assert_eq!(ask(&server, "billing", &retired), 401);
}

#[test]
fn a_client_gets_tokens_for_an_api_that_are_asked_about_and_taken_back() {
    const API: &str = "https://api.example/";
    let state = State::empty();
    edgemint(&state, &["api", "add", API, "--scope", "read=Reads.", "--scope", "write=Writes."]);
    let secret = secret_of(&edgemint(&state, &["client", "add", "billing", "--api", API, "--scope", "read"]));
    edgemint(&state, &["client", "claims", "billing", "--set-text", "tenant=acme"]);
    let file = state.path().join("secret");
    std::fs::write(&file, &secret).unwrap();
    let key = signing_key("ES256", &[]);
    let mut options =
        ServerOptions::new(state.path(), Variant::Release.worker()).secret("SIGNING_KEY_A", &key);
    for (name, value) in
        [("GRANT_TYPES", "client_credentials"), ("TOKEN_PROFILE", "rfc9068"), ("CLIENT_CACHE", "0")]
    {
        options = options.var(name, value);
    }
    let server = serve_with(options);
    let token = |arguments: &[&str], input: &str| {
        let mut command = Command::new(edgemint_program());
        command.arg("token").args(arguments).args(["--issuer", &server.base_url(), "--json"]);
        if arguments[0] != "inspect" {
            command.args(["--client", "billing", "--secret-file"]).arg(&file);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    };
    let get = || {
        let (code, answer) = token(&["get", "--resource", API], "");
        assert_eq!((code, &answer["scope"]), (Some(0), &"read".into()), "all that it is granted: {answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let (code, refused) = token(&["get", "--resource", API, "--scope", "write"], "");
    assert_eq!((code, &refused["error"]), (Some(1), &"invalid_scope".into()));
    let first = get();
    let (code, shown) = token(&["inspect", "--audience", API], &first);
    assert_eq!((code, &shown["claims"]["tenant"]), (Some(0), &"acme".into()), "{shown}");

    let active = |of: &str| token(&["introspect"], of).1["active"].clone();
    assert_eq!(active(&first), true);
    assert_eq!(token(&["revoke"], &first).0, Some(0));
    becomes(|| active(&first), false);
    let second = get();
    assert_eq!(active(&second), true);
    edgemint(&state, &["client", "revoke-tokens", "billing"]);
    becomes(|| active(&second), false);
    // Tokens contain the time of issue in seconds.
    wait_for_the_clock(now() + 1);
    assert_eq!(active(&get()), true, "later tokens are active");

    edgemint(&state, &["client", "ungrant", "billing", "--api", API]);
    becomes(|| token(&["get", "--resource", API], "").1["error"].clone(), "invalid_target");
}

/// Polls until the value is as expected.
#[track_caller]
fn becomes(ask: impl Fn() -> Value, expected: impl Into<Value>) {
    let expected = expected.into();
    assert!(comes_true(|| ask() == expected), "it is {} and not {expected}", ask());
}
