//! The calls of wrangler for a deployed environment, and the reports of its failures, with a wrangler that only
//! records its calls.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use edgemint_testkit::checkout;
use serde_json::Value;
use support::{Project, err, out};

const DEX: &str = "staticClients:
- {id: a, name: A, secret: hunter2, trustedPeers: [b], clientCredentialsClaims: {groups: [g]}}
- {id: b, name: B, secretEnv: CI_SECRET}
- {id: c, name: C, public: true}
";

const IMPORT: [&str; 5] = ["client", "import", "dex.yaml", "--env", "production"];

#[test]
fn an_import_reads_and_writes_in_bulk_and_leaves_nothing_behind() {
    let project = Project::new();
    project.write("dex.yaml", DEX);
    let done = project.edgemint(&IMPORT);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let target = "--binding CLIENTS --remote --env production --config PROJECT/wrangler.toml";
    assert_eq!(
        project.calls(),
        [
            format!("kv bulk get TMP/keys.json {target}"),
            // Check whether a new client has the ID of an API.
            format!("kv key list --prefix api: {target}"),
            // Check that no other operator wrote them meanwhile.
            format!("kv bulk get TMP/keys.json {target}"),
            format!("kv bulk put TMP/records.json {target}"),
        ]
    );
    assert_eq!(project.read("fake/get.json"), r#"["client:a","client:b","client:c"]"#);
    assert_eq!(project.read("fake/modes"), "drwx------\n-rw-------\n".repeat(3));
    assert_eq!(fs::read_dir(project.path("tmp")).unwrap().count(), 0, "no scratch file stays");

    let put = project.put();
    let keys: Vec<&str> = put.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["client:a", "client:b", "client:c"]);
    let a = &put[0].1;
    assert_eq!(
        (a["name"].as_str(), &a["groups"][0], &a["trusted_peers"][0]),
        (Some("A"), &"g".into(), &"b".into())
    );
    assert!(a["secrets"][0]["hash"].as_str().unwrap().starts_with("$pbkdf2-sha256$i=100000$"));
    assert_eq!(put[2].1["secrets"], Value::from(Vec::<Value>::new()));
}

#[test]
fn nothing_secret_is_in_arguments_environment_files_or_messages() {
    let project = Project::new();
    project.write("dex.yaml", &DEX.replace("secretEnv: CI_SECRET", "secret: hunter2-too"));
    for more in [&[][..], &["--json"], &["--dry-run"], &["--dry-run", "--json"]] {
        let done = project.edgemint(&[&IMPORT[..], more].concat());
        let told = out(&done) + &err(&done);
        assert!(!told.contains("hunter2") && !told.contains("sha256$"), "{told}");
    }
    let added = project.edgemint(&["client", "add", "new", "--env", "production"]);
    let secret = out(&added).trim().to_owned();
    assert!(secret.starts_with("ems_") && !err(&added).contains(&secret), "once, on stdout");
    let environment = project.read("fake/environment").replace("CI_SECRET=hunter2-from-env", "");
    let kept = project.read("fake/calls") + &environment + &project.read("fake/put.json");
    assert!(!kept.contains("hunter2") && !kept.contains(&secret));
    assert!(kept.contains("WRANGLER_WRITE_LOGS=false"), "its log file would hold every record that it reads");
    assert!(kept.contains("WRANGLER_SEND_METRICS=false") && !kept.contains("CLOUDFLARE_ENV"));
}

