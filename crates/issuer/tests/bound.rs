//! Bound tokens: nonces, windows, and proofs that are altered (RFC 9449).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::borrow::Cow;

use edgemint_issuer::{Arrival, Authority, Body, Config, Moment, Request};
use edgemint_testkit::{Kind, MemoryClients, Mint, NOW, Store, TestCrypto, logged, signing_key, stored};
use proptest::prelude::*;
use serde_json::{Value, json};

const ISSUER: &str = "https://tokens.example.com/a";

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

type Issuer = Authority<MemoryClients, TestCrypto>;

fn issuer(more: &[(&str, &str)]) -> Issuer {
    let key = signing_key("EdDSA", &[]);
    let base = [("ISSUER", ISSUER), ("GRANT_TYPES", "client_credentials"), ("SIGNING_KEY_A", key.as_str())];
    let config = Config::parse(base.iter().chain(more).copied()).unwrap();
    Authority::new(config, stored(Store::Up), TestCrypto::default(), [0; 32])
}

/// An issuer that requires nonces.
fn strict() -> Issuer {
    issuer(&[("DPOP_NONCE", "required")])
}

/// An answer, as far as these tests need it.
struct Answer {
    status: u16,
    error: Option<String>,
    kind: Option<String>,
    /// Each value of the header `DPoP-Nonce`.
    nonces: Vec<String>,
    reason: Option<String>,
}

impl Answer {
    fn nonce(&self) -> &str {
        assert_eq!(self.nonces.len(), 1, "exactly one nonce");
        &self.nonces[0]
    }

    fn is_bound(&self) -> bool {
        self.status == 200 && self.kind.as_deref() == Some("DPoP")
    }
}

fn ask(issuer: &Issuer, form: &str, dpop: Option<&str>, now: u64) -> Answer {
    let request = Request {
        method: "POST",
        path: "/a/token",
        content_type: Some("application/x-www-form-urlencoded"),
        dpop,
        body: Body::Whole(form.as_bytes()),
        arrival: Arrival { address: Some("192.0.2.1"), ..Arrival::default() },
        ..Request::default()
    };
    let served = pollster::block_on(issuer.handle(&request, &Moment { now, random: [3; 64] }));
    let body: Value = serde_json::from_str(&served.response.body).unwrap();
    let event = logged(served.event.as_ref());
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let nonces = served.response.headers.iter().filter(|(name, _)| *name == "DPoP-Nonce");
    Answer {
        status: served.response.status,
        error: text(&body["error"]),
        kind: text(&body["token_type"]),
        nonces: nonces.map(|(_, value)| Cow::to_string(value)).collect(),
        reason: text(&event["reason"]),
    }
}

fn assertion(now: u64) -> String {
    let assertion = Mint::of(Kind::Client, json!({}), json!({ "aud": ISSUER })).token(ISSUER, now);
    format!("grant_type=client_credentials&client_assertion_type={TYPE}&client_assertion={assertion}")
}

fn proof(claims: Value, now: u64) -> String {
    Mint::of(Kind::Dpop, json!({}), claims).with_key("other-ES256").token(ISSUER, now)
}

const SECRET: &str = "grant_type=client_credentials&client_id=test&client_secret=ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";

#[test]
fn a_client_is_sent_back_once_for_a_nonce_and_may_repeat_its_assertion() {
    let (issuer, form) = (strict(), assertion(NOW));
    let sent_back = ask(&issuer, &form, Some(&proof(json!({}), NOW)), NOW);
    assert_eq!((sent_back.status, sent_back.error.as_deref()), (400, Some("use_dpop_nonce")));
    assert_eq!(sent_back.reason.as_deref(), Some("dpop_nonce_missing"));
    let with_nonce = proof(json!({ "nonce": sent_back.nonce() }), NOW);
    let answer = ask(&issuer, &form, Some(&with_nonce), NOW);
    assert!(answer.is_bound() && answer.nonces.is_empty(), "the nonce is the current one");
    let again = ask(&issuer, &form, Some(&with_nonce), NOW);
    assert_eq!(again.reason.as_deref(), Some("assertion_replayed"), "the assertion is used now");
    // A client without a proof is not sent back for a nonce.
    let bearer = ask(&issuer, &assertion(NOW), None, NOW);
    assert_eq!((bearer.status, bearer.kind.as_deref(), bearer.nonces.len()), (200, Some("bearer"), 0));
}

#[test]
fn a_nonce_that_is_old_but_accepted_brings_the_next_one() {
    let issuer = strict();
    let first = ask(&issuer, SECRET, Some(&proof(json!({}), NOW)), NOW).nonce().to_owned();
    let later = NOW + 120;
    let answer = ask(&issuer, SECRET, Some(&proof(json!({ "nonce": first }), later)), later);
    assert!(answer.is_bound() && answer.nonce() != first, "a new value is due");
    let next = ask(&issuer, SECRET, Some(&proof(json!({ "nonce": answer.nonce() }), later)), later);
    assert!(next.is_bound() && next.nonces.is_empty());
    for nonce in [first.as_str(), "", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let much_later = NOW + 600;
        let old = ask(&issuer, SECRET, Some(&proof(json!({ "nonce": nonce }), much_later)), much_later);
        assert_eq!((old.status, old.reason.as_deref()), (400, Some("dpop_nonce_unknown")), "{nonce}");
        assert_ne!(old.nonce(), nonce);
    }
}

