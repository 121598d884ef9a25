//! The FAPI 2.0 `client_credentials` plan of OpenID's conformance suite: one test for each of its modules, with the requests
//! that version 5.2.4 sends and the answers that it accepts.
//!
//! The resource server is examples/bound/node, with `oauth4webapi`. The whole plan runs twice: with ES256 and without
//! nonces, and with PS256 and nonces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_e2e::{BoundApi, Certificates, Https, note, now};
use edgemint_issuer::{ApiId, ApiRecord, ApiScope, ScopeToken};
use edgemint_testkit::{Answer, Kind, Mint, private_key, public_key, signing_key};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The ID of the API, and the address at which clients call it. The proxies of the suite use the default port.
const API: &str = "https://api.fapi.example";

/// The path that the suite calls.
const PATH: &str = "/accounts";

/// The algorithms that the profile allows (FAPI 2.0 §5.4.1).
const ALGORITHMS: [&str; 4] = ["PS256", "ES256", "EdDSA", "Ed25519"];

/// A deployment, and the keys of this run of the plan.
struct Plan {
    https: Https,
    api: BoundApi,
    /// The key of client 1, by its name in the test keys.
    key: &'static str,
}

/// A client of the suite: its ID, the key of its assertions, and the key of its proofs, which is another one.
#[derive(Clone, Copy)]
struct Client {
    id: &'static str,
    key: &'static str,
    proofs: &'static str,
}

const SECOND: Client = Client { id: "fapi-2", key: "other-ES256", proofs: "platform-RSA" };

/// The difference of a request from the usual one.
#[derive(Default)]
struct Differs {
    /// Members of the assertion's header, and its claims.
    assertion: (Value, Value),
    /// Claims of the proof.
    proof: Value,
    /// The key of the assertion.
    key: Option<&'static str>,
    has_no_assertion: bool,
    has_no_proof: bool,
}

impl Plan {
    fn start(certificates: &'static Certificates, nonce: &str, key: &'static str) -> Self {
        let vars = [
            ("GRANT_TYPES", "client_credentials"),
            ("TOKEN_PROFILE", "rfc9068"),
            ("FAPI", "on"),
            ("DPOP_NONCE", nonce),
        ];
        let signing = signing_key("ES256", &[]);
        let vars: Vec<_> = vars.into_iter().chain([("SIGNING_KEY_A", signing.as_str())]).collect();
        let https = Https::start(&vars, certificates);
        let mut record = ApiRecord::new(ApiId::parse(API).unwrap(), "Accounts");
        record.scopes =
            vec![ApiScope { name: ScopeToken::parse("accounts").unwrap(), description: "Reads.".into() }];
        https.worker().put(&record.id.kv_key(), &record.to_json());
        let keys = |names: &[&str]| -> Vec<Value> {
            let key = |name: &&str| {
                let (alg, kid) = if *name == "signer-RSA" { ("PS256", "ps256") } else { ("ES256", "es256") };
                json!({ "kid": kid, "alg": alg, "jwk": public_key(name, &[]), "created": 1, "expires": null })
            };
            names.iter().map(key).collect()
        };
        for (id, keys) in
            [("fapi-1", keys(&["signer-ES256", "signer-RSA"])), (SECOND.id, keys(&[SECOND.key]))]
        {
            let record = json!({
                "v": 3, "id": id, "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
                "trusted_peers": [], "token_lifetime": null, "revision": 1, "keys": keys,
                "grants": { API: ["accounts"] }, "default_api": API,
            });
            https.worker().put(&format!("client:{id}"), &record.to_string());
        }
        let api = BoundApi::in_node(&https, API, API, 0);
        Self { https, api, key }
    }

    fn first(&self) -> Client {
        Client { id: "fapi-1", key: self.key, proofs: "platform-ES256" }
    }

    fn endpoint(&self) -> String {
        format!("{}/token", self.https.url())
    }

    /// Asks for a token, and once more if the server wants a nonce.
    fn ask(&self, client: Client, differs: &Differs) -> Answer {
        let answer = self.ask_once(client, differs, None);
        let is_sent_back = answer.status == 400 && body(&answer)["error"] == "use_dpop_nonce";
        if !is_sent_back {
            return answer;
        }
        let nonce = answer.headers.get("dpop-nonce").expect("a nonce").clone();
        let again = self.ask_once(client, differs, Some(&nonce));
        assert_ne!(body(&again)["error"], "use_dpop_nonce", "the suite repeats a request only once");
        again
    }