#[test]
fn the_same_import_again_writes_nothing() {
    let project = Project::new();
    project.write("dex.yaml", DEX);
    project.edgemint(&IMPORT);
    project.store_what_was_put();
    let again = project.edgemint(&IMPORT);
    assert!(err(&again).contains("0 added, 0 updated, 3 unchanged, 0 rejected"), "{}", err(&again));
    assert_eq!(project.calls().len(), 5, "one more call, to read");

    project.write("dex.yaml", &DEX.replace("hunter2", "hunter3"));
    let changed = project.edgemint(&[&IMPORT[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&out(&changed)).unwrap();
    let results: Vec<_> =
        report["clients"].as_array().unwrap().iter().map(|c| c["result"].as_str()).collect();
    assert_eq!(results, [Some("updated"), Some("unchanged"), Some("unchanged")]);
    let put = project.put();
    assert_eq!(
        (put.len(), &put[0].1["revision"], &put[0].1["secrets"][0]["id"]),
        (1, &2.into(), &"dex2".into())
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let project = Project::new();
    project.write("dex.yaml", DEX);
    let done = project.edgemint(&[&IMPORT[..], &["--dry-run"]].concat());
    assert!(
        err(&done).contains("would add: a (entry 1): name, groups, trusted_peers, secrets"),
        "{}",
        err(&done)
    );
    let verbs: Vec<String> =
        project.calls().iter().map(|call| call.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(verbs, ["kv bulk get", "kv key list"]);
}

#[test]
fn what_another_operator_wrote_meanwhile_is_neither_overwritten_nor_removed() {
    let project = Project::new();
    project.write("dex.yaml", DEX);
    project.edgemint(&IMPORT);
    project.store_what_was_put();
    let stored: Value = serde_json::from_str(&project.read("fake/stored.json")).unwrap();
    let mut then = stored.clone();
    then["client:a"] =
        stored["client:a"].as_str().unwrap().replace("\"revision\":1", "\"revision\":2").into();
    let meanwhile = || {
        project.write("fake/stored.json", &stored.to_string());
        project.write("fake/then.json", &then.to_string());
    };

    meanwhile();
    let remove = ["client", "remove", "a", "b", "-y", "--env", "production"];
    let done = project.edgemint(&remove);
    assert!(
        done.status.code() == Some(1) && err(&done).contains("another operator wrote a"),
        "{}",
        err(&done)
    );
    assert!(!project.path("fake/delete.json").exists());

    meanwhile();
    project.write("dex.yaml", &DEX.replace("name: A", "name: AA").replace("name: B", "name: BB"));
    let done = project.edgemint(&IMPORT);
    assert_eq!(done.status.code(), Some(1));
    assert!(err(&done).contains("rejected: a (entry 1): another operator wrote it"), "{}", err(&done));
    let keys: Vec<_> = project.put().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["client:b"], "the others go in");
    let again = project.edgemint(&IMPORT);
    assert_eq!(again.status.code(), Some(0), "and the same command again completes it: {}", err(&again));
    assert_eq!(project.put()[0].1["revision"], 3);
}

#[test]
fn a_network_that_goes_half_way_is_told_and_the_same_import_again_completes_it() {
    let project = Project::new();
    project.write("dex.yaml", DEX);
    project.write("fake/fail", "bulk put\n✘ [ERROR] fetch failed\n");
    let done = project.edgemint(&IMPORT);
    let told = err(&done);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        told.contains("some or all of 3 records may not have been written")
            && told.contains("check the network connection"),
        "{told}"
    );
    // One of the three was written.
    project.store_what_was_put();
    let mut stored: Value = serde_json::from_str(&project.read("fake/stored.json")).unwrap();
    let stored_b = stored["client:b"].take();
    project.write("fake/stored.json", &serde_json::json!({ "client:b": stored_b }).to_string());
    fs::remove_file(project.path("fake/fail")).unwrap();
    let again = project.edgemint(&IMPORT);
    assert!(err(&again).contains("2 added, 0 updated, 1 unchanged, 0 rejected"), "{}", err(&again));
    let keys: Vec<_> = project.put().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["client:a", "client:c"]);
}

#[test]
fn a_dry_run_adds_and_removes_nothing_and_shows_no_hash() {
    let project = Project::new();
    let add = project.edgemint(&["client", "add", "a", "--group", "g", "--dry-run", "--env", "production"]);
    assert_eq!(add.status.code(), Some(0));
    assert!(
        out(&add).contains("\"groups\": [") && err(&add).contains("wrangler kv bulk put"),
        "{}",
        err(&add)
    );
    assert!(!(out(&add) + &err(&add)).contains("sha256$") && !out(&add).contains("ems_"));
    project.edgemint(&["client", "add", "a", "--env", "production"]);
    project.store_what_was_put();
    let remove = project.edgemint(&["client", "remove", "a", "--dry-run", "--env", "production"]);
    assert_eq!(remove.status.code(), Some(0), "{}", err(&remove));
    assert!(err(&remove).contains("wrangler kv bulk delete") && !project.path("fake/delete.json").exists());
    assert!(!project.path("fake/put.json").exists());
}

#[test]
fn a_secret_goes_into_a_new_file_for_its_owner_alone_or_to_stdout() {
    let project = Project::new();
    let add = ["client", "add", "a", "--out", "secret", "--env", "production"];
    let done = project.edgemint(&add);
    assert_eq!((done.status.code(), out(&done).as_str()), (Some(0), ""), "{}", err(&done));
    let secret = project.read("secret");
    assert!(secret.starts_with("ems_") && secret.ends_with('\n') && !err(&done).contains(secret.trim()));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(project.path("secret")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    project.store_what_was_put();

    // An existing file is not overwritten, and wrangler is not called before that check.
    let calls = project.calls().len();
    let rotate = |file| ["client", "rotate-secret", "a", "--out", file, "--json", "--env", "production"];
    let refused = project.edgemint(&rotate("secret"));
    assert!(
        refused.status.code() == Some(1) && err(&refused).contains("Pass another name"),
        "{}",
        err(&refused)
    );
    assert_eq!((project.read("secret"), project.calls().len()), (secret, calls));
    // If the record is not stored, the file with its secret is deleted.
    project.write("fake/fail", "bulk put\n[ERROR] fetch failed\n");
    assert_eq!(project.edgemint(&rotate("new")).status.code(), Some(1));
    assert!(!project.path("new").exists());
    fs::remove_file(project.path("fake/fail")).unwrap();
    let rotated = project.edgemint(&rotate("new"));
    let report: Value = serde_json::from_str(&out(&rotated)).unwrap();
    assert!(
        report["secret"].is_null() && report["secret_file"].as_str().unwrap().ends_with("/new"),
        "{report}"
    );

    let key = project.edgemint(&["key", "generate", "--out", "key"]);
    assert!(key.status.success() && out(&key).is_empty() && project.read("key").contains("\"d\""));
}

#[test]
fn what_can_go_in_goes_in_beside_what_is_refused() {
    let project = Project::new();
    project.write("dex.yaml", &format!("{DEX}- {{id: d, name: D, secret: 007}}\n"));
    let done = project.edgemint(&IMPORT);
    assert_eq!(done.status.code(), Some(1));
    assert!(err(&done).contains("rejected: d (entry 4)"), "{}", err(&done));
    assert_eq!(project.put().len(), 3);
}

#[test]
fn many_clients_take_few_processes() {
    let project = Project::new();
    let clients: String = (0..450).map(|i| format!("- {{id: c{i}, name: C, public: true}}\n")).collect();
    project.write("dex.yaml", &clients);
    project.edgemint(&IMPORT);
    let calls = |verb: &str| project.calls().iter().filter(|call| call.starts_with(verb)).count();
    assert_eq!((calls("kv key list"), calls("kv bulk get"), calls("kv bulk put")), (3, 0, 1));
    // Cloudflare reads up to 100 keys per request.
    let keys: Vec<_> = (0..450).map(|i| serde_json::json!({ "name": format!("client:c{i}") })).collect();
    project.write("fake/keys.json", &Value::from(keys).to_string());
    project.store_what_was_put();
    let again = project.edgemint(&IMPORT);
    assert!(err(&again).contains("450 unchanged"), "{}", err(&again));
    assert_eq!((calls("kv key list"), calls("kv bulk get"), calls("kv bulk put")), (4, 5, 1));
}

/// Every kind of access to the local state, with both errors that wrangler shows when another process uses it.
#[test]
fn an_access_that_fails_beside_the_local_server_is_tried_again() {
    let busy = ["KV DELETE failed: 500 Internal Server Error", "internal error; reference = h5d13foccfar5k"];
    let list: &[&str] = &["client", "list", "--local"];
    let commands: [(&str, &[&str]); 4] = [
        ("key list", list),
        ("bulk get", list),
        ("bulk put", &["client", "add", "b", "--local"]),
        ("bulk delete", &["client", "remove", "a", "--yes", "--local"]),
    ];
    for ((operation, command), said) in commands.into_iter().flat_map(|of| busy.map(|said| (of, said))) {
        for (failures, works) in [("1\n", true), ("1\n2\n3\n4\n", true), ("1\n2\n3\n4\n5\n", false)] {
            let project = Project::new();
            project.edgemint(&["client", "add", "a", "--local"]);
            project.store_what_was_put();
            project.write("fake/keys.json", r#"[{"name": "client:a"}]"#);
            project.write("fake/fail", &format!("{operation}\n✘ [ERROR] {said}\n"));
            project.write("fake/failures", failures);
            let done = project.edgemint(command);
            assert_eq!(done.status.success(), works, "{operation}: {}", err(&done));
            assert_eq!(project.read("fake/failures"), "", "{operation}: {}", err(&done));
            assert_eq!(
                err(&done).contains("Another process used the local records"),
                !works,
                "{}",
                err(&done)
            );
        }
    }
    // A deployment has no such errors, and Cloudflare limits the number of requests.
    let project = Project::new();
    project.write("fake/fail", &format!("key list\n✘ [ERROR] {}\n", busy[1]));
    project.edgemint(&["client", "list", "--env", "production"]);
    assert_eq!(project.calls().len(), 1);
}

#[test]
fn the_local_state_is_that_of_the_project_or_the_one_that_was_named() {
    let project = Project::new();
    project.edgemint_in("deep/down", &["client", "add", "a", "--local"]);
    project.edgemint_in("deep/down", &["client", "add", "a", "--local", "--state", "here"]);
    let calls = project.calls();
    assert!(
        calls[0].ends_with("--local --persist-to PROJECT/.wrangler/state --config PROJECT/wrangler.toml"),
        "{calls:?}"
    );
    assert!(calls[2].contains("--persist-to PROJECT/deep/down/here "), "{calls:?}");
    assert!(!project.read("fake/calls").contains("--env"));
}

#[test]
fn a_client_that_exists_is_not_added_again() {
    let project = Project::new();
    project.edgemint(&["client", "add", "a", "--env", "production", "--token-lifetime", "5m"]);
    assert_eq!(project.put()[0].1["token_lifetime"], 300);
    project.store_what_was_put();
    let again = project.edgemint(&["client", "add", "a", "--env", "production"]);
    assert_eq!((again.status.code(), out(&again).as_str()), (Some(1), ""));
    assert!(err(&again).contains("edgemint client rotate-secret a"), "{}", err(&again));
    assert_eq!(project.calls().len(), 3, "nothing was written");
}

#[test]
fn clients_are_removed_in_one_call_and_the_missing_are_named() {
    let project = Project::new();
    project.write("dex.yaml", DEX);
    project.edgemint(&IMPORT);
    project.store_what_was_put();
    let done = project.edgemint(&["client", "remove", "a", "gone", "b", "a", "-y", "--env", "production"]);
    assert_eq!(done.status.code(), Some(0));
    assert!(
        err(&done).contains("the client gone does not exist") && err(&done).contains("Removed a, b"),
        "{}",
        err(&done)
    );
    assert_eq!(project.read("fake/delete.json"), r#"["client:a","client:b"]"#);
    assert!(
        project
            .calls()
            .last()
            .is_some_and(|call| call.starts_with("kv bulk delete TMP/records.json --force"))
    );
}

#[test]
fn wranglers_failures_are_told_with_what_was_not_done_and_leave_nothing_behind() {
    for (operation, said, told) in [
        (
            "bulk get",
            "✘ [ERROR] In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment \
             variable",
            ["cannot read the client records", "npx wrangler login"],
        ),
        (
            "bulk put",
            "✘ [ERROR] A request to the Cloudflare API failed.\n\n  namespace not found [code: 10013]\n",
            ["3 records may not have been written", "wrangler kv namespace create"],
        ),
        (
            "bulk put",
            "TypeError: fetch failed",
            ["run the command again to complete the change", "check the network connection"],
        ),
    ] {
        let project = Project::new();
        project.write("dex.yaml", DEX);
        project.write("fake/fail", &format!("{operation}\n{said}\n"));
        let done = project.edgemint(&IMPORT);
        assert_eq!((done.status.code(), out(&done).as_str()), (Some(1), ""));
        let message = err(&done);
        assert!(told.iter().all(|words| message.contains(words)), "{message}");
        assert!(!message.contains("hunter2"));
        assert_eq!(fs::read_dir(project.path("tmp")).unwrap().count(), 0, "no scratch file stays");
    }
}

#[test]
fn without_wrangler_or_a_project_the_way_to_it_is_told() {
    let project = Project::new();
    fs::remove_dir_all(project.path("node_modules")).unwrap();
    let run = |arguments: &[&str], dir: &Path| {
        let mut edgemint = Command::new(checkout::program("edgemint"));
        err(&edgemint.args(arguments).current_dir(dir).env("PATH", "/nowhere").output().unwrap())
    };
    let add = ["client", "add", "a", "--local"];
    assert!(run(&add, &project.0).contains("cannot find wrangler. Run `npm install` in "));
    let nowhere = run(&add, Path::new("/"));
    assert!(
        nowhere.contains("cannot find wrangler.toml in / or above it") && nowhere.contains("`edgemint init ")
    );
    project.write("wrangler.toml", "name = ");
    assert!(run(&add, &project.0).contains("is not TOML"));
}
