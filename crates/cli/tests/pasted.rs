//! Printed commands can be pasted into a shell: they run as intended, whatever the ID is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod stand_in;

use std::process::Command;

use serde_json::{Value, json};
use stand_in::Folder;

const IDS: [&str; 4] = [r#"it's $(touch pwned); "x" & \ *"#, "-x", "~root", "plain"];
const API: &str = "https://a/$(touch${IFS}pwned)'";

/// The arguments that a shell passes to the program, for each command in backquotes or in an indented line.
fn arguments(folder: &Folder, told: &str) -> Vec<Vec<String>> {
    let quoted = told.split('`').skip(1).step_by(2);
    let lines = told.lines().filter_map(|line| line.strip_prefix("  "));
    let commands = quoted.chain(lines).filter(|command| {
        ["edgemint ", "wrangler kv ", "curl "].iter().any(|program| command.starts_with(program))
    });
    let run = |command: &str| {
        let script = format!(
            r#"each() {{ for argument; do printf '%s\n' "$argument"; done; }}
               edgemint() {{ each "$@"; }}; wrangler() {{ each "$@"; }}; curl() {{ each "$@"; }}
               CLIENT_SECRET=s
               {command}"#
        );
        let done = Command::new("sh").arg("-c").arg(script).current_dir(&folder.0).output().unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    let all: Vec<Vec<String>> = commands.map(run).collect();
    assert!(!all.is_empty(), "no command in {told}");
    assert!(!folder.0.join("pwned").exists(), "{told}");
    all
}

fn store(folder: &Folder, records: &Value) {
    let keys: Vec<Value> = records.as_object().unwrap().keys().map(|name| json!({ "name": name })).collect();
    folder.write("fake/keys.json", &Value::from(keys).to_string());
    folder.write("fake/stored.json", &records.to_string());
}

fn client(id: &str, more: &Value) -> String {
    let mut record = json!({
        "v": 2, "id": id, "name": "N", "public": false, "disabled": false, "secrets": [], "groups": [],
        "trusted_peers": [], "token_lifetime": null, "revision": 1, "not_before": 1,
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record.to_string()
}

#[test]
fn an_id_is_one_argument_of_the_command_that_is_told() {
    for id in IDS {
        let folder = Folder::new(
            "[vars]\nISSUER = \"https://tokens.example.com\"\nGRANT_TYPES = \"client_credentials\"\n\
             [[kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \"x\"\n[env.\"a b\"]\n",
        );
        let secret = json!({ "secrets": [{ "id": "s1", "created": 1, "expires": null, "hash": format!("$sha256${}", "A".repeat(43)) }] });
        let key = format!("client:{id}");
        for (stored, command) in [
            (json!({}), vec!["client", "add", "--local", "--", id]),
            (json!({ &key: client(id, &json!({})) }), vec!["client", "add", "--local", "--", id]),
            (json!({ &key: client(id, &json!({})) }), vec!["client", "revoke-tokens", "--local", "--", id]),
            (
                json!({ &key: client(id, &secret) }),
                vec!["client", "revoke-secret", "--local", "--", id, "s1"],
            ),
        ] {
            store(&folder, &stored);
            let told = folder.edgemint(&command, "");
            for arguments in arguments(&folder, &told.err) {
                let named = match arguments[0].as_str() {
                    "-X" => arguments.iter().any(|word| word.ends_with(":s") && !word.contains(' ')),
                    _ => arguments.iter().any(|word| word == id),
                };
                assert!(named, "{arguments:?} in {}", told.err);
            }
        }
    }
}

#[test]
fn an_api_and_an_environment_are_arguments_of_the_command_that_is_told() {
    let wrangler_toml = "[vars]\nISSUER = \"https://tokens.example.com\"\n[[kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \"x\"\n\
                         [env.\"a b\".vars]\nISSUER = \"https://tokens.example.com\"\n[[env.\"a b\".kv_namespaces]]\n\
                         binding = \"CLIENTS\"\nid = \"0123456789abcdef0123456789abcdef\"\n";
    let folder = Folder::new(wrangler_toml);
    let api = json!({
        "v": 1, "id": API, "name": "A", "scopes": [], "token_lifetime": null, "alg": null, "profile": null, "revision": 1,
    });
    let granted = client("a", &json!({ "grants": { API: ["it's"] }, "default_api": API }));
    let (with, without) = (
        json!({ format!("api:{API}"): api.to_string(), "client:a": granted }),
        json!({ "client:a": granted }),
    );
    for (stored, command) in [
        (json!({}), vec!["api", "add", API, "--env", "a b"]),
        (with.clone(), vec!["api", "add", API, "--env", "a b"]),
        (with.clone(), vec!["api", "remove", API, "--env", "a b"]),
        (with.clone(), vec!["check", "--env", "a b"]),
        (without, vec!["check", "--env", "a b"]),
    ] {
        store(&folder, &stored);
        let told = folder.edgemint(&command, "");
        let all = arguments(&folder, &format!("{}{}", told.out, told.err));
        assert!(
            all.iter().flatten().any(|word| word == API || word == "it's" || word == "it's=DESCRIPTION"),
            "{all:?}"
        );
    }
    store(&folder, &with);
    let told = folder.edgemint(&["client", "disable", "a", "--env", "a b", "--dry-run"], "");
    let all = arguments(&folder, &told.err);
    assert!(all.iter().flatten().any(|word| word == "a b"), "{all:?}");
}