    fn ask_once(&self, client: Client, differs: &Differs, nonce: Option<&str>) -> Answer {
        let issuer = self.https.url();
        let mut form = "grant_type=client_credentials&scope=accounts".to_owned();
        if differs.has_no_assertion {
            form += &format!("&client_id={}", client.id);
        } else {
            // The header has no `typ`.
            let header = merged(json!({ "typ": null }), &differs.assertion.0);
            let claims = json!({ "iss": client.id, "sub": client.id, "nbf": "+0", "jti": token_id() });
            let assertion = Mint::of(Kind::Client, header, merged(claims, &differs.assertion.1));
            let assertion = assertion.with_key(differs.key.unwrap_or(client.key)).token(&issuer, now());
            let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
            form += &format!("&client_assertion={assertion}&client_assertion_type={kind}");
        }
        let mut proof = differs.proof.clone();
        if let Some(nonce) = nonce {
            proof = merged(json!({ "nonce": nonce }), &proof);
        }
        let proof = prove(client.proofs, json!({}), merged(json!({ "htu": self.endpoint() }), &proof));
        let mut headers = vec![("accept", "application/json"), ("dpop", proof.as_str())];
        headers.truncate(if differs.has_no_proof { 1 } else { 2 });
        self.https.post(&self.endpoint(), &headers, None, &form)
    }

