//! Identity tokens in the forms that the platforms document, from issuers of this test, whose keys the Worker fetches.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use edgemint_e2e::{Bare, comes_true, get_json, now, send};
use edgemint_issuer::{IssuerKeys, KeySetUrl, TrustedIssuer, TrustedIssuerId};
use edgemint_testkit::Origin::{Aws, AzureV1, AzureV2, Gcp, Github, Gitlab, Kubernetes, Spiffe};
use edgemint_testkit::{Issued, Origin, signing_key, verify};
use serde_json::{Value, json};

const ISSUER: &str = "http://127.0.0.1:8787";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The rules of the client, as the guides recommend them.
fn rules(base: &str) -> Value {
    let rule = |of: Origin, more: Value| {
        let mut rule = json!({ "id": format!("{of:?}"), "issuer": format!("{base}{}", of.paths().0), "created": 1, "expires": null });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let azure = "644d9b8a-b07e-46e8-b81e-bd3a4c997ce9";
    json!([
        rule(
            Github,
            json!({ "claims": { "repository_id": "74", "ref": "refs/heads/main", "event_name": "push" } })
        ),
        rule(Gitlab, json!({ "claims": { "project_id": "20", "ref_protected": "true" } })),
        rule(
            Kubernetes,
            json!({
                "subject": "system:serviceaccount:shop:billing",
                "claims": { "kubernetes.io/serviceaccount/uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
            })
        ),
        rule(Aws, json!({ "subject": "arn:aws:iam::123456789012:role/Billing" })),
        rule(Gcp, json!({ "subject": "112179062720391305885" })),
        rule(AzureV1, json!({ "subject": azure, "audience": "api://edgemint" })),
        rule(AzureV2, json!({ "subject": azure, "audience": "9f0c4f4e-5c2b-4f4f-8a43-0f6b7e1d2a10" })),
        rule(Spiffe, json!({ "subject_prefix": "spiffe://example.org/ns/shop/" })),
    ])
}

/// The issuers: a server on this machine. Returns its address, and the paths that were requested.
fn issuers() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let requested = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requested);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let noted = Arc::clone(&noted);
            thread::spawn(move || serve(&stream, &noted));
        }
    });
    (base, requested)
}

fn serve(mut stream: &TcpStream, noted: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)).unwrap_or_default();
    lines.find(String::is_empty);
    let found = Origin::ALL.into_iter().find(|of| of.paths().1 == path);
    let (status, body) = match found {
        Some(of) => ("200 OK", of.key_set().to_string()),
        None => ("404 Not Found", String::new()),
    };
    noted.lock().unwrap().push(path);
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// The Worker, and what its log must show.
struct Worker {
    bare: Bare,
    expected: Vec<(String, Value)>,
}

impl Worker {
    fn start(base: &str) -> Self {
        let vars = BTreeMap::from([
            ("ISSUER".to_owned(), ISSUER.to_owned()),
            ("GRANT_TYPES".to_owned(), format!("client_credentials {GRANT}")),
            ("SIGNING_KEY_A".to_owned(), signing_key("ES256", &[])),
        ]);
        let bare = Bare::start_with_replay(&vars);
        for of in Origin::ALL {
            let (id, keys) = of.paths();
            let id = TrustedIssuerId::parse(&format!("{base}{id}")).unwrap();
            let keys = IssuerKeys::JwksUri(KeySetUrl::parse(&format!("{base}{keys}")).unwrap());
            let issuer = TrustedIssuer::new(id, format!("{of:?}"), of.platform(), keys);
            bare.put(&issuer.id.kv_key(), &issuer.to_json());
        }
        let record = json!({
            "v": 3, "id": "billing", "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
            "trusted_peers": [], "token_lifetime": null, "revision": 1, "identities": rules(base),
        });
        bare.put("client:billing", &record.to_string());
        Self { bare, expected: Vec::new() }
    }

