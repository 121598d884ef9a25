//! Changes of single clients in a deployed environment: reads, comparisons and writes, with a wrangler that only
//! records its calls.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use support::{Project, err, out};

const ENV: [&str; 2] = ["--env", "production"];

/// A project with the client `a`, which the CLI added, and its secret.
fn with_a_client() -> (Project, String) {
    let project = Project::new();
    let added = project.edgemint(&["client", "add", "a", "--group", "g", "--env", "production"]);
    assert_eq!(added.status.code(), Some(0), "{}", err(&added));
    project.store_what_was_put();
    fs::remove_file(project.path("fake/calls")).unwrap();
    (project, out(&added).trim().to_owned())
}

fn client(project: &Project, arguments: &[&str]) -> std::process::Output {
    project.edgemint(&[&["client"], arguments, &ENV].concat())
}

/// The only record that was written.
fn put_record(project: &Project) -> Value {
    let mut put = project.put();
    let (key, record) = put.pop().unwrap();
    assert_eq!((key.as_str(), put.len()), ("client:a", 0));
    record
}

fn verbs(project: &Project) -> Vec<String> {
    project.calls().iter().map(|call| call.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect()
}

/// One change of each kind.
const CHANGES: [&[&str]; 6] = [
    &["disable", "a"],
    &["rotate-secret", "a"],
    &["revoke-secret", "a", "s1"],
    &["claims", "a", "--set-text", "tenant=acme"],
    &["allow-introspection", "a", "--tokens", "any"],
    &["revoke-tokens", "a"],
];

#[test]
fn a_change_reads_looks_again_and_writes_that_record_alone() {
    for change in CHANGES {
        let (project, _) = with_a_client();
        let done = client(&project, change);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        assert_eq!(verbs(&project), ["kv bulk get", "kv bulk get", "kv bulk put"], "{change:?}");
        assert_eq!(project.read("fake/get.json"), r#"["client:a"]"#);
        let record = put_record(&project);
        assert_eq!((&record["revision"], &record["groups"]), (&json!(2), &json!(["g"])), "{change:?}");
        assert!(err(&done).contains("within 2m (Worker cache 1m, KV cache 1m)"), "{}", err(&done));
        assert_eq!(fs::read_dir(project.path("tmp")).unwrap().count(), 0, "no scratch file stays");
    }
}

#[test]
fn the_second_of_two_operators_is_told_and_overwrites_nothing() {
    for change in CHANGES {
        let (project, _) = with_a_client();
        let stored: Value = serde_json::from_str(&project.read("fake/stored.json")).unwrap();
        let other = stored["client:a"].as_str().unwrap().replace("\"revision\":1", "\"revision\":2");
        for then in [json!({ "client:a": other }), json!({}), json!({ "client:a": "garbage" })] {
            project.write("fake/stored.json", &stored.to_string());
            project.write("fake/then.json", &then.to_string());
            let done = client(&project, change);
            assert_eq!((done.status.code(), out(&done).as_str()), (Some(1), ""), "{change:?}");
            let told = err(&done);
            assert!(
                told.contains(
                    "the client a in the environment production: another operator wrote the record"
                ),
                "{told}"
            );
            assert!(told.contains("Run the command again"), "{told}");
            assert!(!project.path("fake/put.json").exists(), "{change:?} overwrote {then}");
        }
        // Running the command again works.
        project.write("fake/stored.json", &json!({ "client:a": other }).to_string());
        assert_eq!(client(&project, change).status.code(), Some(0));
        assert_eq!(put_record(&project)["revision"], 3);
    }
}

#[test]
fn a_record_that_is_not_there_or_cannot_be_read_is_left_as_it_is() {
    for change in CHANGES {
        for (stored, told, asked) in [
            (
                json!({}),
                "cannot find the client a in the environment production",
                &["kv bulk get", "kv key list"][..],
            ),
            (json!({ "client:a": r#"{"v":99,"id":"a"}"# }), "it has version 99", &["kv bulk get"]),
            (
                json!({ "client:a": "garbage" }),
                "in the environment production, so it was not changed",
                &["kv bulk get"],
            ),
        ] {
            let project = Project::new();
            project.write("fake/stored.json", &stored.to_string());
            let done = client(&project, change);
            assert_eq!((done.status.code(), out(&done).as_str()), (Some(1), ""));
            assert!(err(&done).contains(told), "{}", err(&done));
            assert_eq!(err(&done).lines().count(), 1);
            assert_eq!(verbs(&project), asked);
        }
    }
}

#[test]
fn a_dry_run_reads_and_writes_nothing() {
    for change in CHANGES {
        for more in [&["--dry-run"][..], &["--dry-run", "--json"]] {
            let (project, secret) = with_a_client();
            let done = client(&project, &[change, more].concat());
            assert_eq!(done.status.code(), Some(0), "{}", err(&done));
            assert_eq!(verbs(&project), ["kv bulk get"]);
            let told = out(&done) + &err(&done);
            assert!(told.contains("\"revision\": 2") || told.contains("\"revision\":2"), "{told}");
            assert!(told.contains("kv bulk put RECORDS.json --binding CLIENTS --remote --env production"));
            assert!(!told.contains("ems_") && !told.contains(&secret) && !told.contains("$sha256"), "{told}");
        }
    }
}

#[test]
fn a_new_secret_is_told_once_and_the_old_one_ends_with_the_overlap() {
    let (project, old) = with_a_client();
    let done = client(&project, &["rotate-secret", "a", "--overlap", "1h"]);
    let new = out(&done).trim().to_owned();
    assert!(new.starts_with("ems_") && new != old && !err(&done).contains(&new), "once, on stdout");
    let record = put_record(&project);
    let [first, second] = &record["secrets"].as_array().unwrap()[..] else {
        unreachable!("two secrets: {record}")
    };
    assert_eq!((&first["id"], &second["id"]), (&json!("s1"), &json!("s2")));
    assert_eq!(first["expires"].as_u64().unwrap(), second["created"].as_u64().unwrap() + 3600);
    assert_eq!(second["expires"], Value::Null);
    assert_ne!(first["hash"], second["hash"]);

    // Rotate again without an overlap: both old secrets expire immediately.
    project.store_what_was_put();
    let again = client(&project, &["rotate-secret", "a", "--overlap", "0s", "--json"]);
    let told: Value = serde_json::from_str(&out(&again)).unwrap();
    let record = put_record(&project);
    assert_eq!(told["secret_id"], "s3");
    assert_eq!(told["old_secrets"].as_array().unwrap().len(), 2);
    assert_eq!(record["secrets"][0]["expires"], record["secrets"][2]["created"]);
    assert_eq!(record["secrets"][1]["expires"], record["secrets"][2]["created"]);

    let kept =
        project.read("fake/calls") + &project.read("fake/environment") + &project.read("fake/put.json");
    assert!(!kept.contains("ems_"), "a secret is in arguments, environment or records");
}

#[test]
fn a_failed_write_shows_no_secret() {
    let (project, _) = with_a_client();
    project.write("fake/fail", "bulk put\nTypeError: fetch failed\n");
    let done = client(&project, &["rotate-secret", "a"]);
    assert_eq!((done.status.code(), out(&done).as_str()), (Some(1), ""));
    let told = err(&done);
    assert!(
        told.contains("no new secret is shown") && told.contains("check the network connection"),
        "{told}"
    );
}

#[test]
fn what_is_so_already_is_not_written() {
    let (project, _) = with_a_client();
    assert_eq!(client(&project, &["enable", "a"]).status.code(), Some(0));
    assert_eq!(verbs(&project), ["kv bulk get"]);
    client(&project, &["disable", "a"]);
    assert_eq!(put_record(&project)["disabled"], true);
    project.store_what_was_put();
    let again = client(&project, &["disable", "a"]);
    assert!(err(&again).contains("already disabled"), "{}", err(&again));
    client(&project, &["enable", "a"]);
    let record = put_record(&project);
    assert_eq!((&record["disabled"], &record["revision"]), (&json!(false), &json!(3)));
}

#[test]
fn many_clients_are_listed_a_hundred_at_a_time() {
    let project = Project::new();
    let keys: Vec<Value> = (0..250).map(|i| json!({ "name": format!("client:c{i:03}") })).collect();
    project.write("fake/keys.json", &Value::from(keys).to_string());
    let record = |i: u32| {
        let record = json!({ "v": 1, "id": format!("c{i:03}"), "name": "C", "public": true, "disabled": false,
            "secrets": [], "groups": [], "trusted_peers": [], "token_lifetime": null, "revision": 1 });
        (format!("client:c{i:03}"), Value::from(record.to_string()))
    };
    let stored: serde_json::Map<_, _> = (0..250).map(record).collect();
    project.write("fake/stored.json", &Value::from(stored).to_string());
    let done = client(&project, &["list"]);
    assert_eq!(out(&done).lines().count(), 251, "{}", err(&done));
    let calls = verbs(&project);
    assert_eq!(calls.iter().filter(|verb| *verb == "kv bulk get").count(), 3);
    assert_eq!((calls.len(), calls[0].as_str()), (4, "kv key list"));
}

#[test]
fn a_backup_is_a_new_file_that_import_restores() {
    let (project, _) = with_a_client();
    project.write("fake/keys.json", r#"[{"name":"client:a"}]"#);
    let done = client(&project, &["export", "backup.json"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let mode = fs::metadata(project.path("backup.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let backup = project.read("backup.json");
    assert_eq!(out(&client(&project, &["export"])), backup, "stdout gets the same");

    let again = client(&project, &["export", "backup.json"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("the file exists"), "{}", err(&again));
    assert_eq!(project.read("backup.json"), backup);

    // Restore into an empty namespace.
    let stored: Value = serde_json::from_str(&project.read("fake/stored.json")).unwrap();
    fs::remove_file(project.path("fake/stored.json")).unwrap();
    let restored = client(&project, &["import", "backup.json"]);
    assert!(err(&restored).contains("1 added"), "{}", err(&restored));
    let put: Value = serde_json::from_str(&project.read("fake/put.json")).unwrap();
    assert_eq!(put[0]["value"], stored["client:a"], "as it was, to the byte");
}

#[test]
fn a_backup_that_lacks_a_record_says_so() {
    let (project, _) = with_a_client();
    let mut stored: Value = serde_json::from_str(&project.read("fake/stored.json")).unwrap();
    stored["client:b"] = "garbage".into();
    project.write("fake/stored.json", &stored.to_string());
    project.write("fake/keys.json", r#"[{"name":"client:a"},{"name":"client:b"}]"#);
    let done = client(&project, &["export", "backup.json", "--json"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(out(&done).trim(), r#"{"file":"backup.json","clients":1,"unreadable":["b"]}"#);
    assert!(err(&done).contains("the backup is incomplete") && err(&done).contains("b ("), "{}", err(&done));
    assert!(project.read("backup.json").contains("\"id\":\"a\""));
}