    /// A token for this request, as the suite accepts it.
    fn granted(&self, client: Client, differs: &Differs) -> String {
        let answer = self.ask(client, differs);
        let body = body(&answer);
        assert_eq!(answer.status, 200, "{body}");
        assert!(body["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("dpop")), "{body}");
        assert!(body["expires_in"].is_u64(), "{body}");
        assert_eq!((&body["id_token"], &body["refresh_token"]), (&Value::Null, &Value::Null), "{body}");
        let token = body["access_token"].as_str().unwrap();
        assert!(token.len() >= 22, "a token of less than 128 bits");
        token.to_owned()
    }

    /// Expects one of these errors, with its status.
    fn refused(&self, client: Client, differs: &Differs, expected: &[(u16, &str)]) {
        let answer = self.ask(client, differs);
        let body = body(&answer);
        let found = (answer.status, body["error"].as_str().unwrap_or_default());
        assert!(expected.contains(&found), "{found:?}: {body}");
        assert!(answer.headers["content-type"].starts_with("application/json"), "{:?}", answer.headers);
        assert_eq!(body["access_token"], Value::Null);
    }

    /// The status for a call of the API with this token and a good proof, apart from these differences.
    fn call(&self, client: Client, token: &str, header: Value, claims: Value) -> u16 {
        let proof = prove(client.proofs, header, merged(for_api(token), &claims));
        self.call_with(&[("Authorization", &format!("DPoP {token}")), ("DPoP", &proof)])
    }

    fn call_with(&self, headers: &[(&str, &str)]) -> u16 {
        let (status, answer) = self.api.get(PATH, headers);
        assert!(answer.contains("\r\nDate: "), "{answer}");
        status
    }
}

/// What the suite accepts when a client fails to authenticate.
const NOT_AUTHENTICATED: [(u16, &str); 3] =
    [(400, "invalid_client"), (401, "invalid_client"), (400, "invalid_request")];

/// Runs a module in all deployments.
fn in_all(module: impl Fn(&Plan)) {
    static PLANS: OnceLock<Vec<Plan>> = OnceLock::new();
    let plans = PLANS.get_or_init(|| {
        let Some(certificates) = Certificates::made() else { return Vec::new() };
        vec![
            Plan::start(certificates, "off", "signer-ES256"),
            Plan::start(certificates, "required", "signer-RSA"),
        ]
    });
    if plans.is_empty() {
        note("skipped: a module of the FAPI 2.0 plan, which needs TLS");
    }
    plans.iter().for_each(module);
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

fn merged(mut base: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().into_iter().flatten() {
        base[name] = value.clone();
    }
    base
}

/// An ID of 20 characters.
fn token_id() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{:012x}{:08x}", now(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A proof by this key. As the suite's, its `jwk` also has `use`, `kid` and `alg`.
fn prove(key: &str, header: Value, claims: Value) -> String {
    let alg = if key.ends_with("RSA") { "PS256" } else { "ES256" };
    let jwk = public_key(key, &[("use", "sig".into()), ("kid", "proof".into()), ("alg", alg.into())]);
    let header = merged(json!({ "alg": alg, "jwk": jwk }), &header);
    let claims = merged(json!({ "jti": token_id() }), &claims);
    Mint::of(Kind::Dpop, header, claims).with_key(key).token("", now())
}

/// The claims of a proof for a call of the API.
fn for_api(token: &str) -> Value {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    json!({ "htm": "GET", "htu": format!("{API}{PATH}"), "ath": hash })
}

#[test]
fn fapi_module_01_discovery() {
    in_all(|plan| {
        for document in ["openid-configuration", "oauth-authorization-server"] {
            let metadata = plan.https.get(&format!("/.well-known/{document}"));
            let has = |name: &str, value: &str| metadata[name].as_array().unwrap().contains(&value.into());
            assert_eq!(metadata["issuer"], plan.https.url());
            assert_eq!(metadata["token_endpoint"], plan.endpoint());
            assert!(has("grant_types_supported", "client_credentials"), "{metadata}");
            assert!(has("token_endpoint_auth_methods_supported", "private_key_jwt"), "{metadata}");
            for list in
                ["token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"]
            {
                assert!(ALGORITHMS.iter().any(|alg| has(list, alg)), "{list}: {metadata}");
                // The suite takes the first one where it has no key for the others.
                assert_ne!(metadata[list][0], "RS256", "{list}");
            }
            // Nothing is listed that the deployment refuses.
            assert!(!has("token_endpoint_auth_methods_supported", "client_secret_basic"), "{metadata}");
            assert!(!has("token_endpoint_auth_signing_alg_values_supported", "RS256"), "{metadata}");
        }
    });
}

#[test]
fn fapi_module_02_happy_flow() {
    in_all(|plan| {
        let first = plan.first();
        let token = plan.granted(first, &Differs::default());
        assert_eq!(plan.call(first, &token, json!({}), json!({})), 200);
        // The token in the query is none.
        let (status, _) = plan.api.get(&format!("{PATH}?access_token={token}"), &[]);
        assert_eq!(status, 401);
        for accept in ["application/json", "*/*", "text/html;q=0.5", "application/json;q=0.1, text/plain"] {
            let proof = prove(first.proofs, json!({}), for_api(&token));
            let authorization = format!("DPoP {token}");
            let headers = [("Authorization", authorization.as_str()), ("DPoP", &proof), ("Accept", accept)];
            assert_eq!(plan.call_with(&headers), 200, "{accept}");
        }
        let of_second = plan.granted(SECOND, &Differs::default());
        assert_eq!(plan.call(SECOND, &of_second, json!({}), json!({})), 200);
        // The token of client 2 with the proof of client 1.
        assert_eq!(plan.call(first, &of_second, json!({}), json!({})), 401);
    });
}

#[test]
fn fapi_module_03_case_of_the_scheme() {
    in_all(|plan| {
        let token = plan.granted(plan.first(), &Differs::default());
        let proof = prove(plan.first().proofs, json!({}), for_api(&token));
        assert_eq!(plan.call_with(&[("Authorization", &format!("dpOp {token}")), ("DPoP", &proof)]), 200);
    });
}

#[test]
fn fapi_module_04_proof_with_nbf_and_exp() {
    in_all(|plan| {
        let proof = json!({ "nbf": "+0", "exp": "+300" });
        let token = plan.granted(plan.first(), &Differs { proof: proof.clone(), ..Differs::default() });
        assert_eq!(plan.call(plan.first(), &token, json!({}), proof), 200);
    });
}

#[test]
fn fapi_module_05_proof_of_ten_seconds_ago() {
    in_all(|plan| {
        let proof = json!({ "iat": "-10" });
        let token = plan.granted(plan.first(), &Differs { proof: proof.clone(), ..Differs::default() });
        assert_eq!(plan.call(plan.first(), &token, json!({}), proof), 200);
    });
}

#[test]
fn fapi_module_06_proof_of_eight_seconds_ahead() {
    in_all(|plan| {
        let proof = json!({ "iat": "+8" });
        let token = plan.granted(plan.first(), &Differs { proof: proof.clone(), ..Differs::default() });
        assert_eq!(plan.call(plan.first(), &token, json!({}), proof), 200);
    });
}

#[test]
fn fapi_module_07_id_of_another_client() {
    in_all(|plan| {
        // The assertion names client 2, and client 1 has signed it.
        let differs = Differs {
            assertion: (json!({}), json!({ "iss": SECOND.id, "sub": SECOND.id })),
            ..Differs::default()
        };
        let expected = [(400, "invalid_client"), (401, "invalid_client"), (400, "invalid_grant")];
        plan.refused(plan.first(), &differs, &expected);
    });
}

/// Whether the deployment completes a TLS handshake with OpenSSL and these options.
fn shakes_hands(plan: &Plan, options: &[&str]) -> bool {
    let mut openssl = Command::new("openssl");
    let address = plan.https.url().replace("https://", "");
    openssl.args(["s_client", "-connect", &address, "-verify_return_error", "-CAfile"]);
    openssl.arg(plan.https.certificates().file("ca.pem")).args(options).stdin(Stdio::null());
    openssl.output().unwrap().status.success()
}

#[test]
fn fapi_module_08_no_proof() {
    in_all(|plan| {
        // The lowest level lets OpenSSL offer what it otherwise keeps to itself.
        let all = ["-cipher", "ALL:@SECLEVEL=0"];
        for (options, expected) in [
            (&["-tls1_3"][..], true),
            (&["-tls1_2"], true),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], true),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"], true),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"], false),
            (&["-tls1_2", "-cipher", "AES128-GCM-SHA256"], false),
            (&["-tls1_1", all[0], all[1]], false),
            (&["-tls1", all[0], all[1]], false),
        ] {
            assert_eq!(shakes_hands(plan, options), expected, "{options:?}");
        }
        let differs = Differs { has_no_proof: true, ..Differs::default() };
        let expected = [(400, "invalid_dpop_proof"), (400, "invalid_request"), (400, "invalid_grant")];
        plan.refused(plan.first(), &differs, &expected);
    });
}