    /// Sends the token in one of the forms. Expects a token for the rule, or a rejection for the reason.
    fn ask(&mut self, what: &str, form: &str, token: &str, expected: Result<Origin, &str>) {
        let (grant, token) = match form {
            GRANT => (GRANT, format!("assertion={token}")),
            kind => ("client_credentials", format!("client_assertion_type={kind}&client_assertion={token}")),
        };
        let body = format!("grant_type={grant}&client_id=billing&{token}");
        let headers =
            BTreeMap::from([("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
        let answer = send("POST", &format!("{}/token", self.bare.url()), &headers, body.into_bytes());
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        match expected {
            Ok(of) => {
                assert_eq!(answer.status, 200, "{what}: {body}");
                let keys = get_json(&format!("{}/keys", self.bare.url()));
                let (_, claims) = verify(&keys, body["access_token"].as_str().unwrap()).unwrap();
                assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("billing")), "{what}");
                let proof = json!({ "kind": "identity", "id": format!("{of:?}") });
                self.expected.push((
                    what.to_owned(),
                    json!({ "event": "token.issued", "proof": proof, "grant": grant }),
                ));
            }
            Err(reason) => {
                let refusal = if grant == GRANT { (400, "invalid_grant") } else { (401, "invalid_client") };
                assert_eq!((answer.status, body["error"].as_str().unwrap()), refusal, "{what}");
                self.expected.push((what.to_owned(), json!({ "event": "token.refused", "reason": reason })));
            }
        }
    }

    /// Compares the log with the requests.
    fn check_log(&self) {
        let events = || -> Vec<Value> {
            let lines = self.bare.log().into_iter();
            lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
        };
        assert!(comes_true(|| events().len() >= self.expected.len()), "{:?}", self.bare.log());
        let events = events();
        assert_eq!(events.len(), self.expected.len());
        for (event, (what, expected)) in events.iter().zip(&self.expected) {
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&event[name], value, "{what}: {event}");
            }
        }
    }
}

/// A token of the platform, with these claims instead.
fn with(by: Origin, claims: Value) -> Issued {
    Issued { by, signed_by: by, header: json!({}), claims }
}

#[test]
fn tokens_of_all_platforms_identify_a_workload_and_those_of_others_do_not() {
    let (base, requested) = issuers();
    let mut worker = Worker::start(&base);
    let token = |issued: &Issued| issued.token(&base, ISSUER, now());
    for of in Origin::ALL {
        for form in [JWT_BEARER, GRANT] {
            // GitHub's tokens work once. Others are presented again.
            let jti = if of == Github { json!({ "jti": form }) } else { json!({}) };
            worker.ask(&format!("{of:?}"), form, &token(&with(of, jti)), Ok(of));
        }
    }
    let svid = token(&with(Spiffe, json!({})));
    worker.ask("an SVID by its own type", JWT_SPIFFE, &svid, Ok(Spiffe));
    for (what, header) in
        [("JOSE", json!({ "typ": "JOSE" })), ("no type", json!({ "typ": null, "kid": null }))]
    {
        let svid = Issued { header, ..with(Spiffe, json!({ "iat": null })) };
        worker.ask(what, JWT_SPIFFE, &token(&svid), Ok(Spiffe));
    }
    let used = token(&with(Github, json!({ "jti": JWT_BEARER })));
    worker.ask("a token of GitHub that was used", JWT_BEARER, &used, Err("assertion_replayed"));

    for (what, issued, reason) in rejected(&base) {
        for form in [JWT_BEARER, GRANT] {
            worker.ask(what, form, &token(&issued), Err(reason));
        }
    }
    worker.check_log();

    // Nothing was fetched but registered keys, and each once, besides a second time for a key ID that was unknown.
    let requested = requested.lock().unwrap().clone();
    let keys: BTreeSet<String> = Origin::ALL.into_iter().map(|of| of.paths().1).collect();
    assert_eq!(requested.iter().cloned().collect::<BTreeSet<_>>(), keys);
    assert!(requested.len() <= keys.len() + 1, "{requested:?}");
}

