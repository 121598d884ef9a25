//! APIs and grants in a deployed environment: reads, comparisons and writes, with a wrangler that only records its
//! calls.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers, too"
)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Project, err, out};

const API: &str = "https://invoices.example.com/";

fn edgemint(project: &Project, arguments: &[&str]) -> std::process::Output {
    project.edgemint(&[arguments, &["--env", "production"]].concat())
}

/// A project with the client `a`, the API and these grants, which the CLI added.
fn stored(grants: &[&[&str]]) -> Project {
    let project = Project::new();
    let mut stored = serde_json::Map::new();
    let mut run = |arguments: &[&str]| {
        let done = edgemint(&project, arguments);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        let put: Value = serde_json::from_str(&project.read("fake/put.json")).unwrap();
        stored.insert(put[0]["key"].as_str().unwrap().to_owned(), put[0]["value"].clone());
        let keys: Vec<Value> = stored.keys().map(|key| json!({ "name": key })).collect();
        project.write("fake/keys.json", &Value::from(keys).to_string());
        project.write("fake/stored.json", &Value::from(stored.clone()).to_string());
        fs::remove_file(project.path("fake/put.json")).unwrap();
    };
    run(&["client", "add", "a"]);
    run(&["api", "add", API, "--name", "Invoices", "--scope", "read=Reads", "--scope", "write=Writes"]);
    for grant in grants {
        run(&[&["client", "grant", "a", "--api", API], *grant].concat());
    }
    fs::remove_file(project.path("fake/calls")).unwrap();
    project
}

