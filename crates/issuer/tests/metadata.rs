//! The metadata as strict clients read it, and the endpoints that it names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use edgemint_issuer::{Authority, Body, Config, Request};
use edgemint_testkit::{MemoryClients, TestCrypto, moment, signing_key};
use proptest::prelude::*;
use serde_json::{Map, Value};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// The registry "OAuth Authorization Endpoint Response Types".
const REGISTERED: [&str; 8] = [
    "code",
    "code id_token",
    "code id_token token",
    "code token",
    "id_token",
    "id_token token",
    "none",
    "token",
];

type Issuer = Authority<MemoryClients, TestCrypto>;

fn issuer(variables: &[(&str, &str)], algorithms: &[&str]) -> Issuer {
    let keys: Vec<(String, String)> =
        algorithms.iter().map(|alg| (format!("SIGNING_KEY_{alg}"), signing_key(alg, &[]))).collect();
    let keys = keys.iter().map(|(name, key)| (name.as_str(), key.as_str()));
    let config =
        Config::parse(variables.iter().copied().chain(keys)).unwrap_or_else(|error| panic!("{error}"));
    Authority::new(config, MemoryClients::default(), TestCrypto::default(), [0; 32])
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn ask(issuer: &Issuer, method: &str, path: &str, accept: Option<&str>, body: &[u8]) -> Answer {
    let request = Request {
        method,
        path,
        accept,
        content_type: Some("application/x-www-form-urlencoded"),
        body: Body::Whole(body),
        ..Request::default()
    };
    let response = pollster::block_on(issuer.handle(&request, &moment())).response;
    let headers = response.headers.into_iter().map(|(name, value)| (name, value.into_owned()));
    Answer { status: response.status, headers: headers.collect(), body: response.body.into_owned() }
}

/// The metadata at both paths, for issuers of many kinds: the issuer's URL, the issuer, its path, and the
/// document.
fn documents() -> Vec<(String, Issuer, &'static str, Map<String, Value>)> {
    let mut found = Vec::new();
    for (url, path) in [
        ("https://tokens.example.com", ""),
        ("https://tokens.example.com:8443/a/dex", "/a/dex"),
        ("http://127.0.0.1:8787", ""),
        ("http://[::1]:8787/dex", "/dex"),
    ] {
        for profile in ["dex", "rfc9068"] {
            for grants in ["client_credentials", "password"] {
                for algorithms in [&["ES256"][..], &["EdDSA"], &["RS256", "ES256"]] {
                    for document in [OPENID, OAUTH] {
                        let variables =
                            [("ISSUER", url), ("TOKEN_PROFILE", profile), ("GRANT_TYPES", grants)];
                        let issuer = issuer(&variables, algorithms);
                        let answer = ask(&issuer, "GET", &format!("{path}{document}"), None, b"");
                        assert_eq!(answer.status, 200, "{url}{document}");
                        let members = serde_json::from_str(&answer.body).expect("an object");
                        found.push((url.to_owned(), issuer, path, members));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn both_documents_have_what_strict_validators_demand() {
    for (url, _, _, members) in documents() {
        assert_eq!(members["issuer"], Value::from(url.as_str()));
        // .NET's IdentityModel requires every endpoint to be an http(s) URL on the issuer's host, and below
        // the issuer.
        let mut urls = 0;
        for (name, value) in &members {
            if name.ends_with("_endpoint") || name.ends_with("_uri") {
                let value = value.as_str().unwrap_or_else(|| panic!("{name} is {value}"));
                let below = value.strip_prefix(&url).unwrap_or_else(|| panic!("{name} is {value}"));
                assert!(below.starts_with('/') && !below.contains(['?', '#', ' ']), "{name} is {value}");
                urls += 1;
            }
        }
        assert!(urls >= 5, "found only {urls} URLs");
        // Required by OpenID Connect Discovery §3 and RFC 8414 §2. Ruby's openid_connect treats an empty list
        // as missing.
        for required in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            assert!(members.contains_key(required), "{required} is missing");
        }
        for required in [
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "token_endpoint_auth_methods_supported",
            // The Go SDK of MCP considers an issuer without it unsafe.
            "code_challenge_methods_supported",
        ] {
            assert!(!members[required].as_array().expect(required).is_empty(), "{required} is empty");
        }
        for (name, value) in members.iter().filter(|(name, _)| name.ends_with("_supported")) {
            assert!(value.as_array().expect(name).iter().all(Value::is_string), "{name} is {value}");
        }
        for response_type in members["response_types_supported"].as_array().unwrap() {
            let name = response_type.as_str().unwrap();
            assert!(REGISTERED.contains(&name), "{name} is not registered");
        }
        assert!(!members["response_types_supported"].as_array().unwrap().contains(&"code".into()));
    }
}

#[test]
fn both_documents_say_the_same() {
    let documents = documents();
    for pair in documents.chunks(2) {
        let [(_, _, _, openid), (_, _, _, oauth)] = pair else { panic!("a document without its pair") };
        let mut oauth = oauth.clone();
        assert!(oauth.remove("signed_metadata").is_some());
        assert_eq!(openid, &oauth);
    }
}

#[test]
fn every_url_that_is_published_is_served() {
    for (url, issuer, path, members) in documents() {
        for (name, value) in &members {
            if !name.ends_with("_endpoint") && name != "jwks_uri" {
                continue;
            }
            let below = value.as_str().unwrap().strip_prefix(&url).unwrap();
            let method = if name == "jwks_uri" { "GET" } else { "POST" };
            let answer = ask(&issuer, method, &format!("{path}{below}"), None, b"");
            assert!(!matches!(answer.status, 404 | 405 | 500..), "{name}: {}", answer.status);
        }
    }
}

proptest! {
    #[test]
    fn the_authorization_endpoint_refuses_everything_in_the_same_words(
        method in prop_oneof![Just("GET"), Just("HEAD"), Just("POST"), Just("PUT"), Just("OPTIONS")],
        accept in proptest::option::of("(text/html|application/json|[*]/[*]|,|;q=0[.]5| ){0,6}|[ -~]{0,60}"),
        body in prop_oneof![
            Just(b"response_type=code&redirect_uri=https%3A%2F%2Fapp.example.com&state=<script>".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..60),
        ],
    ) {
        let issuer = issuer(&[("ISSUER", "https://tokens.example.com"), ("CORS_ALLOWED_ORIGINS", "*")], &["ES256"]);
        let answer = ask(&issuer, method, "/auth", accept.as_deref(), &body);
        let header = |name: &str| {
            answer.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        for never in ["Location", "Refresh", "Link", "Set-Cookie", "Access-Control-Allow-Origin"] {
            prop_assert_eq!(header(never), None);
        }
        if matches!(method, "PUT" | "OPTIONS") {
            prop_assert_eq!((answer.status, header("Allow")), (405, Some("GET, HEAD, POST")));
            return Ok(());
        }
        prop_assert_eq!(answer.status, 400);
        prop_assert_eq!(header("Cache-Control"), Some("no-store"));
        prop_assert_eq!(header("X-Content-Type-Options"), Some("nosniff"));
        let html = header("Content-Type") == Some("text/html; charset=utf-8");
        if html {
            prop_assert!(header("Content-Security-Policy").is_some_and(|policy| policy.starts_with("default-src 'none';")));
        } else {
            prop_assert_eq!(header("Content-Type"), Some("application/json"));
        }
        let other = ask(&issuer, "GET", "/auth", Some(if html { "text/html" } else { "*/*" }), b"").body;
        prop_assert_eq!(&answer.body, if method == "HEAD" { "" } else { &other });
        for active in ["<script", "<style", "<form", "<a ", "<img", "<link", "http-equiv", "src=", "href=", "style="] {
            prop_assert!(!html || !answer.body.contains(active), "{}", active);
        }
    }
}