/// Genuine tokens that are not for this client, and forged ones, each with the reason in the log.
fn rejected(base: &str) -> Vec<(&'static str, Issued, &'static str)> {
    let fork = json!({
        "repository": "mallory/app", "repository_id": "99", "repository_owner": "mallory", "repository_owner_id": "66",
        "sub": "repo:mallory@66/app@99:ref:refs/heads/main",
    });
    let recycled = json!({ "repository_id": "99", "repository_owner_id": "66" });
    // https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
    let pull_request = json!({
        "event_name": "pull_request", "ref": "refs/pull/7/merge", "head_ref": "patch", "base_ref": "main",
        "sub": "repo:acme@65/app@74:pull_request",
    });
    // It has the `ref` of the base branch.
    let pull_request_target =
        json!({ "event_name": "pull_request_target", "head_ref": "patch", "base_ref": "main" });
    // GitLab names the project of the fork (https://gitlab.com/gitlab-org/gitlab/-/work_items/563038).
    let merge_request_of_fork = json!({
        "project_id": "21", "project_path": "mallory/app", "namespace_id": "73", "namespace_path": "mallory",
        "pipeline_source": "merge_request_event", "sub": "project_path:mallory/app:ref_type:branch:ref:main",
    });
    let merge_request = json!({
        "pipeline_source": "merge_request_event", "ref": "patch", "ref_path": "refs/merge-requests/7/head",
        "ref_protected": "false", "sub": "project_path:acme/app:ref_type:branch:ref:patch",
    });
    let service_account = |namespace: &str, uid: &str| {
        json!({
            "sub": format!("system:serviceaccount:{namespace}:billing"),
            "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": "billing", "uid": uid } },
        })
    };
    let right_uid = "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798";
    // A token from a Secret (https://kubernetes.io/docs/concepts/configuration/secret/).
    let legacy = json!({
        "iss": "kubernetes/serviceaccount", "aud": null, "exp": null, "iat": null, "nbf": null, "jti": null,
        "kubernetes.io": null, "kubernetes.io/serviceaccount/namespace": "shop",
        "kubernetes.io/serviceaccount/service-account.name": "billing",
        "kubernetes.io/serviceaccount/service-account.uid": right_uid,
    });
    let tenant =
        |path: &str| json!({ "iss": format!("{base}{path}"), "tid": "11111111-2222-3333-4444-555555555555" });
    let signed_by = |by: Origin, signed_by: Origin, kid: &str| Issued {
        signed_by,
        header: json!({ "kid": kid }),
        ..with(by, json!({}))
    };
    vec![
        ("a fork", with(Github, fork), "assertion_rule"),
        ("a repository with a recycled name", with(Github, recycled), "assertion_rule"),
        ("a pull request", with(Github, pull_request), "assertion_rule"),
        ("pull_request_target", with(Github, pull_request_target), "assertion_rule"),
        ("another branch", with(Github, json!({ "ref": "refs/heads/patch" })), "assertion_rule"),
        (
            "GitHub's audience",
            with(Github, json!({ "aud": "https://github.com/acme" })),
            "assertion_audience",
        ),
        ("an old token", with(Github, json!({ "iat": "-1000", "exp": "-100" })), "assertion_expired"),
        ("a merge request of a fork", with(Gitlab, merge_request_of_fork), "assertion_rule"),
        ("a merge request", with(Gitlab, merge_request), "assertion_rule"),
        ("a number for a text", with(Gitlab, json!({ "project_id": 20 })), "assertion_rule"),
        (
            "two audiences",
            with(Gitlab, json!({ "aud": [ISSUER, "https://other.example"] })),
            "assertion_audience",
        ),
        ("a recycled service account", with(Kubernetes, service_account("shop", "0")), "assertion_rule"),
        ("another namespace", with(Kubernetes, service_account("shop-2", right_uid)), "assertion_rule"),
        (
            "a token for the API server",
            with(Kubernetes, json!({ "aud": ["https://kubernetes.default.svc"] })),
            "assertion_audience",
        ),
        ("a legacy token", with(Kubernetes, legacy), "assertion_issuer"),
        (
            "another account",
            with(
                Aws,
                json!({ "iss": format!("{base}/aws/other"), "sub": "arn:aws:iam::999999999999:role/Billing" }),
            ),
            "assertion_issuer",
        ),
        (
            "another role",
            with(Aws, json!({ "sub": "arn:aws:iam::123456789012:role/Billing2" })),
            "assertion_rule",
        ),
        ("a recycled email", with(Gcp, json!({ "sub": "1", "azp": "1" })), "assertion_rule"),
        (
            "another tenant",
            with(AzureV1, tenant("/azure/11111111-2222-3333-4444-555555555555/")),
            "assertion_issuer",
        ),
        (
            "another tenant",
            with(AzureV2, tenant("/azure/11111111-2222-3333-4444-555555555555/v2.0")),
            "assertion_issuer",
        ),
        (
            "another identity",
            with(AzureV1, json!({ "sub": "16f36118-217b-4e7c-9250-69321b4c0742" })),
            "assertion_rule",
        ),
        (
            "a token for Azure",
            with(AzureV1, json!({ "aud": "https://management.azure.com/" })),
            "assertion_audience",
        ),
        (
            "another trust domain",
            with(Spiffe, json!({ "sub": "spiffe://evil.org/ns/shop/sa/billing" })),
            "assertion_rule",
        ),
        (
            "a longer name",
            with(Spiffe, json!({ "sub": "spiffe://example.org/ns/shop-2/sa/x" })),
            "assertion_rule",
        ),
        ("an SVID without an issuer", with(Spiffe, json!({ "iss": null })), "assertion_claims"),
        ("GitLab's key for GitHub", signed_by(Github, Gitlab, Github.key().2), "assertion_signature"),
        ("GitLab's key ID for GitHub", signed_by(Github, Gitlab, Gitlab.key().2), "assertion_key"),
    ]
}
