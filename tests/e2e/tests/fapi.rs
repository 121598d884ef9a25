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

#[path = "../fapi/plan.rs"]
mod plan;

use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_testkit::{private_key, public_key};
use serde_json::{Value, json};

use plan::{API, Differs, PATH, Plan, SECOND, for_api, in_all, prove};

/// The algorithms that the profile allows (FAPI 2.0 §5.4.1).
const ALGORITHMS: [&str; 4] = ["PS256", "ES256", "EdDSA", "Ed25519"];

/// What the suite accepts when a client fails to authenticate.
const NOT_AUTHENTICATED: [(u16, &str); 3] =
    [(400, "invalid_client"), (401, "invalid_client"), (400, "invalid_request")];

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
        // A token in the query does not count.
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
        ("a path without a host", none(), json!({ "htu": PATH })),
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
