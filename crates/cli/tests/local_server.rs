//! Requests to the Worker on this machine, and its printed address: always the one where it responds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod stand_in;

use std::fs;

use serde_json::{Value, json};
use stand_in::{Asked, Folder, issuer};

/// A Worker with this issuer, or with its own address as issuer.
fn worker(named: Option<&'static str>) -> impl Fn(&str, &Asked) -> (u16, String) {
    move |url, asked| match asked.line.rsplit_once(' ').map(|(_, path)| path) {
        Some(path) if path.ends_with("/.well-known/openid-configuration") => {
            let path = path.trim_end_matches("/.well-known/openid-configuration");
            let own = format!("{url}{path}");
            (200, json!({ "issuer": named.unwrap_or(&own) }).to_string())
        }
        Some("/token") => (200, json!({ "access_token": "a", "from": url }).to_string()),
        Some("/keys") => {
            (200, json!({ "keys": [{ "kid": "of-the-running-one", "alg": "ES256" }] }).to_string())
        }
        _ => (404, String::new()),
    }
}

fn port(url: &str) -> &str {
    url.rsplit_once(':').unwrap().1
}

/// Writes the configuration that `cargo xtask dev` writes while it serves the state of a directory.
fn served(folder: &Folder, state: &str, port: &str, issuer: &str) {
    let dir = folder.0.join(state).join("dev").join(port);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("wrangler.json"), json!({ "vars": { "ISSUER": issuer } }).to_string()).unwrap();
}

/// The address in the curl line of a new client.
fn told(folder: &Folder, more: &[&str]) -> (String, String) {
    let done = folder.edgemint(&[&["client", "add", "a", "--local"], more].concat(), "");
    let line = done.err.lines().find_map(|line| line.trim().strip_prefix("curl -X POST ")).unwrap();
    (line.split(' ').next().unwrap().to_owned(), done.err)
}

const NOBODY: &str = "[vars]\nISSUER = \"http://127.0.0.1:1\"\n";

#[test]
fn the_address_is_that_of_the_worker_that_serves_the_state() {
    let url = issuer(worker(None));
    let folder = Folder::new(NOBODY);
    // One Worker was killed, and left its directory behind.
    served(&folder, ".wrangler/state", "1", "http://127.0.0.1:1");
    served(&folder, ".wrangler/state", port(&url), &url);
    assert_eq!(told(&folder, &[]).0, format!("{url}/token"));
    let json = folder.edgemint(&["client", "add", "a", "--local", "--json"], "").out;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["issuer"], url);

    // Another state is served below a path.
    let at_path = format!("{url}/x");
    served(&folder, "other", port(&url), &at_path);
    assert_eq!(told(&folder, &["--state", "other"]).0, format!("{at_path}/token"));
    let none = told(&folder, &["--state", "third"]);
    assert_eq!(none.0, "http://127.0.0.1:PORT/token");
    assert!(none.1.contains("No Worker is running with this state"), "{}", none.1);

    let get = ["token", "get", "--client", "a", "--secret-env", "THE_SECRET", "--local"];
    assert!(folder.edgemint(&get, "").out.contains(&format!("\"from\":\"{url}\"")));
    assert!(folder.edgemint(&["key", "list", "--local"], "").out.contains("of-the-running-one"));
}

#[test]
fn a_port_that_something_else_has_is_not_told() {
    let other = issuer(worker(Some("https://other.example.com")));
    let garbled = issuer(|_, _| (200, "no JSON".to_owned()));
    for url in [other, garbled] {
        let folder = Folder::new(&format!("[vars]\nISSUER = \"{url}\"\n"));
        served(&folder, ".wrangler/state", port(&url), &url);
        assert_eq!(told(&folder, &[]).0, "http://127.0.0.1:PORT/token");
    }
}

#[test]
fn the_issuer_of_wrangler_toml_or_of_dev_vars_is_told_when_it_answers() {
    let (one, two) = (issuer(worker(None)), issuer(worker(None)));
    let folder = Folder::new(&format!("[vars]\nISSUER = \"{one}\"\n"));
    assert_eq!(told(&folder, &[]).0, format!("{one}/token"));
    folder.write(".dev.vars", &format!("# mine\nISSUER=\"{two}\"\n"));
    assert_eq!(told(&folder, &[]).0, format!("{two}/token"));
    // The `iss` of tokens has another address, but requests go to the Worker on this machine.
    let proxied = issuer(worker(Some("https://tokens.example.com")));
    served(&folder, ".wrangler/state", port(&proxied), "https://tokens.example.com");
    assert_eq!(told(&folder, &[]).0, format!("{proxied}/token"));
}
