//! `edgemint key list`, `key rotate` and `key retire`: writes, activation times and rejections. Also the completion
//! scripts.

mod stand_in;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use stand_in::{Folder, issuer};

const ROTATE: [&str; 4] = ["key", "rotate", "--env", "production"];

/// A deployment whose issuer publishes one key.
fn project() -> Folder {
    let url = issuer(|_, _| (200, r#"{"keys":[{"kid":"a","alg":"EdDSA"}]}"#.to_owned()));
    project_at(&url, "")
}

fn project_at(url: &str, more: &str) -> Folder {
    Folder::new(&format!(
        "[vars]\nISSUER = \"http://127.0.0.1:1\"\n[env.production.vars]\nISSUER = \"{url}\"\n\
         MAX_TOKEN_LIFETIME = \"2h\"\n{more}"
    ))
}

#[test]
fn a_new_key_goes_through_a_pipe_under_the_name_of_its_time() {
    let folder = project();
    let told = folder.edgemint(&[&ROTATE[..], &["--json"]].concat(), "");
    assert_eq!(told.code, Some(0), "{told:?}");
    let report: Value = serde_json::from_str(&told.out).unwrap();
    let name = report["name"].as_str().unwrap();
    assert!(name.starts_with("SIGNING_KEY_20") && name.ends_with("Z_EDDSA"), "{name}");
    assert_eq!(
        folder.calls(),
        [
            "secret list --format json --env production --config PROJECT/wrangler.toml".to_owned(),
            format!("secret put {name} --env production --config PROJECT/wrangler.toml"),
        ]
    );
    let key: Value = serde_json::from_str(&folder.read("fake/secret")).unwrap();
    assert_eq!((&key["kid"], &key["nbf"]), (&report["kid"], &report["activates"]));
    assert_eq!((&key["alg"], &report["alg"]), (&"EdDSA".into(), &"EdDSA".into()), "as the one that signs");
    let apart = report["old_may_go"].as_u64().unwrap() - report["activates"].as_u64().unwrap();
    assert_eq!(apart, 2 * 3600 + 60, "MAX_TOKEN_LIFETIME and the clocks");
    let d = key["d"].as_str().unwrap();
    let seen = [told.out, told.err, folder.read("fake/calls"), folder.read("fake/environment")].concat();
    assert!(!seen.contains(d), "the private key is nowhere else");
}

#[test]
fn what_would_not_be_seamless_or_would_lose_a_key_is_refused() {
    let folder = project();
    let told = folder.edgemint(&[&ROTATE[..], &["--activate-in", "5m"]].concat(), "");
    assert!(told.code == Some(1) && told.err.contains("at least 6m"), "{told:?}");
    assert!(folder.calls().is_empty());
    let told = folder.edgemint(&[&ROTATE[..], &["--name", "FIRST"]].concat(), "");
    assert!(
        told.code == Some(1) && told.err.contains("cannot add the key SIGNING_KEY_FIRST: it exists"),
        "{told:?}"
    );
    let told = folder.edgemint(&[&ROTATE[..], &["--dry-run"]].concat(), "");
    assert!(told.code == Some(0) && told.err.contains("wrangler secret put SIGNING_KEY_20"), "{told:?}");
    let told = folder.edgemint(&[&ROTATE[..], &["--dry-run", "--json", "--name", "NEXT"]].concat(), "");
    let report: Value = serde_json::from_str(&told.out).unwrap();
    let config = folder.0.join("wrangler.toml");
    let command =
        format!("wrangler secret put SIGNING_KEY_NEXT --env production --config {}", config.display());
    assert_eq!((&report["command"], &report["kid"]), (&command.into(), &Value::Null));
    assert_eq!(folder.read("fake/secret"), "", "nothing was put");
    for name in ["20260101T000000Z", "20260101T000000Z_EDDSA"] {
        let told = folder.edgemint(&[&ROTATE[..], &["--name", name]].concat(), "");
        assert!(told.code == Some(1) && told.err.contains("Pass another --name"), "{told:?}");
    }
    let forced =
        folder.edgemint(&[&ROTATE[..], &["--activate-in", "0s", "--force", "--name", "NOW"]].concat(), "");
    assert_eq!(forced.code, Some(0), "{forced:?}");
}

#[test]
fn the_algorithm_is_that_of_the_deployment_and_none_is_guessed() {
    let unseen = project_at("http://127.0.0.1:1", "");
    let told = unseen.edgemint(&ROTATE, "");
    assert!(told.code == Some(1) && told.err.contains("pass --alg"), "{told:?}");
    assert!(!unseen.read("fake/calls").contains("secret put"));
    let told = unseen.edgemint(&[&ROTATE[..], &["--alg", "EdDSA"]].concat(), "");
    assert!(
        told.code == Some(0) && told.err.contains("The key will sign all tokens, with EdDSA"),
        "{told:?}"
    );

    let set = project_at("http://127.0.0.1:1", "SIGNING_ALG = \"ES256\"\n");
    let told = set.edgemint(&[&ROTATE[..], &["--json"]].concat(), "");
    assert!(told.code == Some(0) && told.out.contains("Z_ES256\",\"alg\":\"ES256\""), "{told:?}");
    let told = set.edgemint(&[&ROTATE[..], &["--alg", "EdDSA"]].concat(), "");
    assert!(told.err.contains("only tokens for APIs that require EdDSA. SIGNING_ALG is ES256"), "{told:?}");

    let first = project_at("http://127.0.0.1:1", "");
    secrets(&first, &[]);
    let told = first.edgemint(&[&ROTATE[..], &["--json"]].concat(), "");
    assert!(told.code == Some(0) && told.out.contains("\"alg\":\"ES256\""), "{told:?}");
}

#[test]
fn wranglers_failures_say_what_was_not_done_and_hold_no_key() {
    for (operation, told) in
        [("list --format", "nothing was written"), ("put SIGNING_KEY_X", "the key may not have been stored")]
    {
        let folder = project();
        folder.write("fake/fail", &format!("{operation}\n✘ [ERROR] You are not logged in.\n"));
        let said = folder.edgemint(&[&ROTATE[..], &["--name", "X"]].concat(), "");
        assert!(
            said.code == Some(1) && said.err.contains(told) && said.err.contains("wrangler login"),
            "{said:?}"
        );
        assert!(!said.err.contains("\"d\""));
    }
}

#[test]
fn a_local_key_is_added_beside_the_others_and_the_list_says_which_signs() {
    let folder = project();
    let run = |arguments: &[&str]| {
        let told = folder.edgemint(&[arguments, &["--local", "--state", "state"]].concat(), "");
        assert_eq!(told.code, Some(0), "{told:?}");
        told
    };
    run(&["key", "rotate", "--activate-in", "0s", "--force", "--name", "OLD"]);
    let first = folder.read("state/keys.env");
    run(&["key", "rotate", "--name", "NEXT", "--alg", "EdDSA"]);
    let both = folder.read("state/keys.env");
    assert!(both.starts_with(&first) && both.lines().count() == 2, "nothing was lost");
    let mode = fs::metadata(folder.0.join("state/keys.env")).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, fs::read_dir(folder.0.join("state")).unwrap().count()), (0o600, 1));

    let listed = run(&["key", "list"]);
    let lines: Vec<&str> = listed.out.lines().collect();
    assert!(lines[0].starts_with("SIGNING_KEY_OLD") && lines[0].contains("ES256  signs now"), "{lines:?}");
    assert!(lines[1].starts_with("SIGNING_KEY_NEXT") && lines[1].contains("EdDSA  will sign"), "{lines:?}");
    assert!(listed.err.contains("cannot reach "), "the issuer does not run, but the stored keys are listed");
    assert!(!listed.out.contains("\"d\""));
    let told = folder.edgemint(&["key", "rotate", "--name", "OLD", "--local", "--state", "state"], "");
    assert!(told.code == Some(1) && folder.read("state/keys.env") == both);
}

