//! Bound tokens with the libraries of others: clients that make proofs (RFC 9449) and present certificates (RFC 8705), and
//! the APIs of examples/bound that verify both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edgemint_e2e::{
    AUTHORITY, BILLING, BoundApi, Certificates, Https, NIMBUS, PYTHON, get_json, go, has, java, note, now,
    port, python, run, tools,
};
use edgemint_testkit::{Kind, Mint, apis, cast, private_key, signing_key, verify};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A client whose tokens must be bound to a key, its secret, and an API that it may call.
const CLIENT: &str = "bound-dpop";
const SECRET: &str = "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";
const RESOURCE: &str = "https://a.example/";

/// The reason in the log when a proof has no nonce.
const SENT_BACK: &str = "\"dpop_nonce_missing\"";

/// A deployment with the clients of the vectors, and two whose certificates are real.
fn start(certificates: &'static Certificates, nonce: &str) -> Https {
    let signing = signing_key("ES256", &[]);
    let vars = [
        ("GRANT_TYPES", "client_credentials"),
        ("TOKEN_PROFILE", "rfc9068"),
        ("DPOP_NONCE", nonce),
        ("SIGNING_KEY_A", &signing),
    ];
    let https = Https::start(&vars, certificates);
    for client in cast().iter().filter(|client| client.id.as_str().starts_with("bound-")) {
        https.worker().put(&client.id.kv_key(), &client.to_json());
    }
    for api in apis().iter().filter(|api| api.id.as_str() == RESOURCE) {
        https.worker().put(&api.id.kv_key(), &api.to_json());
    }
    let names = json!({ "names": { "subject_dn": BILLING, "issuer_dn": AUTHORITY } });
    for (id, of) in
        [("certified-bound", names), ("self-signed", json!({ "sha256": certificates.sha256("workload") }))]
    {
        let record = json!({
            "v": 3, "id": id, "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
            "trusted_peers": [], "token_lifetime": null, "revision": 1, "bound": "mtls",
            "certificates": [{ "id": "c1", "created": 1, "match": of }],
            "grants": { RESOURCE: ["read"] }, "default_api": RESOURCE,
        });
        https.worker().put(&format!("client:{id}"), &record.to_string());
    }
    https
}

/// The programs on this machine. Each gets tokens, and calls an API with them.
fn programs(https: &Https) -> Vec<Command> {
    let mut node = tools().npm_program("node").expect("node is installed");
    node.arg(xtask::root().join("tests/e2e/clients/bound.mjs"));
    let mut programs = vec![node];
    if has(PYTHON, "requests-oauth2client") {
        programs.push(python("bound.py"));
    }
    if has("go version", "golang.org/x/oauth2 with proofs by go-jose") {
        programs.push(go("bound"));
    }
    if has("javac --version", NIMBUS) && has("mvn --version", NIMBUS) {
        let mut java = java();
        java.arg("Bound");
        https.trusted_by_java(&mut java);
        programs.push(java);
    }
    programs
}

#[test]
fn client_libraries_get_bound_tokens_with_and_without_nonces() {
    let Some(certificates) = Certificates::made() else { return };
    // A key for PS256 takes most of the time.
    for (nonce, algorithms) in [("off", "ES256"), ("required", "ES256 PS256 Ed25519")] {
        let https = start(certificates, nonce);
        let keys = get_json(&format!("{}/keys", https.worker().url()));
        let at = port();
        let address = format!("http://127.0.0.1:{}", at.number());
        let _api = BoundApi::in_node(&https, RESOURCE, &address, at.number());
        let mut ways = 0;
        for mut program in programs(&https) {
            https.trusted_by(&mut program);
            program.args([https.url().as_str(), CLIENT, SECRET, RESOURCE, &format!("{address}/a")]);
            let said = run(program.arg(algorithms).arg(certificates.file("")));
            let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(!lines.is_empty(), "{program:?} got no token");
            for line in lines {
                let claims = verify(&keys, line["token"].as_str().unwrap()).unwrap().1;
                let (client, cnf) = match line["certificate"].as_str() {
                    None => (CLIENT, json!({ "jkt": line["jkt"] })),
                    Some("self-signed") => {
                        ("self-signed", json!({ "x5t#S256": certificates.sha256("workload") }))
                    }
                    Some(other) => (other, json!({ "x5t#S256": certificates.sha256("billing") })),
                };
                assert_eq!(
                    (&claims["cnf"], &claims["client_id"]),
                    (&cnf, &client.into()),
                    "{}",
                    line["library"]
                );
                introspects(&https, &line, &cnf);
                ways += 1;
            }
        }
        let is_sent_back = if nonce == "required" {
            https.worker().log_comes_to_contain(SENT_BACK)
        } else {
            https.worker().log().iter().any(|line| line.contains(SENT_BACK))
        };
        assert_eq!(is_sent_back, nonce == "required");
        note(&format!("{ways} ways to get a bound token, with DPOP_NONCE={nonce}"));
    }
}

/// Introspection shows what the token is bound to.
fn introspects(https: &Https, line: &Value, cnf: &Value) {
    let token = line["token"].as_str().unwrap();
    let certificate = line["certificate"].as_str();
    // The client asks about its own token.
    let answer = match certificate {
        None => {
            let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
            let url = format!("{}/token/introspect", https.url());
            https.post(&url, &[("authorization", &basic)], None, &format!("token={token}"))
        }
        Some(id) => {
            let presented = if id == "self-signed" { "workload" } else { "billing" };
            let url = format!("{}/token/introspect", https.mtls_url());
            https.post(&url, &[], Some(presented), &format!("token={token}&client_id={id}"))
        }
    };
    let about: Value = serde_json::from_str(&answer.body).unwrap();
    let kind = if certificate.is_some() { "Bearer" } else { "DPoP" };
    assert_eq!((&about["active"], &about["cnf"]), (&json!(true), cnf), "{about}");
    assert_eq!(about["token_type"], kind, "{about}");
}

