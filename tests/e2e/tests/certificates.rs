//! Client certificates (RFC 8705), with real ones: OpenSSL makes them, a proxy terminates TLS, and the Worker gets what
//! Cloudflare would report.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::collections::BTreeMap;
use std::process::Command;

use edgemint_e2e::{
    AUTHORITY, BILLING, Bare, Certificates, Https, REPORT, get_json, has, note, now, run, send,
};
use edgemint_testkit::{Clock, Vector, apis, cast, signing_key, verify};
use serde_json::{Value, json};

fn start(certificates: &'static Certificates) -> Https {
    let signing = signing_key("ES256", &[]);
    let vars =
        [("GRANT_TYPES", "client_credentials"), ("TOKEN_PROFILE", "rfc9068"), ("SIGNING_KEY_A", &signing)];
    let https = Https::start(&vars, certificates);
    let client = |id: &str, bound: Option<&str>, matches: Vec<Value>| {
        let matches: Vec<_> = matches
            .iter()
            .enumerate()
            .map(|(i, of)| json!({ "id": format!("c{i}"), "created": 1, "match": of }))
            .collect();
        let record = json!({
            "v": 3, "id": id, "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
            "trusted_peers": [], "token_lifetime": null, "revision": 1, "certificates": matches, "bound": bound,
        });
        https.worker().put(&format!("client:{id}"), &record.to_string());
    };
    let names = || json!({ "names": { "subject_dn": BILLING, "issuer_dn": AUTHORITY } });
    let hash = |name: &str| json!({ "sha256": certificates.sha256(name) });
    client("by-names", None, vec![names()]);
    client("by-names-bound", Some("mtls"), vec![names()]);
    client("by-hash", None, vec![hash("workload"), hash("expired"), hash("stranger")]);
    client("by-hash-bound", Some("any"), vec![hash("workload")]);
    https
}

/// The claims of the token in an answer, whose signature was verified.
fn claims(https: &Https, body: &str) -> Value {
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["token_type"].as_str().map(str::to_lowercase).as_deref(), Some("bearer"));
    let keys = get_json(&format!("{}/keys", https.worker().url()));
    verify(&keys, body["access_token"].as_str().unwrap()).unwrap().1
}

#[test]
fn clients_authenticate_with_real_certificates_and_tokens_are_bound_to_them() {
    let Some(certificates) = Certificates::made() else { return };
    let https = start(certificates);
    let aliases = &https.get("/.well-known/oauth-authorization-server")["mtls_endpoint_aliases"];
    let endpoint = aliases["token_endpoint"].as_str().expect("the metadata names the endpoint");
    assert_eq!(endpoint, format!("{}/token", https.mtls_url()));
    assert!(aliases["introspection_endpoint"].is_string() && aliases["revocation_endpoint"].is_string());

    let ask = |url: &str, certificate: Option<&str>, client: &str| {
        let form = format!("grant_type=client_credentials&client_id={client}");
        // A client that claims a certificate itself.
        let claimed = json!({ "tlsClientAuth": {
            "certPresented": "1", "certVerified": "SUCCESS", "certRevoked": "0",
            "certSubjectDNRFC2253": BILLING, "certIssuerDNRFC2253": AUTHORITY,
            "certNotBefore": "Jan  1 00:00:00 2026 GMT", "certNotAfter": "Jan  1 00:00:00 2046 GMT",
            "certRFC9440": ":AAAA:",
        }});
        https.post(url, &[("cf-blob", &claimed.to_string())], certificate, &form)
    };
    for (certificate, client, expected) in [
        (Some("billing"), "by-names", 200),
        (Some("billing"), "by-names-bound", 200),
        (Some("workload"), "by-hash", 200),
        (Some("workload"), "by-hash-bound", 200),
        // Issued by an authority that the hostname does not trust, but listed by its hash.
        (Some("stranger"), "by-hash", 200),
        (Some("stranger"), "by-names", 401),
        (Some("shipping"), "by-names", 401),
        (Some("workload"), "by-names", 401),
        (Some("expired"), "by-hash", 401),
        (Some("billing"), "by-hash", 401),
        (Some("billing"), "nobody", 401),
        (None, "by-names", 401),
        (None, "by-hash-bound", 401),
    ] {
        let what = format!("{certificate:?} for {client}");
        let answer = ask(endpoint, certificate, client);
        assert_eq!(answer.status, expected, "{what}: {}", answer.body);
        if expected != 200 {
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["error"], "invalid_client", "{what}");
            continue;
        }
        let claims = claims(&https, &answer.body);
        assert_eq!(claims["client_id"], client, "{what}");
        let bound = client.ends_with("-bound").then(|| certificates.sha256(certificate.unwrap()));
        assert_eq!(claims["cnf"]["x5t#S256"].as_str(), bound.as_deref(), "{what}");
    }
    // The other host does not ask for a certificate.
    let answer = ask(&format!("{}/token", https.url()), Some("billing"), "by-names");
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert!(https.worker().log_comes_to_contain("\"kind\":\"certificate\""));
}