#[test]
fn of_a_deployed_environment_the_names_and_what_is_published_are_listed() {
    let url =
        issuer(|_, _| (200, r#"{"keys":[{"kid":"a","alg":"ES256"},{"kid":"b","alg":"RS256"}]}"#.to_owned()));
    let folder = Folder::new(&format!("[env.production.vars]\nISSUER = \"{url}\"\n"));
    let told = folder.edgemint(&["key", "list", "--env", "production"], "");
    assert_eq!(told.out, "SIGNING_KEY_FIRST\na  ES256  signs now\nb  RS256\n", "{told:?}");
    secrets(&folder, &["SIGNING_KEY_FIRST", "SIGNING_KEY_20200101T000000Z"]);
    let told = folder.edgemint(&["key", "list", "--env", "production"], "");
    assert!(told.out.contains("SIGNING_KEY_20200101T000000Z  from 2020-01-01 00:00:00 UTC ("), "{told:?}");
    let told = folder.edgemint(&["key", "list", "--env", "production", "--json"], "");
    let report: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (&report["keys"][0]["name"], &report["published"][1]["kid"]),
        (&"SIGNING_KEY_FIRST".into(), &"b".into())
    );
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let told = project().edgemint(&["completions", shell], "");
        assert!(told.code == Some(0) && told.out.contains("rotate-secret"), "{shell}");
    }
}