/// The address of the API, which is not where the program listens: a proxy is in front of it.
const API: &str = "https://api.example";

/// A proof of `signer-ES256` for a call of the API.
fn proof(token: &str, header: Value, claims: Value) -> String {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    let mut all = json!({ "htm": "GET", "htu": format!("{API}/a"), "ath": hash });
    if let Value::Object(claims) = claims {
        claims.into_iter().for_each(|(name, value)| all[name] = value);
    }
    Mint::of(Kind::Dpop, header, all).token("", now())
}

#[test]
fn apis_in_three_languages_accept_only_tokens_with_their_proof_or_certificate() {
    let Some(certificates) = Certificates::made() else { return };
    let https = start(certificates, "off");
    let granted = |url: String, headers: &[(&str, &str)], certificate, client: &str| -> String {
        let form = format!("grant_type=client_credentials&scope=read&{client}");
        let answer = https.post(&format!("{url}/token"), headers, certificate, &form);
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()["access_token"].as_str().unwrap().to_owned()
    };
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    let for_token = Mint::of(Kind::Dpop, json!({}), json!({})).token(&https.url(), now());
    let headers = [("authorization", basic.as_str()), ("dpop", for_token.as_str())];
    let by_key = granted(https.url(), &headers, None, &format!("resource={RESOURCE}"));
    let by_certificate = granted(https.mtls_url(), &[], Some("billing"), "client_id=certified-bound");
    let cert = |name: &str| {
        let pem = std::fs::read_to_string(certificates.file(&format!("{name}.pem"))).unwrap();
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        format!(":{lines}:")
    };
    let (own, other) = (cert("billing"), cert("shipping"));

    let node = BoundApi::in_node(&https, RESOURCE, API, 0);
    let mut apis = vec![("Node.js", node)];
    apis.extend(BoundApi::in_go(&https, RESOURCE, API).map(|api| ("Go", api)));
    apis.extend(BoundApi::in_java(&https, RESOURCE, API).map(|api| ("Java", api)));
    for (language, api) in &apis {
        let with = |proof: String| vec![("Authorization", format!("DPoP {by_key}")), ("DPoP", proof)];
        let dpop = |claims: Value| with(proof(&by_key, json!({}), claims));
        let bearer = |token: &str| ("Authorization", format!("Bearer {token}"));
        let by_other_key = Mint::of(
            Kind::Dpop,
            json!({}),
            json!({ "htm": "GET", "htu": format!("{API}/a"),
            "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(&by_key)) }),
        );
        let by_other_key = by_other_key.with_key("other-ES256").token("", now());
        for (what, headers, expected) in [
            ("a proof", dpop(json!({})), 200),
            ("the proof of another key", with(by_other_key), 401),
            ("no algorithm", with(proof(&by_key, json!({ "alg": "none" }), json!({}))), 401),
            ("another type", with(proof(&by_key, json!({ "typ": "JWT" }), json!({}))), 401),
            (
                "the private key",
                with(proof(&by_key, json!({ "jwk": private_key("signer-ES256") }), json!({}))),
                401,
            ),
            ("no JWT", with("proof".into()), 401),
            ("another method", dpop(json!({ "htm": "POST" })), 401),
            ("another path", dpop(json!({ "htu": format!("{API}/b") })), 401),
            ("another host", dpop(json!({ "htu": "https://b.example/a" })), 401),
            ("another token", dpop(json!({ "ath": "x" })), 401),
            ("an old proof", dpop(json!({ "iat": "-3600" })), 401),
            ("a proof of tomorrow", dpop(json!({ "iat": "+86400" })), 401),
            ("no ID", dpop(json!({ "jti": null })), 401),
            ("no proof", dpop(json!({}))[..1].to_vec(), 401),
            ("two proofs", [dpop(json!({})), dpop(json!({}))[1..].to_vec()].concat(), 401),
            ("no DPoP", vec![bearer(&by_key)], 401),
            ("the scheme Bearer", vec![bearer(&by_key), dpop(json!({}))[1].clone()], 401),
            ("a certificate for a key", vec![bearer(&by_key), ("Client-Cert", own.clone())], 401),
            ("its certificate", vec![bearer(&by_certificate), ("Client-Cert", own.clone())], 200),
            ("another certificate", vec![bearer(&by_certificate), ("Client-Cert", other.clone())], 401),
            ("no certificate", vec![bearer(&by_certificate)], 401),
            ("an empty certificate", vec![bearer(&by_certificate), ("Client-Cert", "::".into())], 401),
            ("garbage as certificate", vec![bearer(&by_certificate), ("Client-Cert", ":%:".into())], 401),
            (
                "a key for a certificate",
                vec![
                    ("Authorization", format!("DPoP {by_certificate}")),
                    ("DPoP", proof(&by_certificate, json!({}), json!({}))),
                    ("Client-Cert", own.clone()),
                ],
                401,
            ),
            ("no token", vec![("Client-Cert", own.clone())], 401),
            ("a proof again", dpop(json!({})), 200),
        ] {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let (status, answer) = api.get("/a", &headers);
            assert_eq!(status, expected, "{language}: {what}: {answer}");
        }
        let once = dpop(json!({}));
        let headers: Vec<_> = once.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let first = api.get("/a", &headers).0;
        assert_eq!((first, api.get("/a", &headers).0), (200, 401), "{language}: a second use");
    }
    note(&format!("{} of 3 languages of APIs", apis.len()));
}