#[test]
fn curl_gets_a_bound_token_and_uses_its_certificate_to_introspect_it() {
    let Some(certificates) = Certificates::made() else { return };
    if !has("curl --version", "curl with --cert") {
        return;
    }
    let https = start(certificates);
    let curl = |path: &str, form: &[&str]| -> Value {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail"]).arg("--cert").arg(certificates.file("billing.pem"));
        curl.arg("--key").arg(certificates.file("billing.key"));
        curl.args(form.iter().flat_map(|part| ["--data-urlencode", part]));
        https.trusted_by(&mut curl);
        serde_json::from_str(&run(curl.arg(https.mtls_url() + path))).unwrap()
    };
    let token = curl("/token", &["grant_type=client_credentials", "client_id=by-names-bound"]);
    let token = token["access_token"].as_str().unwrap();
    let about = curl("/token/introspect", &[&format!("token={token}"), "client_id=by-names-bound"]);
    assert_eq!(about["active"], true, "{about}");
    assert_eq!(about["cnf"], json!({ "x5t#S256": certificates.sha256("billing") }));
    // In plain http, and without the proxy, a certificate cannot be presented.
    let form = "grant_type=client_credentials&client_id=by-names-bound".as_bytes().to_vec();
    let headers =
        BTreeMap::from([("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    let answer = send("POST", &format!("{}/token", https.worker().url()), &headers, form);
    assert_eq!(answer.status, 401, "{}", answer.body);
}

/// The issuer of the vectors.
const ISSUER: &str = "http://127.0.0.1:8787";

#[test]
fn vectors_with_certificates_hold_in_workerd() {
    let mut deployments: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let start = now();
    for vector in Vector::all_in_both_profiles() {
        if let Some(report) = vector.network_report() {
            deployments.entry(vector.variables(ISSUER, start)).or_default().push((vector, report));
        }
    }
    let (mut replayed, mut failures) = (0, Vec::new());
    for (variables, vectors) in &deployments {
        let bare = Bare::start_behind(variables);
        let clients = cast().into_iter().map(|client| (client.id.kv_key(), client.to_json()));
        let apis = apis().into_iter().map(|api| (api.id.kv_key(), api.to_json()));
        clients.chain(apis).for_each(|(key, json)| bare.put(&key, &json));
        let keys = get_json(&format!("{}/keys", bare.url()));
        for (vector, report) in vectors {
            let vector = vector.at(ISSUER, now());
            let mut headers = vector.headers();
            let by_header = headers.contains_key("authorization");
            headers.insert(REPORT.to_owned(), report.to_string());
            let url = bare.url() + vector.path();
            let answer = send(vector.method(), &url, &headers, vector.body());
            let checked = vector.expected.check(&answer, vector.path(), by_header, &keys, Clock::Real);
            failures.extend(checked.err().map(|why| format!("{}: {why}", vector.name)));
            for (name, value) in &vector.event {
                let member = format!("\"{name}\":{value}");
                if !bare.log_comes_to_contain(&member) {
                    failures.push(format!("{}: the log does not have {member}", vector.name));
                }
            }
            replayed += 1;
        }
    }
    note(&format!("{replayed} vectors with certificates replayed in workerd"));
    assert!(replayed >= 40, "only {replayed} vectors were replayed");
    assert!(
        failures.is_empty(),
        "{} vectors do not hold in workerd:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
