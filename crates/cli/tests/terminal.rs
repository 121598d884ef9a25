//! No text from a file, a server or wrangler acts on the reader's terminal.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod stand_in;

use std::path::Path;

use edgemint_testkit::checkout;
use serde_json::{Value, json};
use stand_in::{Folder, Told, issuer};

/// Clears the screen, sets the title, reverses the direction, hides a character and begins a new line. Also C1 and DEL.
const HOSTILE: &str =
    "x\u{1b}[2J\u{1b}]0;t\u{7}\u{202e}y\u{200b}\rerror: z\u{9b}31m\u{7f}\u{2028}\u{feff}\u{2066}";

/// A line break, followed by text that looks like a message of edgemint.
const TWO_LINES: &str = "x\nerror: \u{1b}[31my";

fn is_harmful(c: char) -> bool {
    c != '\n'
        && (c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
}

fn holds(told: &Told, what: &str) {
    for stream in [&told.out, &told.err] {
        let found: Vec<char> = stream.chars().filter(|c| is_harmful(*c)).collect();
        assert!(found.is_empty(), "{what}: {found:?} in {stream:?}");
    }
    let forged = told.out.lines().chain(told.err.lines()).any(|line| line.starts_with("error: \\u{1b}[31m"));
    assert!(!forged, "{what}: a line was forged: {told:?}");
}

/// A directory in which every string of every record is hostile.
fn folder(issuer: &str) -> Folder {
    let folder =
        Folder::new(&format!("[vars]\nISSUER = \"{issuer}\"\nGRANT_TYPES = \"client_credentials\"\n"));
    let client = |id: &str, text: &str| {
        let hash = format!("$sha256${}", "A".repeat(43));
        let secret = json!({ "id": text, "created": 1, "expires": null, "hash": hash });
        json!({
            "v": 2, "id": id, "name": text, "public": false, "disabled": false, "secrets": [secret], "groups": [text],
            "trusted_peers": [], "token_lifetime": null, "revision": 1, "claims": { text: text }, "not_before": 1,
        })
        .to_string()
    };
    let api = json!({
        "v": 1, "id": "https://a/", "name": HOSTILE, "scopes": [{ "name": "read", "description": TWO_LINES }],
        "token_lifetime": null, "alg": null, "profile": null, "revision": 1,
    });
    let unreadable = json!({ "v": 1, HOSTILE: HOSTILE });
    let stored = json!({
        "client:a": client("a", HOSTILE), "client:b": client("b", TWO_LINES), "client:c": unreadable.to_string(),
        "api:https://a/": api.to_string(),
    });
    let keys: Vec<Value> = stored.as_object().unwrap().keys().map(|name| json!({ "name": name })).collect();
    folder.write("fake/keys.json", &Value::from(keys).to_string());
    folder.write("fake/stored.json", &stored.to_string());
    folder
}

#[test]
fn records_do_not_act_on_the_terminal() {
    let folder = folder("http://127.0.0.1:1");
    for command in [
        &["client", "list"][..],
        &["client", "show", "a"],
        &["client", "show", "b"],
        &["client", "show", "c"],
        &["client", "claims", "a"],
        &["client", "claims", "b"],
        &["client", "disable", "a", "--dry-run"],
        &["client", "disable", "b", "--dry-run"],
        &["client", "rotate-secret", "a"],
        &["client", "rotate-secret", "b"],
        &["client", "revoke-secret", "a", HOSTILE],
        &["client", "revoke-secret", "b", TWO_LINES],
        &["client", "revoke-secret", "a", "none"],
        &["client", "export"],
        &["api", "list"],
        &["api", "show", "https://a/"],
        &["api", "set", "https://a/", "--alg", "RS256", "--dry-run"],
    ] {
        for more in [&["--local"][..], &["--local", "--json"]] {
            let told = folder.edgemint(&[command, more].concat(), "");
            assert_ne!(told.code, Some(2), "{told:?}");
            assert!(!told.out.is_empty() || !told.err.is_empty());
            holds(&told, &format!("{command:?} {more:?}"));
            if more.len() == 2 && told.code == Some(0) {
                assert!(serde_json::from_str::<Value>(&told.out).is_ok(), "{}", told.out);
            }
        }
    }
}

#[test]
fn a_backup_that_is_printed_is_the_same_backup() {
    let folder = folder("http://127.0.0.1:1");
    let stored: Value = serde_json::from_str(&folder.read("fake/stored.json")).unwrap();
    let printed = folder.edgemint(&["client", "export", "--local"], "").out;
    let backup: Value = serde_json::from_str(&printed).unwrap();
    let record: Value = serde_json::from_str(stored["client:a"].as_str().unwrap()).unwrap();
    assert_eq!(backup["clients"][0], record);
    let filed = folder.edgemint(&["client", "export", "backup.json", "--local"], "");
    assert_eq!(filed.code, Some(1), "one record cannot be read: {filed:?}");
    assert_eq!(folder.read("backup.json"), printed);
}

#[test]
fn a_file_to_import_does_not_act_on_the_terminal() {
    let folder = folder("http://127.0.0.1:1");
    let text = |text: &str| Value::from(text).to_string();
    for hostile in [HOSTILE, TWO_LINES] {
        let hostile = text(hostile);
        let files = [
            format!(
                "staticClients:\n- id: {hostile}\n  secret: s\n- id: ok\n  {hostile}: 1\n  name: {hostile}\n  \
                 secret: s\n"
            ),
            format!("staticClients:\n- idEnv: {hostile}\n- id: ok\n  secretEnv: {hostile}\n"),
            format!("{hostile}: 1\n"),
            format!("- {hostile}\n"),
            format!(
                r#"{{"edgemint":{{"backup":1}},"clients":[{{"id":{hostile}}},{{"id":"a",{hostile}:1}}]}}"#
            ),
        ];
        for file in files {
            folder.write("file", &file);
            for more in [&["--local", "--dry-run"][..], &["--local", "--json"]] {
                let told = folder.edgemint(&[&["client", "import", "file"], more].concat(), "");
                holds(&told, &file);
            }
        }
    }
}

#[test]
fn wrangler_and_arguments_do_not_act_on_the_terminal() {
    let folder = folder("http://127.0.0.1:1");
    for hostile in [HOSTILE, TWO_LINES] {
        folder.write("fake/fail", &format!("key list\n[ERROR] {hostile}\n"));
        holds(&folder.edgemint(&["client", "list", "--local"], ""), "wrangler");
        holds(&folder.edgemint(&["client", "list", "--local", "--json"], ""), "wrangler");
        holds(&folder.edgemint(&["client", "add", hostile, "--local"], ""), "an ID that is refused");
        holds(&folder.edgemint(&["client", "import", hostile, "--local"], ""), "a path");
        holds(&folder.edgemint(&["client", "list", "--env", hostile], ""), "an environment");
        holds(&folder.edgemint(&[hostile], ""), "a command that there is not");
    }
}

#[test]
fn an_issuer_does_not_act_on_the_terminal() {
    for hostile in [HOSTILE, TWO_LINES] {
        let refusal = json!({ "error": hostile, "error_description": hostile }).to_string();
        let url = issuer(move |_, _| (400, refusal.clone()));
        let folder = folder(&url);
        let get = ["token", "get", "--client", "a", "--secret-env", "THE_SECRET", "--local"];
        holds(&folder.edgemint(&get, ""), "a refusal");
        holds(&folder.edgemint(&[&get[..], &["--json"]].concat(), ""), "a refusal");

        let answer = json!({
            "access_token": hostile, "active": true, "keys": [{ "kid": hostile, "alg": hostile }], "issuer": hostile,
            "jwks_uri": format!("{url}/keys"), "token_endpoint": hostile,
        })
        .to_string();
        let url = issuer(move |_, _| (200, answer.clone()));
        let folder = self::folder(&url);
        for command in [
            &get[..],
            &["token", "introspect", "--client", "a", "--secret-env", "THE_SECRET", "--local"],
            &["token", "inspect", "--local"],
            &["key", "list", "--local"],
            &["check", "--live", &url],
        ] {
            for more in [&[][..], &["--json"]] {
                holds(&folder.edgemint(&[command, more].concat(), "token"), &format!("{command:?}"));
            }
        }
    }
}

/// All output passes through `Output`: no other file of the program uses stdout or stderr.
#[test]
fn only_output_writes_to_the_terminal() {
    fn walk(dir: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let writes = |line: &&str| {
                    ["io::stdout()", "io::stderr()", "println!", "print!("].iter().any(|w| line.contains(w))
                };
                found.extend(text.lines().filter(writes).map(|line| format!("{name}: {}", line.trim())));
            }
        }
    }
    let mut found = Vec::new();
    walk(&checkout::root().join("crates/cli/src"), &mut found);
    found.retain(|line| !line.starts_with("output.rs: ") && !line.ends_with("io::stderr().is_terminal(),"));
    assert!(found.is_empty(), "{found:?}");
}
