//! `edgemint token get --dpop` and `--cert`: proofs, nonces, endpoints, and what is not sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stand_in;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::PublicKey;
use serde_json::{Value, json};
use stand_in::{Asked, Folder, Told, issuer, issuer_with_headers};

const CERTIFICATE: &str = include_str!("certificates/billing.pem");
const CERTIFICATE_KEY: &str = include_str!("certificates/billing.key.pem");
const OTHER_KEY: &str = include_str!("certificates/other.key.pem");

/// RFC 8037 A.1.
const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

/// What a token request had: its proof's header and claims, and its form.
#[derive(Debug, Clone)]
struct Sent {
    header: Value,
    claims: Value,
    form: String,
}

fn header(asked: &Asked, name: &str) -> Option<String> {
    let mut lines = asked.head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn parameter(form: &str, name: &str) -> Option<String> {
    form.split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, v)| v.to_owned())
}

fn metadata(url: &str) -> String {
    json!({
        "issuer": url, "token_endpoint": format!("{url}/at/token"),
        "mtls_endpoint_aliases": {
            "token_endpoint": format!("{url}/mtls/token"),
            "introspection_endpoint": format!("{url}/mtls/introspect"),
        },
    })
    .to_string()
}

/// Runs `token get` at an issuer that demands these nonces, one after the other.
fn get(nonces: &'static [&'static str], more: &[&str]) -> (Told, Vec<Sent>, String) {
    let seen: Arc<Mutex<Vec<Sent>>> = Arc::default();
    let log = Arc::clone(&seen);
    let url = issuer_with_headers(move |url, asked| match asked.line.as_str() {
        "GET /.well-known/openid-configuration" => (200, String::new(), metadata(url)),
        "POST /at/token" => {
            let proof = header(asked, "DPoP").unwrap_or_default();
            let mut parts = proof.split('.');
            let sent = Sent {
                header: part(parts.next().unwrap()),
                claims: part(parts.next().unwrap()),
                form: asked.body.clone(),
            };
            let count = {
                let mut log = log.lock().unwrap();
                log.push(sent.clone());
                log.len()
            };
            match nonces.get(count - 1) {
                Some(nonce) => (
                    400,
                    format!("DPoP-Nonce: {nonce}\r\n"),
                    json!({ "error": "use_dpop_nonce", "error_description": "Use a nonce." }).to_string(),
                ),
                None => {
                    (200, String::new(), json!({ "access_token": "t", "token_type": "DPoP" }).to_string())
                }
            }
        }
        _ => (404, String::new(), "{}".to_owned()),
    });
    let folder = Folder::new("");
    folder.write("key.jwk", PRIVATE);
    folder.write("id.jwt", "e30.e30.x");
    let told = folder
        .edgemint(&[&["token", "get", "--client", "a", "--issuer", &url, "--dpop"][..], more].concat(), "");
    let sent = seen.lock().unwrap().clone();
    (told, sent, url)
}

