//! Tasks of operators: the command line changes clients of a deployment while the Worker serves without interruption.
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

use edgemint_e2e::{Deployment, comes_true, edgemint_program, now, run, send, wait_for_the_clock};
use serde_json::Value;

/// Runs `edgemint` on the deployment, with words for a shell. Returns its stdout.
fn edgemint(deployment: &Deployment, words: &str) -> String {
    run(&mut deployment.shell(&format!("edgemint {words} --env production")))
}

/// The status of a request for a token.
fn ask(deployment: &Deployment, id: &str, secret: &str) -> u16 {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers =
        BTreeMap::from([("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    send("POST", &format!("{}/token", deployment.issuer()), &headers, form.into_bytes()).status
}

/// Polls until the answer has this status.
#[track_caller]
fn comes_to(deployment: &Deployment, id: &str, secret: &str, status: u16) {
    let seen = comes_true(|| ask(deployment, id, secret) == status);
    assert!(seen, "{id} still gets {} instead of {status}", ask(deployment, id, secret));
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
    let deployment = Deployment::start();
    let mut first = secret_of(&edgemint(&deployment, "client add billing"));
    comes_to(&deployment, "billing", &first, 200);

    // The overlap starts when the command does. If it ended before the requests, the test tries a longer one.
    let mut changes = 0;
    let (rotated, second, expires) = loop {
        changes += 1;
        let overlap = format!("{}s", 5 << changes);
        let rotate = format!("client rotate-secret billing --overlap {overlap} --json");
        let rotated = json(&edgemint(&deployment, &rotate));
        let second = secret_of(rotated["secret"].as_str().unwrap());
        let old = rotated["old_secrets"].as_array().unwrap();
        let expires = old.iter().map(|old| old["expires"].as_u64().unwrap()).max().unwrap();
        comes_to(&deployment, "billing", &second, 200);
        let with_the_old = ask(&deployment, "billing", &first);
        if now() < expires {
            assert_eq!(with_the_old, 200, "the old secret works, too, for {overlap}");
            break (rotated, second, expires);
        }
        assert!(changes < 8, "a command and two requests take longer than {overlap}");
        first = second;
    };
    wait_for_the_clock(expires + 1);
    assert_eq!(ask(&deployment, "billing", &first), 401, "the overlap has passed");
    assert_eq!(ask(&deployment, "billing", &second), 200);

    edgemint(&deployment, "client disable billing");
    comes_to(&deployment, "billing", &second, 401);
    edgemint(&deployment, "client enable billing");
    comes_to(&deployment, "billing", &second, 200);

    let secret_id = rotated["secret_id"].as_str().unwrap();
    edgemint(&deployment, &format!("client revoke-secret billing {secret_id}"));
    comes_to(&deployment, "billing", &second, 401);

    let shown = json(&edgemint(&deployment, "client show billing --json"));
    assert_eq!(shown["revision"], 4 + changes, "the first, and one for each change");
    let stay =
        shown["secrets"].as_array().unwrap().iter().filter(|secret| !secret["expires"].is_null()).count();
    assert_eq!((stay, shown["secrets"].as_array().unwrap().len()), (changes, changes), "the expired ones");
    let listed = json(&edgemint(&deployment, "client list --json"));
    assert_eq!(listed["clients"][0]["live_secrets"], 0);
}

#[test]
fn a_backup_in_an_empty_namespace_makes_every_client_work_again() {
    let deployment = Deployment::start();
    let dex = xtask::root().join("examples/dex.yaml");
    edgemint(&deployment, &format!("client import '{}'", dex.display()));
    let billing = secret_of(&edgemint(&deployment, "client add billing"));
    let retired = secret_of(&edgemint(&deployment, "client add retired"));
    edgemint(&deployment, "client disable retired");
    edgemint(&deployment, "client export backup.json");
    let backup = deployment.path().join("backup.json");

    let restored = Deployment::start();
    edgemint(&restored, &format!("client import '{}'", backup.display()));
    let list = "client list --json";
    assert_eq!(edgemint(&restored, list), edgemint(&deployment, list));
    assert_eq!(edgemint(&restored, "client export"), std::fs::read_to_string(&backup).unwrap());

    assert_eq!(ask(&restored, "billing", &billing), 200);
    assert_eq!(ask(&restored, "example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0"), 200);
    assert_eq!(ask(&restored, "retired", &retired), 401, "the client was disabled before, and still is");
    assert_eq!(ask(&restored, "billing", &retired), 401);
}

#[test]
fn a_client_gets_tokens_for_an_api_that_are_asked_about_and_taken_back() {
    const API: &str = "https://api.example/";
    let deployment = Deployment::start_with(&[("TOKEN_PROFILE", "rfc9068")]);
    edgemint(&deployment, &format!("api add {API} --scope read=Reads. --scope write=Writes."));
    edgemint(&deployment, &format!("client add billing --api {API} --scope read --out secret"));
    edgemint(&deployment, "client claims billing --set-text tenant=acme");
    let file = deployment.path().join("secret");
    let token = |arguments: &[&str], input: &str| {
        let mut command = Command::new(edgemint_program());
        command.arg("token").args(arguments).args(["--issuer", &deployment.issuer(), "--json"]);
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
    edgemint(&deployment, "client revoke-tokens billing");
    becomes(|| active(&second), false);
    // Tokens contain the time of issue in seconds.
    wait_for_the_clock(now() + 1);
    assert_eq!(active(&get()), true, "later tokens are active");

    edgemint(&deployment, &format!("client ungrant billing --api {API}"));
    becomes(|| token(&["get", "--resource", API], "").1["error"].clone(), "invalid_target");
}

/// Polls until the value is as expected.
#[track_caller]
fn becomes(ask: impl Fn() -> Value, expected: impl Into<Value>) {
    let expected = expected.into();
    assert!(comes_true(|| ask() == expected), "it is {} and not {expected}", ask());
}