#[test]
fn fapi_module_09_assertion_with_rs256() {
    in_all(|plan| {
        // The client has registered this key for PS256.
        let differs = Differs {
            assertion: (json!({ "alg": "RS256", "kid": "ps256" }), json!({})),
            key: Some("signer-RSA"),
            ..Differs::default()
        };
        plan.refused(plan.first(), &differs, &[(400, "invalid_client"), (401, "invalid_client")]);
    });
}

#[test]
fn fapi_module_10_no_assertion() {
    in_all(|plan| {
        let differs = Differs { has_no_assertion: true, ..Differs::default() };
        plan.refused(plan.first(), &differs, &NOT_AUTHENTICATED);
    });
}

/// A module whose assertion has these claims.
fn refuses_claims(claims: &Value) {
    in_all(|plan| {
        let differs = Differs { assertion: (json!({}), claims.clone()), ..Differs::default() };
        plan.refused(plan.first(), &differs, &NOT_AUTHENTICATED);
    });
}

#[test]
fn fapi_module_11_assertion_that_is_over() {
    refuses_claims(&json!({ "exp": "-300" }));
}

#[test]
fn fapi_module_12_assertion_for_another_audience() {
    refuses_claims(&json!({ "aud": "https://other.example.com" }));
}

#[test]
fn fapi_module_13_assertion_without_subject() {
    refuses_claims(&json!({ "sub": null }));
}

#[test]
fn fapi_module_14_proofs_at_the_resource_server() {
    in_all(|plan| {
        let client = plan.first();
        let token = plan.granted(client, &Differs::default());
        let other = plan.granted(client, &Differs::default());
        good_proofs(plan, &token);
        for (what, header, claims) in bad_members(&other) {
            assert_eq!(plan.call(client, &token, header, claims), 401, "{what}");
        }
        bad_requests(plan, &token);
        good_proofs(plan, &token);
    });
}

fn good_proofs(plan: &Plan, token: &str) {
    let client = plan.first();
    for (what, claims) in [
        ("as usual", json!({})),
        ("with a query", json!({ "htu": format!("{API}{PATH}?a=b") })),
        ("with a fragment", json!({ "htu": format!("{API}{PATH}#a") })),
        ("an extra claim", json!({ "extra": { "a": [1] } })),
        ("an upper-case scheme", json!({ "htu": format!("HTTPS://api.fapi.example{PATH}") })),
        ("an upper-case host", json!({ "htu": format!("https://API.FAPI.EXAMPLE{PATH}") })),
        ("the default port", json!({ "htu": format!("{API}:443{PATH}") })),
    ] {
        assert_eq!(plan.call(client, token, json!({}), claims), 200, "{what}");
    }
    let authorization = format!("DPoP {token}");
    let proof = || prove(client.proofs, json!({}), for_api(token));
    assert_eq!(plan.call_with(&[("Authorization", &authorization), ("DPOP", &proof())]), 200);
    assert_eq!(plan.call_with(&[("AUTHORIZATION", &authorization), ("dpop", &proof())]), 200);
    // The query of the request does not count.
    let (status, _) =
        plan.api.get(&format!("{PATH}?a=b"), &[("Authorization", &authorization), ("DPoP", &proof())]);
    assert_eq!(status, 200);
}