#[test]
fn every_authentication_comes_with_a_proof_for_the_published_endpoint() {
    for (credentials, has) in [
        (["--secret-env", "THE_SECRET"], "grant_type=client_credentials"),
        (["--key-file", "key.jwk"], "client_assertion=ey"),
        (["--identity-file", "id.jwt"], "client_assertion=e30.e30.x"),
    ] {
        let (told, sent, url) = get(&[], &credentials);
        assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "{told:?}");
        assert_eq!(told.out.trim(), r#"{"access_token":"t","token_type":"DPoP"}"#);
        let [sent] = sent.as_slice() else { panic!("{sent:?}") };
        assert!(sent.form.contains(has), "{sent:?}");
        assert_eq!((&sent.header["typ"], &sent.header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert_eq!(sent.header["jwk"].as_object().unwrap().len(), 4, "kty, crv, x, y: nothing private");
        assert!(PublicKey::parse(&sent.header["jwk"].to_string()).is_ok());
        assert_eq!(sent.claims["htm"], "POST");
        assert_eq!(sent.claims["htu"], format!("{url}/at/token"));
        assert!(sent.claims["iat"].is_u64() && sent.claims.get("nonce").is_none(), "{sent:?}");
    }
}

#[test]
fn a_nonce_is_sent_once_with_a_new_proof_and_a_new_assertion() {
    let (told, sent, _) = get(&["n-1"], &["--key-file", "key.jwk", "--dpop-key-file", "key.jwk"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!((sent[0].claims.get("nonce"), &sent[1].claims["nonce"]), (None, &json!("n-1")));
    let distinct = |of: &dyn Fn(&Sent) -> String| sent.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(&|sent| sent.claims["jti"].to_string()), 2);
    assert_eq!(
        distinct(&|sent| parameter(&sent.form, "client_assertion").unwrap()),
        2,
        "an assertion of its own"
    );
    assert_eq!(distinct(&|sent| sent.header["jwk"].to_string()), 1, "the same key");
    assert_eq!(sent[0].header["alg"], "EdDSA");
    assert_eq!(
        PublicKey::parse(&sent[0].header["jwk"].to_string()).unwrap().thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );

    let (told, sent, _) = get(&["n-1", "n-2", "n-3"], &["--secret-env", "THE_SECRET"]);
    assert_eq!((told.code, sent.len()), (Some(1), 2), "the second demand is an error: {told:?}");
    assert!(told.err.contains("use_dpop_nonce"), "{told:?}");
}

#[test]
fn a_token_that_is_not_bound_is_told() {
    let url = issuer(|url, asked| match asked.line.as_str() {
        "GET /.well-known/openid-configuration" => (200, metadata(url)),
        _ => (200, r#"{"access_token":"t","token_type":"bearer"}"#.to_owned()),
    });
    let get = ["token", "get", "--client", "a", "--secret-env", "THE_SECRET", "--issuer", &url, "--dpop"];
    let told = Folder::new("").edgemint(&get, "");
    assert_eq!(told.code, Some(0));
    assert!(
        told.err.contains("warning: the token is not bound to the key of the proof (its type is bearer)")
    );
}

#[test]
fn a_key_that_cannot_sign_proofs_and_metadata_of_another_issuer_send_nothing() {
    let url = issuer(|_, asked| match asked.line.as_str() {
        "GET /.well-known/openid-configuration" => (200, metadata("https://other.example")),
        _ => (200, r#"{"access_token":"t","token_type":"DPoP"}"#.to_owned()),
    });
    let folder = Folder::new("");
    folder.write("rs256.jwk", r#"{"kty":"RSA","alg":"RS256","n":"AQAB","e":"AQAB","d":"hunter2"}"#);
    folder.write("public.jwk", &PRIVATE.replace("\"d\":", "\"e\":"));
    let get = |more: &[&str]| {
        let get = ["token", "get", "--client", "a", "--secret-env", "THE_SECRET", "--issuer", &url];
        let told = folder.edgemint(&[&get[..], more].concat(), "");
        assert!(told.code != Some(0) && told.out.is_empty() && !told.err.contains("hunter2"), "{told:?}");
        told.err
    };
    assert!(get(&["--dpop"]).contains("its issuer is https://other.example"));
    assert!(get(&["--dpop", "--dpop-key-file", "rs256.jwk"]).contains("only with ES256, PS256 or EdDSA"));
    assert!(get(&["--dpop", "--dpop-key-file", "public.jwk"]).contains("a public key"));
    assert!(get(&["--dpop-key-file", "rs256.jwk"]).contains("--dpop"));
}

/// A request with a certificate: its line, its header `Authorization`, and its body.
type Presented = (String, Option<String>, String);

/// Runs a command with a certificate at an issuer on this machine. Returns the path of the last request and its body.
fn with_certificate(verb: &str, more: &[&str]) -> (Told, Vec<Presented>) {
    let seen: Arc<Mutex<Vec<Presented>>> = Arc::default();
    let log = Arc::clone(&seen);
    let url = issuer(move |url, asked| match asked.line.as_str() {
        "GET /.well-known/openid-configuration" => (200, metadata(url)),
        line => {
            let sent = (line.to_owned(), header(asked, "Authorization"), asked.body.clone());
            log.lock().unwrap().push(sent);
            (200, r#"{"access_token":"t","token_type":"bearer","active":true}"#.to_owned())
        }
    });
    let folder = Folder::new("");
    folder.write("c.pem", CERTIFICATE);
    folder.write("c.key", CERTIFICATE_KEY);
    folder.write("other.key", OTHER_KEY);
    folder.write("key.jwk", PRIVATE);
    let told =
        folder.edgemint(&[&["token", verb, "--client", "a", "--issuer", &url][..], more].concat(), "e.y.x");
    let sent = seen.lock().unwrap().clone();
    (told, sent)
}

#[test]
fn a_certificate_goes_to_its_own_endpoint_and_authenticates_only_without_another_way() {
    let certificate = ["--cert", "c.pem", "--cert-key", "c.key"];
    let (told, sent) = with_certificate("get", &certificate);
    assert_eq!(told.code, Some(0), "{told:?}");
    let form = "grant_type=client_credentials&client_id=a".to_owned();
    assert_eq!(sent, [("POST /mtls/token".to_owned(), None, form)]);
    let (_, sent) = with_certificate("get", &[&certificate[..], &["--key-file", "key.jwk"]].concat());
    assert!(sent[0].0 == "POST /mtls/token" && sent[0].2.contains("client_assertion=ey"), "{sent:?}");
    let (_, sent) = with_certificate("get", &[&certificate[..], &["--secret-env", "THE_SECRET"]].concat());
    assert!(sent[0].1.as_ref().is_some_and(|header| header.starts_with("Basic ")), "{sent:?}");
    let (told, sent) = with_certificate("introspect", &certificate);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(sent[0].0 == "POST /mtls/introspect" && sent[0].2.ends_with("&client_id=a"), "{sent:?}");
    let (told, sent) = with_certificate("revoke", &certificate);
    assert!(told.code == Some(1) && sent.is_empty(), "{told:?}");
    assert!(told.err.contains("has no revocation_endpoint in mtls_endpoint_aliases"), "{told:?}");
}

#[test]
fn a_key_of_another_certificate_sends_nothing_and_is_not_shown() {
    for (more, why) in [
        (&["--cert", "c.pem", "--cert-key", "other.key"][..], "not that of the certificate"),
        (&["--cert", "c.key", "--cert-key", "c.key"], "has none in PEM"),
        (&["--cert", "c.pem", "--cert-key", "gone.key"], "cannot read the private key from gone.key"),
        (&["--cert", "c.pem"], "--cert-key"),
        (&["--cert-key", "c.key"], "--cert"),
    ] {
        let (told, sent) = with_certificate("get", more);
        assert!(told.code != Some(0) && told.err.contains(why) && sent.is_empty(), "{more:?}: {told:?}");
        assert!(!told.err.contains("MIGH"), "{told:?}");
    }
}
