//! `edgemint deploy`: its steps, and what it says after a failure, with a wrangler that only records its calls.

mod support;

use support::{Project, err, out};

const CONFIG: &str = "\
name = \"edgemint\"
main = \"entry.js\"

[env.production.vars]
# the issuer
ISSUER = \"https://tokens.test.invalid\"
GRANT_TYPES = \"client_credentials\"

[[env.production.kv_namespaces]]
binding = \"CLIENTS\"
id = \"00000000000000000000000000000000\"
";

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A project in which nothing is deployed.
fn project() -> Project {
    let project = Project::new();
    project.write("wrangler.toml", CONFIG);
    project.write("entry.js", "");
    project.write("fake/secrets.json", "[]");
    project
}

#[test]
fn a_dry_run_reads_and_says_what_it_would_do() {
    let project = project();
    let done = project.edgemint(&["deploy", "--dry-run"]);
    let told = err(&done);
    assert_eq!(done.status.code(), Some(0), "{told}");
    for part in [
        "Dry run: would use the account Example (a1).",
        "Would create the KV namespace production-CLIENTS and write its ID into ",
        "Would create the signing key SIGNING_KEY_",
        "Would deploy the environment production, and check https://tokens.test.invalid.",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let mut calls = project.calls();
    calls.sort();
    let config = "--config PROJECT/wrangler.toml";
    let list = format!("secret list --format json --env production {config}");
    assert_eq!(calls, [format!("kv namespace list {config}"), list, format!("whoami --json {config}")]);
    assert_eq!(project.read("wrangler.toml"), CONFIG);
}

#[test]
fn a_failure_says_which_steps_are_done_and_the_next_run_continues_there() {
    let project = project();
    project.write("fake/fail", "--env production\n[ERROR] A request to the Cloudflare API failed.");
    let failed = project.edgemint(&["deploy"]);
    let told = err(&failed);
    assert_eq!(failed.status.code(), Some(1), "{told}");
    let done = "error: the deployment is incomplete. Created the KV namespace production-CLIENTS. Wrote its ID into ";
    assert!(told.starts_with(done), "{told}");
    assert!(
        told.contains("Created the signing key SIGNING_KEY_") && told.contains("run the command again"),
        "{told}"
    );
    assert!(told.contains("A request to the Cloudflare API failed."), "{told}");
    assert!(!told.contains("\"d\":") && project.read("fake/secret").contains("\"d\":"), "{told}");
    assert_eq!(project.read("wrangler.toml"), CONFIG.replace("00000000000000000000000000000000", ID));

    project.write("fake/calls", "");
    project.write("fake/secrets.json", r#"[{"name":"SIGNING_KEY_X"}]"#);
    let again = err(&project.edgemint(&["deploy"]));
    assert!(again.starts_with("error: the deployment is incomplete. Nothing was changed."), "{again}");
    let made = |call: &String| call.contains("create") || call.contains("secret put");
    assert!(!project.calls().iter().any(made), "{:?}", project.calls());
}

#[test]
fn a_namespace_with_the_title_is_used_again() {
    let project = project();
    let id = ID.replace('0', "f");
    project.write("fake/namespaces.json", &format!(r#"[{{"id":"{id}","title":"production-CLIENTS"}}]"#));
    project.write("fake/fail", "--env production\n[ERROR] why");
    let told = err(&project.edgemint(&["deploy"]));
    assert!(
        told.contains(&format!("Found the KV namespace production-CLIENTS. Wrote its ID {id} into")),
        "{told}"
    );
    assert!(!project.calls().iter().any(|call| call.contains("create")), "{:?}", project.calls());
    assert_eq!(project.read("wrangler.toml"), CONFIG.replace("00000000000000000000000000000000", &id));
}

#[test]
fn what_must_be_edited_first_is_named_with_its_line() {
    let project = project();
    project.write("wrangler.toml", &CONFIG.replace("tokens.test.invalid", "tokens.example.com"));
    let told = err(&project.edgemint(&["deploy"]));
    let line = "error: cannot deploy: ISSUER in line 6 of ";
    assert!(told.starts_with(line) && told.contains("is still the example URL"), "{told}");
    assert_eq!(project.calls(), [""; 0]);

    project.write("wrangler.toml", &CONFIG.replace("entry.js", "gone.js"));
    let told = err(&project.edgemint(&["deploy"]));
    assert!(told.contains("gone.js does not exist. Run `npm install` in "), "{told}");
}

#[test]
fn several_accounts_are_listed_and_a_named_one_is_taken() {
    let project = project();
    let accounts = r#"{"loggedIn":true,"accounts":[{"id":"a1","name":"One"},{"id":"b2","name":"Two"}]}"#;
    project.write("fake/whoami.json", accounts);
    let told = err(&project.edgemint(&["deploy", "--dry-run"]));
    let expected = "Set CLOUDFLARE_ACCOUNT_ID to the ID of one of them: One (a1), Two (b2)";
    assert!(told.contains(expected), "{told}");
    project.write("wrangler.toml", &format!("account_id = \"b2\"\n{CONFIG}"));
    let done = project.edgemint(&["deploy", "--dry-run", "--json"]);
    assert!(out(&done).contains(r#""account":{"id":"b2","name":"b2"}"#), "{}", out(&done));
    assert!(project.read("fake/environment").contains("CLOUDFLARE_ACCOUNT_ID=b2"));
}
