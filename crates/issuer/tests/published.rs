//! The URLs in the published documents: each is an endpoint of this issuer, with and without a slash at the
//! end of its URL.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{Authority, Config, Request};
use edgemint_testkit::{MemoryClients, TestCrypto, moment, signing_key};
use serde_json::Value;

/// An issuer with this URL.
fn issuer(url: &str) -> Authority<MemoryClients, TestCrypto> {
    let key = signing_key("EdDSA", &[]);
    let variables = [("ISSUER", url), ("GRANT_TYPES", "client_credentials"), ("SIGNING_KEY_A", key.as_str())];
    Authority::new(
        Config::parse(variables).unwrap(),
        MemoryClients::default(),
        TestCrypto::default(),
        [0; 32],
    )
}

/// The status and the body at `path`.
fn ask(authority: &Authority<MemoryClients, TestCrypto>, method: &str, path: &str) -> (u16, String) {
    let request = Request {
        method,
        path,
        content_type: Some("application/x-www-form-urlencoded"),
        ..Request::default()
    };
    let response = pollster::block_on(authority.handle(&request, &moment())).response;
    (response.status, response.body.into_owned())
}

/// Every text in `value`.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[test]
fn every_url_that_is_published_is_served_and_only_the_issuer_keeps_its_slash() {
    for url in ["https://h.example", "https://h.example/", "https://h.example/dex", "https://h.example/dex/"]
    {
        let authority = issuer(url);
        let path = url.strip_prefix("https://h.example").unwrap().trim_end_matches('/');
        let documents = [
            format!("{path}/.well-known/openid-configuration"),
            format!("{path}/.well-known/oauth-authorization-server"),
            format!("/.well-known/oauth-authorization-server{path}"),
        ];
        for document in documents {
            let (status, body) = ask(&authority, "GET", &document);
            assert_eq!(status, 200, "{url}: {document}");
            let mut members: Value = serde_json::from_str(&body).unwrap();
            if let Some(jwt) = members.as_object_mut().unwrap().remove("signed_metadata") {
                let claims = jwt.as_str().unwrap().split('.').nth(1).unwrap();
                members["attested"] =
                    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
                assert_eq!(members["attested"]["iss"], url);
            }
            assert_eq!(members["issuer"], url, "{document}");
            let endpoints: Vec<&str> = texts(&members)
                .into_iter()
                .filter_map(|text| text.strip_prefix("https://h.example"))
                .filter(|path| Some(*path) != url.strip_prefix("https://h.example"))
                .collect();
            assert!(endpoints.len() >= 4, "{url}: {body}");
            for endpoint in endpoints {
                assert!(endpoint.starts_with(&format!("{path}/")) && !endpoint.contains("//"), "{endpoint}");
                assert!(ask(&authority, "GET", endpoint).0 != 404, "{url}: {endpoint}");
            }
        }
    }
}
