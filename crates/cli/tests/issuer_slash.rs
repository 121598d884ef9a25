//! An issuer whose URL ends with a slash: commands compare it with the slash, and build request URLs without it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stand_in;

use std::sync::{Arc, Mutex};

use serde_json::json;
use stand_in::{Folder, issuer};

/// The issuer's URL without its slash, and the request lines that it receives.
fn asked() -> (String, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&lines);
    let url = issuer(move |url, asked| {
        written.lock().unwrap().push(asked.line.clone());
        let document = json!({
            "issuer": format!("{url}/"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
            "grant_types_supported": ["client_credentials"],
        });
        match asked.line.as_str() {
            "GET /keys" => (200, r#"{"keys":[{"kty":"EC","kid":"a","alg":"ES256"}]}"#.to_owned()),
            "GET /.well-known/openid-configuration" | "GET /.well-known/oauth-authorization-server" => {
                (200, document.to_string())
            }
            "POST /token" => (200, r#"{"access_token":"t"}"#.to_owned()),
            "POST /token/introspect" => (200, r#"{"active":true,"exp":1795000000}"#.to_owned()),
            "POST /token/revoke" => (200, String::new()),
            _ => (404, "{}".to_owned()),
        }
    });
    (url, lines)
}

fn folder(issuer: &str) -> Folder {
    Folder::new(&format!(
        "[vars]\nISSUER = \"{issuer}\"\nGRANT_TYPES = \"client_credentials\"\n[[kv_namespaces]]\nbinding = \"CLIENTS\"\n\
         id = \"local\"\n"
    ))
}

#[test]
fn every_command_asks_below_the_issuer_without_its_slash() {
    let (url, lines) = asked();
    let issuer = format!("{url}/");
    let folder = folder(&issuer);
    let client = ["--client", "a", "--secret-env", "THE_SECRET", "--issuer", &issuer];
    for (command, expected) in [
        (vec!["check", "--live", &issuer], "GET /keys"),
        (vec!["key", "list", "--local"], "GET /keys"),
        ([&["token", "get"][..], &client].concat(), "POST /token"),
        ([&["token", "introspect"][..], &client].concat(), "POST /token/introspect"),
        ([&["token", "revoke"][..], &client].concat(), "POST /token/revoke"),
    ] {
        lines.lock().unwrap().clear();
        let told = folder.edgemint(&command, "e.y.x\n");
        assert_eq!(told.code, Some(0), "{command:?}: {told:?}");
        let lines = lines.lock().unwrap();
        assert!(lines.iter().any(|line| line == expected), "{command:?}: {lines:?}");
        assert!(lines.iter().all(|line| !line.contains("//")), "{command:?}: {lines:?}");
    }
    // This is not a token, but the command fetches the keys before it verifies the token.
    lines.lock().unwrap().clear();
    folder.edgemint(&["token", "inspect", "e30.e30.AA", "--issuer", &issuer], "");
    assert_eq!(*lines.lock().unwrap(), ["GET /.well-known/openid-configuration", "GET /keys"]);
}

#[test]
fn the_request_that_client_add_prints_has_one_slash() {
    // No Worker runs on this machine, so the command prints no port.
    let told = folder("https://tokens.acme.dev/").edgemint(&["client", "add", "a", "--local"], "");
    assert!(told.err.contains("curl -X POST http://127.0.0.1:PORT/token -u"), "{told:?}");
}

#[test]
fn a_slash_that_is_missing_at_live_is_named() {
    let told =
        folder("https://tokens.acme.dev/").edgemint(&["check", "--live", "https://tokens.acme.dev"], "");
    let hint = "ISSUER is https://tokens.acme.dev/ in wrangler.toml, not https://tokens.acme.dev.";
    assert!(told.code == Some(1) && told.out.contains(hint), "{told:?}");
    assert!(told.out.contains("Run `edgemint check --live https://tokens.acme.dev/`"), "{told:?}");
}