const RETIRE: [&str; 5] = ["key", "retire", "--env", "production", "--yes"];

/// An issuer that publishes the keys `new` and `old`. The key `new` signs.
fn rotated() -> Folder {
    let url = issuer(|_, _| {
        (200, r#"{"keys":[{"kid":"new","alg":"ES256"},{"kid":"old","alg":"ES256"}]}"#.to_owned())
    });
    Folder::new(&format!("[env.production.vars]\nISSUER = \"{url}\"\nMAX_TOKEN_LIFETIME = \"1h\"\n"))
}

fn secrets(folder: &Folder, names: &[&str]) {
    let names = names.iter().map(|name| serde_json::json!({ "name": name })).collect::<Vec<_>>();
    folder.write("fake/secrets.json", &Value::from(names).to_string());
}

#[test]
fn a_key_is_retired_when_no_token_needs_it_and_not_before() {
    let folder = rotated();
    let (long_ago, later) = ("SIGNING_KEY_20200101T000000Z", "SIGNING_KEY_20210101T000000Z");
    secrets(&folder, &[long_ago, later, "SIGNING_KEY_29990101T000000Z", "SIGNING_KEY_FIRST", "TOKEN"]);
    let retire = |more: &[&str]| folder.edgemint(&[&RETIRE[..], more].concat(), "");

    let told = retire(&[long_ago, "--dry-run"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.err.contains(&format!("wrangler secret delete {long_ago} --env production")), "{told:?}");
    assert!(!folder.read("fake/calls").contains("secret delete"));

    let told = retire(&[long_ago, "--json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let report: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&report["name"], &report["retired"]), (&long_ago.into(), &true.into()));
    assert_eq!(
        folder.calls().last().unwrap(),
        &format!("secret delete {long_ago} --env production --config PROJECT/wrangler.toml")
    );

    for (name, more, why) in [
        (later, &[][..], "signs now"),
        ("FIRST", &[], "--kid"),
        ("FIRST", &["--kid", "new"], "signs now"),
        ("FIRST", &["--kid", "other"], "cannot find the key other"),
        ("TOKEN", &[], "cannot find the key SIGNING_KEY_TOKEN"),
    ] {
        let told = retire(&[&[name], more].concat());
        assert!(told.code == Some(1) && told.err.contains(why), "{name}: {told:?}");
    }
    assert_eq!(folder.read("fake/calls").matches("secret delete").count(), 1, "nothing else was deleted");
    assert_eq!(retire(&["FIRST", "--kid", "old"]).code, Some(0), "another signs since 2021");
    let told = retire(&[later, "--force"]);
    assert!(
        told.code == Some(0) && told.err.contains("warning: ") && told.err.contains("signs now"),
        "{told:?}"
    );
}

#[test]
fn a_key_that_an_api_demands_stays_until_another_of_its_algorithm_has_taken_over() {
    let folder = rotated();
    let (rsa, ec) = ("SIGNING_KEY_20200101T000000Z_RS256", "SIGNING_KEY_20210101T000000Z_ES256");
    let api = serde_json::json!({ "v": 1, "id": "https://a/", "name": "A", "scopes": [], "token_lifetime": null,
        "alg": "RS256", "profile": null, "revision": 1 });
    folder.write("fake/keys.json", r#"[{"name":"api:https://a/"}]"#);
    folder.write("fake/stored.json", &serde_json::json!({ "api:https://a/": api.to_string() }).to_string());
    let retire = |more: &[&str]| folder.edgemint(&[&RETIRE[..], more].concat(), "");
    secrets(&folder, &[rsa, ec]);
    let told = retire(&[rsa]);
    assert!(
        told.code == Some(1) && told.err.contains("signs tokens for APIs that require RS256"),
        "{told:?}"
    );
    secrets(&folder, &[rsa, ec, "SIGNING_KEY_FIRST"]);
    let told = retire(&["FIRST"]);
    assert!(
        told.code == Some(1) && told.err.contains("lacks the activation time or the algorithm"),
        "{told:?}"
    );
    assert!(!folder.read("fake/calls").contains("secret delete"));
    secrets(&folder, &[rsa, ec, "SIGNING_KEY_20220101T000000Z_RS256"]);
    assert_eq!(retire(&[rsa]).code, Some(0));
    // If the APIs cannot be read, the command does not assume that there are none. --force overrides that.
    folder.write("fake/fail", "key list\n✘ [ERROR] fetch failed\n");
    let told = retire(&[rsa]);
    assert!(told.code == Some(1) && told.err.contains("which algorithms APIs require"), "{told:?}");
    assert_eq!(retire(&[rsa, "--force"]).code, Some(0));
}

#[test]
fn the_only_key_stays_and_a_key_that_just_stopped_signing_too() {
    let folder = rotated();
    let told = folder.edgemint(&[&RETIRE[..], &["FIRST"]].concat(), "");
    assert!(told.code == Some(1) && told.err.contains("is the only key"), "{told:?}");
    // Another key took over a minute ago.
    let added = folder
        .edgemint(&["key", "rotate", "--env", "production", "--activate-in", "0s", "--force", "--json"], "");
    let name = serde_json::from_str::<Value>(&added.out).unwrap()["name"].as_str().unwrap().to_owned();
    secrets(&folder, &["SIGNING_KEY_FIRST", &name]);
    let told = folder.edgemint(&[&RETIRE[..], &["FIRST", "--kid", "old"]].concat(), "");
    assert!(told.code == Some(1) && told.err.contains("may be valid until"), "{told:?}");
    assert!(!folder.read("fake/calls").contains("secret delete"));
    let unasked = folder.edgemint(&["key", "retire", "FIRST", "--env", "production", "--force"], "");
    assert!(unasked.code == Some(1) && unasked.err.contains("pass --yes"), "{unasked:?}");
    folder.write("fake/fail", "delete SIGNING_KEY_FIRST\n✘ [ERROR] fetch failed\n");
    let failed = folder.edgemint(&[&RETIRE[..], &["FIRST", "--force"]].concat(), "");
    assert!(failed.code == Some(1) && failed.err.contains("may not have been deleted"), "{failed:?}");
}

#[test]
fn a_local_key_is_taken_out_and_every_other_line_stays() {
    let folder = Folder::new("[vars]\nISSUER = \"http://127.0.0.1:1\"\nMAX_TOKEN_LIFETIME = \"30s\"\n");
    let run =
        |arguments: &[&str]| folder.edgemint(&[arguments, &["--local", "--state", "state"]].concat(), "");
    for (name, time) in [("OLD", "0s"), ("NEXT", "2h")] {
        assert_eq!(run(&["key", "rotate", "--activate-in", time, "--force", "--name", name]).code, Some(0));
    }
    let both = format!("# ours\n{}# the end", folder.read("state/keys.env"));
    folder.write("state/keys.env", &both);
    assert_eq!(run(&["key", "retire", "OLD", "--yes"]).code, Some(1), "it signs");
    assert_eq!(folder.read("state/keys.env"), both);
    assert_eq!(run(&["key", "retire", "SIGNING_KEY_NEXT", "--yes"]).code, Some(0), "it has signed nothing");
    let left = folder.read("state/keys.env");
    assert!(left.starts_with("# ours\nSIGNING_KEY_OLD=") && left.ends_with("\n# the end"), "{left}");
    assert_eq!(left.lines().count(), 3);
}

#[test]
fn a_byte_order_mark_before_a_local_key_hides_nothing() {
    let folder = project();
    let rotate = ["key", "rotate", "--local", "--state", "state", "--name", "FIRST", "--alg", "ES256"];
    assert_eq!(folder.edgemint(&rotate, "").code, Some(0));
    let line = folder.read("state/keys.env");
    for marked in [format!("\u{feff}{line}"), line.replace("='{", "='\u{feff}{")] {
        folder.write("state/keys.env", &marked);
        let told = folder.edgemint(&["key", "list", "--local", "--state", "state", "--json"], "");
        assert!(told.code == Some(0) && told.out.contains("\"SIGNING_KEY_FIRST\""), "{told:?}");
        let told = folder.edgemint(&rotate, "");
        assert!(told.err.contains("cannot add the key SIGNING_KEY_FIRST: it exists"), "{told:?}");
        let retire =
            ["key", "retire", "SIGNING_KEY_FIRST", "--local", "--state", "state", "--force", "--yes"];
        let told = folder.edgemint(&retire, "");
        assert_eq!((told.code, folder.read("state/keys.env").as_str()), (Some(0), ""), "{told:?}");
    }
}