#[test]
fn only_a_proven_client_is_told_a_nonce() {
    let issuer = strict();
    let dpop = proof(json!({}), NOW);
    let wrong = SECRET.replace("ems_T", "ems_U");
    for form in [wrong.as_str(), "grant_type=client_credentials&client_id=test", "grant_type=other"] {
        let answer = ask(&issuer, form, Some(&dpop), NOW);
        assert!(answer.status >= 400 && answer.nonces.is_empty(), "{form}");
        assert_ne!(answer.error.as_deref(), Some("use_dpop_nonce"));
    }
    // The answer names another flaw of the proof first, and has no nonce.
    let answer = ask(&issuer, SECRET, Some(&proof(json!({ "htm": "GET" }), NOW)), NOW);
    assert_eq!((answer.reason.as_deref(), answer.nonces.len()), (Some("dpop_method"), 0));
}

#[test]
fn with_a_nonce_the_clock_of_the_client_counts_less() {
    let (plain, strict) = (issuer(&[]), strict());
    let nonce = ask(&strict, SECRET, Some(&proof(json!({}), NOW)), NOW).nonce().to_owned();
    for (member, shift, without, with) in [
        ("iat", -61, Some("dpop_expired"), None),
        ("iat", -60, None, None),
        ("iat", 10, None, None),
        ("iat", 11, Some("dpop_not_yet_valid"), None),
        ("iat", -300, Some("dpop_expired"), None),
        ("iat", -301, Some("dpop_expired"), Some("dpop_expired")),
        ("iat", 60, Some("dpop_not_yet_valid"), None),
        ("iat", 61, Some("dpop_not_yet_valid"), Some("dpop_not_yet_valid")),
        ("nbf", 10, None, None),
        ("nbf", 11, Some("dpop_not_yet_valid"), None),
        ("nbf", 61, Some("dpop_not_yet_valid"), Some("dpop_not_yet_valid")),
        ("exp", -10, None, None),
        ("exp", -11, Some("dpop_expired"), Some("dpop_expired")),
    ] {
        let time = NOW.checked_add_signed(shift).unwrap();
        for (issuer, expected) in [(&plain, without), (&strict, with)] {
            let dpop = proof(json!({ (member): time, "nonce": nonce }), NOW);
            let answer = ask(issuer, SECRET, Some(&dpop), NOW);
            assert_eq!(answer.reason.as_deref(), expected, "{member} {shift}");
            assert_eq!(answer.is_bound(), expected.is_none());
        }
    }
}

#[test]
fn the_endpoint_is_that_of_the_issuer_or_of_the_host_for_certificates() {
    let mtls = issuer(&[("MTLS_HOST", "mtls.example.com")]);
    let plain = issuer(&[]);
    for (uri, at_plain, at_mtls) in [
        ("https://tokens.example.com/a/token", true, true),
        ("https://mtls.example.com/a/token", false, true),
        ("https://mtls.example.com:443/a/./token?x", false, true),
        ("https://mtls.example.com/token", false, false),
        ("https://tokens.example.com/token", false, false),
        ("http://tokens.example.com/a/token", false, false),
    ] {
        let dpop = proof(json!({ "htu": uri }), NOW);
        for (issuer, is_accepted) in [(&plain, at_plain), (&mtls, at_mtls)] {
            assert_eq!(ask(issuer, SECRET, Some(&dpop), NOW).is_bound(), is_accepted, "{uri}");
        }
    }
}

#[test]
fn a_page_may_send_a_proof_and_read_the_nonce_only_at_the_token_endpoint() {
    for (allowed, headers) in [
        ("", "Authorization, Content-Type, X-Requested-With, DPoP"),
        ("Authorization,dpop", "Authorization, dpop"),
        ("*", "*, Authorization"),
    ] {
        let page = "https://app.example";
        let issuer = issuer(&[("CORS_ALLOWED_ORIGINS", page), ("CORS_ALLOWED_HEADERS", allowed)]);
        let preflight = |path| {
            let request = Request { method: "OPTIONS", path, origin: Some(page), ..Request::default() };
            let response =
                pollster::block_on(issuer.handle(&request, &Moment { now: NOW, random: [0; 64] })).response;
            ["Access-Control-Allow-Headers", "Access-Control-Expose-Headers"].map(|name| {
                let found = response.headers.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.to_string()).unwrap_or_default()
            })
        };
        let [sent, read] = preflight("/a/token");
        assert_eq!(sent, headers);
        assert!(read.ends_with(", DPoP-Nonce"), "{read}");
        let [sent, read] = preflight("/a/keys");
        assert_eq!(sent.trim_end_matches(", DPoP"), headers.trim_end_matches(", DPoP"));
        assert!(!read.contains("DPoP") && !sent.contains(", DPoP"), "{sent} {read}");
    }
}

thread_local! {
    /// A good proof by a key of each type, and an issuer that accepts it.
    static GOOD: (Issuer, [String; 3]) = (
        issuer(&[]),
        ["signer-ES256", "signer-EdDSA", "signer-RSA"]
            .map(|key| Mint::of(Kind::Dpop, json!({}), json!({})).with_key(key).token(ISSUER, NOW)),
    );
}

#[test]
fn good_proofs_are_accepted() {
    GOOD.with(|(issuer, proofs)| {
        for proof in proofs {
            assert!(ask(issuer, SECRET, Some(proof), NOW).is_bound(), "{proof}");
        }
    });
}

proptest! {
    #[test]
    fn no_altered_proof_is_accepted(at in any::<prop::sample::Index>(), other in "[A-Za-z0-9_.-]", key in 0..3_usize) {
        GOOD.with(|(issuer, proofs)| {
            let mut altered = proofs[key].clone();
            let at = at.index(altered.len());
            altered.replace_range(at..=at, &other);
            if altered != proofs[key] {
                prop_assert!(!ask(issuer, SECRET, Some(&altered), NOW).is_bound());
            }
            Ok(())
        })?;
    }
}
