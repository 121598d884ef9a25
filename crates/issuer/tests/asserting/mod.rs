//! Requests with assertions, for the tests of how they are judged.
#![allow(dead_code, reason = "each test program uses a part of it")]
use edgemint_issuer::ports::{
    ApiStore, ClientStore, IssuerStore, KeySource, LocationCache, RateLimit, Replay, RevocationStore,
};
use edgemint_issuer::{Arrival, Authority, Body, Config, Moment, Request};
use edgemint_testkit::{Kind, MemoryClients, Mint, NOW, Store, TestCrypto, logged, signing_key, stored};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://tokens.example.com";
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) fn config(issuer: &str) -> Config {
    let key = signing_key("EdDSA", &[]);
    let variables =
        [("ISSUER", issuer), ("GRANT_TYPES", "client_credentials"), ("SIGNING_KEY_A", key.as_str())];
    Config::parse(variables).unwrap()
}

pub(crate) type Plain = Authority<MemoryClients, TestCrypto>;

pub(crate) fn authority() -> Plain {
    Authority::new(config(ISSUER), stored(Store::Up), TestCrypto::default(), [0; 32])
}

/// Sends `form` to `path` at `now`. Returns the status, the body, and the log line.
pub(crate) fn post<C, B: RateLimit, R: Replay>(
    authority: &Authority<C, TestCrypto, B, R>,
    path: &str,
    form: &str,
    now: u64,
) -> (u16, Value, Value)
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + LocationCache + KeySource,
{
    let request = Request {
        method: "POST",
        path,
        content_type: Some("application/x-www-form-urlencoded"),
        body: Body::Whole(form.as_bytes()),
        arrival: Arrival { address: Some("192.0.2.1"), ..Arrival::default() },
        ..Request::default()
    };
    let moment = Moment { now, random: [3; 64] };
    let served = pollster::block_on(authority.handle(&request, &moment));
    let body = serde_json::from_str(&served.response.body).unwrap_or_default();
    let mut event = logged(served.event.as_ref());
    let retry = served.response.headers.iter().find(|(name, _)| *name == "Retry-After");
    event["retry"] = retry.map(|(_, value)| value.to_string()).into();
    (served.response.status, body, event)
}

pub(crate) fn form(assertion: &str, more: &str) -> String {
    format!("grant_type=client_credentials&client_assertion_type={TYPE}&client_assertion={assertion}{more}")
}

pub(crate) fn own(claims: Value) -> String {
    Mint::of(Kind::Client, json!({}), claims).token(ISSUER, NOW)
}

pub(crate) fn ask<C, B: RateLimit, R: Replay>(
    authority: &Authority<C, TestCrypto, B, R>,
    assertion: &str,
    now: u64,
) -> (u16, Value)
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + LocationCache + KeySource,
{
    let (status, _, event) = post(authority, "/token", &form(assertion, ""), now);
    (status, event)
}
