//! `client import`: what it imports, what it rejects, and its output, with a wrangler that only records its calls.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod support;

use serde_json::{Value, json};
use support::{Project, err, out};

fn import(project: &Project, more: &[&str]) -> std::process::Output {
    project.edgemint(&[&["client", "import", "dex.yaml", "--env", "production"], more].concat())
}

fn report(output: &std::process::Output) -> Value {
    serde_json::from_str(&out(output)).unwrap()
}

#[test]
fn a_placeholder_goes_in_when_it_is_allowed_for_that_client_only() {
    let project = Project::new();
    project.write(
        "dex.yaml",
        "- {id: a, name: A, secret: $oidc.a.clientSecret}\n- {id: b, name: B, secret: $B}\n",
    );
    let refused = import(&project, &[]);
    let told = err(&refused);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        told.contains("rejected: a (entry 1): cannot use its `secret`")
            && told.contains("--allow-literal a`"),
        "{told}"
    );
    assert!(!told.contains("clientSecret") && !project.path("fake/put.json").exists(), "{told}");

    let allowed = import(&project, &["--allow-literal", "a", "--allow-literal", "c"]);
    assert_eq!(allowed.status.code(), Some(1), "b is still rejected");
    let told = err(&allowed);
    assert!(
        told.contains("warning: `--allow-literal c` has no effect: no client in the file has this ID"),
        "{told}"
    );
    let put = project.put();
    assert_eq!((put.len(), put[0].0.as_str()), (1, "client:a"));
    let allowed =
        report(&import(&project, &["--allow-literal", "a", "--allow-literal", "b", "--dry-run", "--json"]));
    assert_eq!(allowed["clients"][1]["result"], "added");
    assert_eq!(allowed["warnings"], Value::Null);
}

#[test]
fn the_value_of_no_variable_is_shown() {
    let project = Project::new();
    let file = "- {idEnv: CI_SECRET, name: A, secretEnv: CI_SECRET}\n- {idEnv: CI_SECRET, name: A, secret: $X}\n- \
                {idEnv: GONE}\n";
    for file in [file, file.split_inclusive('\n').next().unwrap()] {
        project.write("dex.yaml", file);
        for more in [&["--dry-run"][..], &["--dry-run", "--json"], &[], &["--json"]] {
            let done = import(&project, more);
            let told = out(&done) + &err(&done);
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
    let told = err(&import(&project, &["--dry-run"]));
    assert!(told.contains("would add: entry 1, with the ID in CI_SECRET: name, secrets\n"), "{told}");
    assert_eq!(project.put()[0].0, "client:hunter2-from-env", "it goes in all the same");
    let entry = &report(&import(&project, &["--json"]))["clients"][0];
    assert_eq!((&entry["id"], &entry["id_env"]), (&Value::Null, &json!("CI_SECRET")));
}

#[test]
fn a_dash_reads_standard_input() {
    let project = Project::new();
    let arguments = ["client", "import", "-", "--env", "production"];
    let done =
        project.edgemint_with("staticClients:\n- {id: a, name: A, secret: abcdefghijkl}\n", &arguments);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert_eq!(project.put()[0].0, "client:a");
    for (input, told) in [
        ("issuer: x\n", "error: standard input: there is no `staticClients`"),
        ("", "error: standard input: the file is empty"),
        ("- {id: a, name: A, secret: abc", "error: standard input: line 2: this is not YAML"),
        (
            "- id: a\n  name: A\n  secret: abc",
            "error: cannot import standard input: the last line does not end with a line break",
        ),
        (
            "a: {staticClients: [{id: a}]}\nb: {staticClients: [{id: a}]}\n",
            "yq .a.staticClients - > clients.yaml",
        ),
    ] {
        let done = project.edgemint_with(input, &arguments);
        assert_eq!(done.status.code(), Some(1));
        assert!(err(&done).contains(told), "{}", err(&done));
    }
}

#[test]
fn where_the_clients_were_is_told() {
    let project = Project::new();
    project.write(
        "dex.yaml",
        "replicaCount: 1\nconfig:\n  staticClients:\n  - {id: a, name: A, secret: abcdefghijkl}\n",
    );
    let dry = import(&project, &["--dry-run"]);
    assert!(
        err(&dry).starts_with("The clients were found in line 3, .config.staticClients\nwould add: a"),
        "{}",
        err(&dry)
    );
    let found = report(&import(&project, &["--json"]));
    assert_eq!(found["found_at"], "line 3, .config.staticClients");
    project.write("dex.yaml", "- {id: a, name: A, secret: abcdefghijkl}\n");
    assert!(report(&import(&project, &["--json"]))["found_at"].is_null());
}

/// A backup replaces every field. An operator who expects a dex configuration must see that the file is a backup.
#[test]
fn a_dry_run_says_that_a_file_is_a_backup_and_which_fields_it_changes() {
    let project = Project::new();
    project.write(
        "dex.yaml",
        "- {id: a, name: A, secret: abcdefghijkl}\n- {id: b, name: B, secret: abcdefghijkl}\n",
    );
    import(&project, &[]);
    project.store_what_was_put();
    let stored: Value = serde_json::from_str(&project.read("fake/stored.json")).unwrap();
    let record = |key: &str| serde_json::from_str::<Value>(stored[key].as_str().unwrap()).unwrap();
    let mut a = record("client:a");
    a["v"] = json!(2);
    a["introspect"] = json!("any");
    a["secrets"][0]["hash"] = json!("$sha256$hnGb4zOAsYOoz1d14obdFohzwyfSNLyNWLLoomTOesI");
    let mut new = a.clone();
    new["id"] = json!("new");
    new["disabled"] = json!(true);
    let backup = json!({ "edgemint": { "backup": 1 }, "clients": [a, record("client:b"), new] });
    project.write("dex.yaml", &backup.to_string());

    let dry = import(&project, &["--dry-run"]);
    let told = err(&dry);
    let lines: Vec<&str> = told.lines().take(4).collect();
    assert_eq!(
        lines,
        [
            "dex.yaml is a backup of edgemint (APIs: 0, clients: 3). Each record is restored unchanged.",
            "would update: a (entry 1): introspect, secrets, v",
            "would add: new (entry 3): disabled, introspect, name, secrets",
            "Dry run: 1 to add, 1 to update, 1 unchanged, 0 rejected. Nothing was written to the environment \
             production.",
        ]
    );
    let json = import(&project, &["--dry-run", "--json"]);
    assert!(!(told + &out(&json)).contains("sha256"), "no hash is shown");
    let report = report(&json);
    assert_eq!(
        (&report["backup"], &report["clients"][0]["changes"]),
        (&json!(true), &json!(["introspect", "secrets", "v"]))
    );
    let allowed = import(&project, &["--allow-literal", "a"]);
    assert!(err(&allowed).contains("Run the command without --allow-literal"), "{}", err(&allowed));
}
