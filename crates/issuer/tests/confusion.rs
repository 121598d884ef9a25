//! One kind of JWT does not pass as another, where tokens follow RFC 9068 (§5; RFC 8725 §3.11, §3.12).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use edgemint_issuer::{Authority, Body, Config, Request};
use edgemint_testkit::{MemoryClients, TestCrypto, apis, cast, moment, signing_key, verify};
use serde_json::Value;

const ISSUER: &str = "https://example.com";
const SECRET: &str = "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";

fn ask(profile: &str, method: &str, path: &str, body: &str) -> (Value, Value) {
    let mut clients = MemoryClients::default();
    cast().iter().for_each(|client| clients.add(client));
    apis().iter().for_each(|api| clients.add_api(api));
    let key = signing_key("EdDSA", &[]);
    let grant = ("GRANT_TYPES", "client_credentials");
    let variables = [("ISSUER", ISSUER), grant, ("TOKEN_PROFILE", profile), ("SIGNING_KEY_A", &key)];
    let config = Config::parse(variables).unwrap();
    let jwks = serde_json::from_str(&config.keys().published(0)).unwrap();
    let authority = Authority::new(config, clients, TestCrypto::default(), [0; 32]);
    let request = Request {
        method,
        path,
        content_type: Some("application/x-www-form-urlencoded"),
        body: Body::Whole(body.as_bytes()),
        ..Request::default()
    };
    let outcome = pollster::block_on(authority.handle(&request, &moment()));
    assert_eq!(outcome.response.status, 200, "{body}: {}", outcome.response.body);
    (serde_json::from_str(&outcome.response.body).unwrap(), jwks)
}

fn is_for(claims: &Value, named: &str) -> bool {
    let several = claims["aud"].as_array().is_some_and(|several| several.iter().any(|one| one == named));
    several || claims["aud"] == named
}

/// A resource server according to RFC 9068 §4. Returns the reasons for which it refuses.
fn resource_server(jwks: &Value, token: &str, named: &str) -> Vec<&'static str> {
    let (header, claims) = verify(jwks, token).unwrap();
    let mut refusals = Vec::new();
    if header["typ"] != "at+jwt" && header["typ"] != "application/at+jwt" {
        refusals.push("typ");
    }
    if claims["iss"] != ISSUER {
        refusals.push("iss");
    }
    if !is_for(&claims, named) {
        refusals.push("aud");
    }
    if claims["exp"].as_u64().is_none_or(|exp| exp <= moment().now) {
        refusals.push("exp");
    }
    refusals
}

/// A client according to OpenID Connect Core §3.1.3.7. Only a careful one checks `typ`.
fn relying_party(jwks: &Value, token: &str, client: &str) -> Vec<&'static str> {
    let (header, claims) = verify(jwks, token).unwrap();
    let mut refusals = Vec::new();
    if header["typ"] != "JWT" {
        refusals.push("typ");
    }
    if !is_for(&claims, client) {
        refusals.push("aud");
    }
    refusals
}

#[test]
fn an_id_token_does_not_pass_as_access_token_nor_the_reverse() {
    for (client, more, named) in [
        ("test", "scope=openid", ISSUER),
        ("test", "scope=openid+email+profile+groups&nonce=n", ISSUER),
        ("api-client", "scope=openid&resource=https://a.example/", "https://a.example/"),
        ("api-client", "scope=openid+read&resource=https://b.example/&audience=reports", "reports"),
        ("api-default", "scope=openid", "https://a.example/"),
        ("claims-app", "scope=openid&resource=https://a.example/", "https://a.example/"),
    ] {
        let body = format!("grant_type=client_credentials&client_id={client}&client_secret={SECRET}&{more}");
        let (answer, jwks) = ask("rfc9068", "POST", "/token", &body);
        let (access, id) = (answer["access_token"].as_str().unwrap(), answer["id_token"].as_str().unwrap());
        assert_eq!(resource_server(&jwks, access, named), [""; 0], "{more}");
        assert_eq!(resource_server(&jwks, id, named), ["typ", "aud"], "{more}: either one is enough");
        assert_eq!(relying_party(&jwks, id, client), [""; 0], "{more}");
        assert_eq!(relying_party(&jwks, access, client), ["typ", "aud"], "{more}: either one is enough");
    }
}

#[test]
fn with_an_audience_that_both_have_the_type_tells_them_apart() {
    for peer in ["peer", "test"] {
        let more = format!("scope=openid+audience:server:client_id:{peer}");
        let body = format!("grant_type=client_credentials&client_id=test&client_secret={SECRET}&{more}");
        let (answer, jwks) = ask("rfc9068", "POST", "/token", &body);
        let (access, id) = (answer["access_token"].as_str().unwrap(), answer["id_token"].as_str().unwrap());
        assert_eq!(resource_server(&jwks, access, peer), [""; 0]);
        assert_eq!(resource_server(&jwks, id, peer), ["typ"]);
        assert!(relying_party(&jwks, access, "test").contains(&"typ"));
    }
}

#[test]
fn signed_metadata_passes_as_no_token() {
    for profile in ["dex", "rfc9068"] {
        let (document, jwks) = ask(profile, "GET", "/.well-known/oauth-authorization-server", "");
        let jwt = document["signed_metadata"].as_str().unwrap();
        let refusals = resource_server(&jwks, jwt, ISSUER);
        assert_eq!(refusals, ["typ", "aud", "exp"], "{profile}");
    }
}