fn verbs(project: &Project) -> Vec<String> {
    project.calls().iter().map(|call| call.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect()
}

/// The key and the value of the only record that was written.
fn put(project: &Project) -> (String, Value) {
    let mut put = project.put();
    let only = put.pop().unwrap();
    assert!(put.is_empty());
    only
}

#[test]
fn a_change_of_an_api_reads_looks_again_and_writes_that_record_alone() {
    let project = stored(&[]);
    let set = ["api", "set", API, "--scope", "delete=Deletes", "--token-lifetime", "5m", "--alg", "RS256"];
    let done = edgemint(&project, &set);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert_eq!(verbs(&project), ["kv bulk get", "kv bulk get", "kv bulk put"]);
    assert_eq!(project.read("fake/get.json"), json!([format!("api:{API}")]).to_string());
    let (key, record) = put(&project);
    assert_eq!((key, &record["v"], &record["revision"]), (format!("api:{API}"), &json!(1), &json!(2)));
    assert_eq!((&record["token_lifetime"], &record["alg"]), (&json!(300), &json!("RS256")));
    assert_eq!(record["scopes"][2], json!({ "name": "delete", "description": "Deletes" }));
    assert!(err(&done).contains("within 2m (Worker cache 1m, KV cache 1m)"), "{}", err(&done));
}

#[test]
fn an_api_that_is_not_there_names_the_one_that_was_probably_meant() {
    let project = stored(&[&["--scope", "read"]]);
    let (without_slash, in_capitals) = (API.trim_end_matches('/'), API.to_uppercase());
    for typed in [without_slash, in_capitals.as_str()] {
        for command in [
            &["client", "grant", "a", "--scope", "read", "--api", typed][..],
            &["client", "add", "b", "--scope", "read", "--api", typed],
            &["api", "show", typed],
            &["api", "set", typed, "--name", "N"],
            &["client", "ungrant", "a", "--api", typed],
        ] {
            let told = err(&edgemint(&project, command));
            assert!(
                told.contains(&format!("Did you mean {API}? IDs are compared byte for byte")),
                "{command:?}: {told}"
            );
        }
    }
    let told = err(&edgemint(&project, &["client", "show", "A"]));
    assert!(told.contains("Did you mean a?"), "{told}");
    assert!(!err(&edgemint(&project, &["api", "show", "https://other/"])).contains("Did you mean"));
}

#[test]
fn the_second_of_two_operators_of_an_api_or_a_grant_is_told_and_overwrites_nothing() {
    let grant = ["client", "grant", "a", "--api", API, "--scope", "write"];
    let ungrant = ["client", "ungrant", "a", "--api", API];
    let set = ["api", "set", API, "--name", "N"];
    let remove = ["api", "remove", API, "--yes", "--force"];
    let (of_client, of_api) = ("client:a".to_owned(), format!("api:{API}"));
    for (change, key) in
        [(&grant[..], &of_client), (&ungrant, &of_client), (&set, &of_api), (&remove, &of_api)]
    {
        let project = stored(&[&["--scope", "read"]]);
        let stored: Value = serde_json::from_str(&project.read("fake/stored.json")).unwrap();
        let mut then = stored.clone();
        let other = stored[key].as_str().unwrap().replace("\"revision\":", "\"revision\":9");
        then[key] = other.into();
        project.write("fake/then.json", &then.to_string());
        let done = edgemint(&project, change);
        assert_eq!((done.status.code(), out(&done).as_str()), (Some(1), ""), "{change:?}");
        assert!(err(&done).contains("another operator wrote"), "{}", err(&done));
        assert!(!project.path("fake/put.json").exists() && !project.path("fake/delete.json").exists());
        // With the other operator's record, running the command again works.
        assert_eq!(edgemint(&project, change).status.code(), Some(0), "{change:?}");
    }
}

#[test]
fn a_grant_makes_a_record_of_version_2_and_the_last_one_taken_back_leaves_version_1() {
    let project = stored(&[]);
    let done = edgemint(&project, &["client", "grant", "a", "--api", API, "--all-scopes", "--default"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    // It reads the client, the API, and the client again.
    assert_eq!(verbs(&project), ["kv bulk get", "kv bulk get", "kv bulk get", "kv bulk put"]);
    let (key, record) = put(&project);
    assert_eq!((key.as_str(), &record["v"], &record["revision"]), ("client:a", &json!(2), &json!(2)));
    assert_eq!(record["grants"], json!({ API: ["read", "write"] }));
    assert_eq!(record["default_api"], API);
    project.store_what_was_put();
    let done = edgemint(&project, &["client", "ungrant", "a", "--api", API]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let (_, record) = put(&project);
    assert_eq!((&record["v"], &record["revision"]), (&json!(1), &json!(3)));
    assert!(record.get("grants").is_none() && record.get("default_api").is_none(), "{record}");
}

#[test]
fn a_resource_server_may_ask_about_the_tokens_of_the_apis_that_its_record_lists() {
    let project = stored(&[]);
    let allow = |more: &[&str]| edgemint(&project, &[&["client", "allow-introspection", "a"], more].concat());
    for (mistyped, told) in [
        (&[][..], "required arguments"),
        (&["--api", "https://invoices.example.com"], "Did you mean https://invoices.example.com/?"),
        (&["--api", "https://other/"], "https://other/"),
        (&["--api", API, "--remove-api", API], "Keep one of them"),
    ] {
        let refused = allow(mistyped);
        assert!(
            refused.status.code() != Some(0) && err(&refused).contains(told),
            "{mistyped:?}: {}",
            err(&refused)
        );
    }
    assert!(!project.path("fake/put.json").exists());

    let done = allow(&["--api", API, "--api", API]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert!(err(&done).contains(&format!("and tokens for {API}.")), "{}", err(&done));
    let (key, record) = put(&project);
    assert_eq!((key.as_str(), &record["v"], &record["introspects"]), ("client:a", &json!(3), &json!([API])));
    project.store_what_was_put();

    assert!(
        err(&allow(&["--api", API])).contains("can already introspect")
            && err(&allow(&["--api", API])).contains("Nothing was written")
    );
    let shown = edgemint(&project, &["client", "show", "a"]);
    assert!(out(&shown).contains(&format!("its own tokens, and those for {API}")), "{}", out(&shown));
    let shown = edgemint(&project, &["client", "show", "a", "--json"]);
    let shown: Value = serde_json::from_str(&out(&shown)).unwrap();
    assert_eq!(shown["introspects"], json!([API]));
    let removal = err(&edgemint(&project, &["api", "remove", API, "--dry-run"]));
    assert!(removal.contains("these clients may introspect tokens for"), "{removal}");

    let other = allow(&["--remove-api", "https://invoices.example.com"]);
    assert!(err(&other).contains(&format!("Did you mean {API}?")), "{}", err(&other));
    let done = allow(&["--remove-api", API, "--tokens", "any", "--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let told: Value = serde_json::from_str(&out(&done)).unwrap();
    assert_eq!((&told["introspect"], &told["introspects"]), (&json!("any"), &json!([])));
    let (_, record) = put(&project);
    assert_eq!((&record["v"], record.get("introspects")), (&json!(2), None));
}

#[test]
fn what_is_granted_already_or_to_nobody_is_not_written() {
    let project = stored(&[&["--scope", "read"]]);
    for (arguments, told) in [
        (&["client", "grant", "a", "--api", API, "--scope", "read"][..], "already has that grant"),
        (&["client", "ungrant", "a", "--api", API, "--scope", "write"], "has no such grant"),
        (&["client", "ungrant", "a", "--api", "urn:other"], "has no such grant"),
        (&["client", "allow-introspection", "a", "--tokens", "own"], "already"),
        (&["client", "claims", "a", "--unset", "tenant"], "already has these claims"),
        (
            &["api", "set", API, "--name", "Invoices", "--scope", "read=Reads", "--profile", "default"],
            "already has these settings",
        ),
    ] {
        let done = edgemint(&project, arguments);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        assert!(err(&done).contains(told) && err(&done).contains("Nothing was written"), "{}", err(&done));
    }
    assert!(!verbs(&project).contains(&"kv bulk put".to_owned()));
}

#[test]
fn claims_are_merged_and_too_many_of_them_are_refused() {
    let project = stored(&[]);
    let set = ["client", "claims", "a", "--set", r#"deep={"a":[1,null]}"#, "--set-text", "tenant=acme"];
    assert_eq!(edgemint(&project, &set).status.code(), Some(0));
    assert_eq!(put(&project).1["claims"], json!({ "deep": { "a": [1, null] }, "tenant": "acme" }));
    project.store_what_was_put();
    let large = format!("large={}", "x".repeat(4096));
    for more in [&[][..], &["--dry-run"]] {
        let done = edgemint(&project, &[&["client", "claims", "a", "--set-text", &large][..], more].concat());
        assert_eq!((done.status.code(), out(&done).as_str()), (Some(1), ""));
        assert!(err(&done).contains("larger than 4 KB"), "{}", err(&done));
    }
    assert!(!project.path("fake/put.json").exists());
}

#[test]
fn revoking_tokens_never_brings_one_back() {
    let project = stored(&[]);
    let revoke = ["client", "revoke-tokens", "a", "--json"];
    let told: Value = serde_json::from_str(&out(&edgemint(&project, &revoke))).unwrap();
    let (_, record) = put(&project);
    assert_eq!(record["not_before"], told["not_before"]);
    // Another operator with a faster clock has also revoked them.
    let ahead = told["not_before"].as_u64().unwrap() + 3600;
    let record = json!({ "client:a": record.to_string().replace(&told["not_before"].to_string(), &ahead.to_string()) });
    project.write("fake/stored.json", &record.to_string());
    let told: Value = serde_json::from_str(&out(&edgemint(&project, &revoke))).unwrap();
    assert_eq!((&told["changed"], &told["not_before"]), (&json!(false), &json!(ahead)));
}

#[test]
fn a_scope_that_goes_and_an_api_that_goes_name_those_who_have_it() {
    let project = stored(&[&["--scope", "write"]]);
    let done = edgemint(&project, &["api", "set", API, "--remove-scope", "read"]);
    assert!(!err(&done).contains("warning"), "{}", err(&done));
    let done = edgemint(&project, &["api", "set", API, "--remove-scope", "write"]);
    assert!(
        err(&done).contains("the scope write is removed") && err(&done).contains(": a"),
        "{}",
        err(&done)
    );
    let done = edgemint(&project, &["api", "remove", API, "--yes"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        err(&done).contains("have a grant for it: a. Nothing was removed.") && err(&done).contains("--force"),
        "{}",
        err(&done)
    );
    assert!(!project.path("fake/delete.json").exists());
    let done = edgemint(&project, &["api", "remove", API, "--yes", "--force"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert_eq!(project.read("fake/delete.json"), json!([format!("api:{API}")]).to_string());
}

#[test]
fn a_backup_carries_apis_and_they_go_in_first() {
    let project = stored(&[&["--scope", "read", "--default"]]);
    let done = edgemint(&project, &["client", "export", "backup.json", "--json"]);
    assert_eq!(
        out(&done).trim(),
        r#"{"file":"backup.json","apis":1,"clients":1,"unreadable":[]}"#,
        "{}",
        err(&done)
    );
    let stored = project.read("fake/stored.json");
    let there: Value = serde_json::from_str(&stored).unwrap();

    let again = edgemint(&project, &["client", "import", "backup.json"]);
    let nothing = "APIs: 0 added, 0 updated, 1 unchanged, 0 rejected; clients: 0 added, 0 updated, 1 unchanged, 0 \
                   rejected";
    assert!(err(&again).contains(nothing) && !project.path("fake/put.json").exists(), "{}", err(&again));

    // Another operator writes the API during the restoration.
    let api = format!("api:{API}");
    let other = |name: &str| there[&api].as_str().unwrap().replace("Invoices", name);
    project.write("fake/stored.json", &json!({ &api: other("Before") }).to_string());
    project.write("fake/then.json", &json!({ &api: other("Meanwhile") }).to_string());
    let restored = edgemint(&project, &["client", "import", "backup.json"]);
    assert_eq!(restored.status.code(), Some(1));
    let told = err(&restored);
    assert!(told.contains(&format!("rejected: API {API} (entry 1): another operator wrote it")), "{told}");
    assert_eq!(put(&project).0, "client:a", "the others go in");

    // Restore into an empty namespace.
    fs::remove_file(project.path("fake/stored.json")).unwrap();
    let dry = edgemint(&project, &["client", "import", "backup.json", "--dry-run"]);
    let told = err(&dry);
    assert!(told.contains("backup.json is a backup of edgemint (APIs: 1, clients: 1)."), "{told}");
    assert!(told.contains(&format!("would add: API {API} (entry 1): name, scopes\n")), "{told}");
    assert!(told.contains("would add: a (entry 1): default_api, grants, name, secrets\n"), "{told}");
    let restored = edgemint(&project, &["client", "import", "backup.json", "--json"]);
    let report: Value = serde_json::from_str(&out(&restored)).unwrap();
    assert_eq!(
        (&report["apis"][0]["result"], &report["clients"][0]["result"]),
        (&json!("added"), &json!("added"))
    );
    let put: Value = serde_json::from_str(&project.read("fake/put.json")).unwrap();
    assert_eq!(put[0], json!({ "key": api, "value": there[&api] }), "as it was, to the byte");
    assert_eq!(put[1], json!({ "key": "client:a", "value": there["client:a"] }));
}