/// Proofs with other members than the right ones. `other` is another token.
fn bad_members(other: &str) -> Vec<(&'static str, Value, Value)> {
    let none = || json!({});
    let public = |key: &str| public_key(key, &[]);
    vec![
        ("no type", json!({ "typ": null }), none()),
        ("the type JWT", json!({ "typ": "JWT" }), none()),
        ("no algorithm", json!({ "alg": null }), none()),
        ("no signature", json!({ "alg": "none" }), none()),
        ("a symmetric algorithm", json!({ "alg": "HS256" }), none()),
        ("the algorithm of another key", json!({ "alg": "PS256" }), none()),
        ("no key", json!({ "jwk": null }), none()),
        ("a key as text", json!({ "jwk": public("platform-ES256").to_string() }), none()),
        ("the private key", json!({ "jwk": private_key("platform-ES256") }), none()),
        ("a key that did not sign", json!({ "jwk": public("other-ES256") }), none()),
        ("half a key", json!({ "jwk": public_key("platform-ES256", &[("y", Value::Null)]) }), none()),
        ("no ID", none(), json!({ "jti": null })),
        ("a number as ID", none(), json!({ "jti": 7 })),
        ("no method", none(), json!({ "htm": null })),
        ("the method PUT", none(), json!({ "htm": "PUT" })),
        ("the method in lower case", none(), json!({ "htm": "get" })),
        ("no URI", none(), json!({ "htu": null })),
        ("another path", none(), json!({ "htu": format!("{API}/other") })),
        ("another host", none(), json!({ "htu": format!("https://other.example{PATH}") })),
        ("another port", none(), json!({ "htu": format!("{API}:8443{PATH}") })),
        ("another scheme", none(), json!({ "htu": format!("http://api.fapi.example{PATH}") })),
        ("a slash more", none(), json!({ "htu": format!("{API}{PATH}/") })),
        ("a path alone", none(), json!({ "htu": PATH })),
        ("no time", none(), json!({ "iat": null })),
        ("an hour ago", none(), json!({ "iat": "-3600" })),
        ("in an hour", none(), json!({ "iat": "+3600" })),
        ("not yet valid", none(), json!({ "nbf": "+3600" })),
        ("over", none(), json!({ "exp": "-3600" })),
        ("no hash of the token", none(), json!({ "ath": null })),
        ("the hash of another token", none(), json!({ "ath": for_api(other)["ath"] })),
        ("the token as its hash", none(), json!({ "ath": other })),
    ]
}

/// Requests that are wrong as a whole.
fn bad_requests(plan: &Plan, token: &str) {
    let client = plan.first();
    let (bound, bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
    let proof = || prove(client.proofs, json!({}), for_api(token));
    let parts: Vec<String> = proof().split('.').map(str::to_owned).collect();
    let altered = {
        let mut signature = URL_SAFE_NO_PAD.decode(&parts[2]).unwrap();
        signature[40] ^= 1;
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(signature))
    };
    let unsigned = prove(client.proofs, json!({ "alg": "none" }), for_api(token));
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    for (what, authorization, proofs) in [
        ("no proof", &bound, vec![]),
        ("the algorithm none", &bound, vec![unsigned]),
        ("the scheme Bearer", &bearer, vec![proof()]),
        ("a bearer token", &bearer, vec![]),
        ("two proofs", &bound, vec![proof(), proof()]),
        ("an empty proof", &bound, vec![String::new()]),
        ("no JWT", &bound, vec!["proof".to_owned()]),
        ("a part too few", &bound, vec![parts[..2].join(".")]),
        ("no signature", &bound, vec![format!("{}.{}.", parts[0], parts[1])]),
        ("a part too many", &bound, vec![format!("{}.{}", proof(), parts[2])]),
        ("an altered signature", &bound, vec![altered]),
        ("the proof of another key", &bound, vec![prove("other-ES256", json!({}), for_api(token))]),
        ("a proof for the token endpoint", &bound, {
            vec![prove(client.proofs, json!({}), json!({ "htu": plan.endpoint() }))]
        }),
    ] {
        let proofs = proofs.iter().map(|proof| ("DPoP", proof.as_str()));
        let headers: Vec<_> =
            std::iter::once(("Authorization", authorization.as_str())).chain(proofs).collect();
        assert_eq!(plan.call_with(&headers), 401, "{what}");
    }
    let once = proof();
    let headers = [("Authorization", bound.as_str()), ("DPoP", once.as_str())];
    assert_eq!((plan.call_with(&headers), plan.call_with(&headers)), (200, 401), "a second use");
}
