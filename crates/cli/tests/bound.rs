//! Bound tokens in records: `client require-bound`, `client certificate`, `api --bound`, `client show`, backups.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stand_in;
mod stored;

use serde_json::{Value, json};
use stored::Deployment;

const CERTIFICATE: &str = include_str!("certificates/billing.pem");
const EXPIRED: &str = include_str!("certificates/expired.pem");
const KEY: &str = include_str!("certificates/billing.key.pem");

/// The SHA-256 of the certificate, as openssl computes it.
const SHA256: &str = "UOcLUuqY06zk4Qqt4k8Wz3LFTP0Lo46Q9qThIVqAQFI";

/// A deployment with the client `billing`, and the certificates in files.
fn deployment() -> Deployment {
    let deployment = Deployment::new();
    for (name, text) in [("billing.pem", CERTIFICATE), ("expired.pem", EXPIRED)] {
        deployment.0.write(name, text);
    }
    deployment.0.write("both.pem", &format!("{CERTIFICATE}{KEY}"));
    deployment.0.write("two.pem", &format!("{CERTIFICATE}{EXPIRED}"));
    deployment.done(&["client", "add", "billing", "--name", "Billing"]);
    deployment
}

fn with_host(deployment: &Deployment) {
    let toml = stored::TOML.replacen("[vars]", "[vars]\nMTLS_HOST = \"mtls.tokens.example\"", 1);
    deployment.0.write("wrangler.toml", &toml);
}

#[test]
fn a_demand_is_set_shown_by_its_standard_names_and_removed() {
    let deployment = deployment();
    assert_eq!(deployment.record("client:billing")["v"], 1);
    for (demand, dpop, mtls) in [("dpop", true, false), ("mtls", false, true), ("any", false, false)] {
        let told = deployment.done(&["client", "require-bound", "billing", demand]);
        assert!(told.err.contains("must be bound to"), "{told:?}");
        assert!(told.err.contains("protects only APIs that check the claim `cnf`"), "{told:?}");
        assert_eq!(told.err.contains("older than this version of edgemint"), demand == "dpop", "{told:?}");
        assert_eq!(told.err.contains("MTLS_HOST is not set"), demand == "mtls", "{told:?}");
        let record = deployment.record("client:billing");
        assert_eq!((&record["v"], &record["bound"]), (&json!(3), &json!(demand)));
        let shown: Value =
            serde_json::from_str(&deployment.done(&["client", "show", "billing", "--json"]).out).unwrap();
        assert_eq!(shown["bound"], demand);
        assert_eq!(shown["dpop_bound_access_tokens"], dpop);
        assert_eq!(shown["tls_client_certificate_bound_access_tokens"], mtls);
        let again = deployment.done(&["client", "require-bound", "billing", demand]);
        assert!(again.err.contains("already") && again.err.contains("Nothing was written"), "{again:?}");
        let listed = deployment.done(&["client", "list"]).out;
        let row = listed.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
        assert!(listed.lines().next().unwrap().contains("BOUND") && row.contains(&demand), "{listed}");
    }
    let text = deployment.done(&["client", "show", "billing"]).out;
    assert!(
        text.contains("tokens bound to: ") && text.contains("a DPoP proof or a client certificate"),
        "{text}"
    );
    let told = deployment.done(&["client", "require-bound", "billing", "none", "--json"]);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&told["bound"], &told["dpop_bound_access_tokens"]), (&Value::Null, &json!(false)));
    let record = deployment.record("client:billing");
    assert_eq!((&record["v"], record.get("bound")), (&json!(1), None), "older Workers can read it again");
    assert!(!deployment.done(&["client", "list"]).out.contains("BOUND"));
    for wrong in ["DPoP", "both", ""] {
        deployment.refused(&["client", "require-bound", "billing", wrong], "BOUND");
    }
    deployment.refused(&["client", "require-bound", "Billing", "dpop"], "Did you mean billing?");
}

#[test]
fn an_api_demands_the_same_of_all_its_clients_and_contradictions_are_told() {
    let deployment = deployment();
    let added = deployment.done(&["api", "add", "https://a/", "--bound", "mtls"]);
    assert!(
        added.err.contains("MTLS_HOST is not set") && added.err.contains("issues no token for the API"),
        "{added:?}"
    );
    let record = deployment.record("api:https://a/");
    assert_eq!((&record["v"], &record["bound"]), (&json!(2), &json!("mtls")));
    with_host(&deployment);
    deployment.done(&["client", "grant", "billing", "--api", "https://a/"]);
    let told = deployment.done(&["client", "require-bound", "billing", "dpop"]);
    assert!(told.err.contains("gets no token for APIs that demand another binding: https://a/"), "{told:?}");
    let told = deployment.done(&["api", "set", "https://a/", "--bound", "dpop"]);
    assert!(!told.err.contains("warning") && told.err.contains("check the claim `cnf`"), "{told:?}");
    let told = deployment.done(&["api", "set", "https://a/", "--bound", "mtls"]);
    assert!(told.err.contains("they get none for the API: billing"), "{told:?}");
    assert!(
        deployment
            .done(&["api", "show", "https://a/"])
            .out
            .contains("tokens bound to:  a client certificate")
    );
    let shown = deployment.done(&["api", "show", "https://a/", "--json"]).out;
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["bound"], "mtls");
    let listed = deployment.done(&["api", "list"]).out;
    assert!(listed.lines().next().unwrap().contains("BOUND") && listed.contains("mtls"), "{listed}");
    deployment.done(&["api", "set", "https://a/", "--bound", "none"]);
    let record = deployment.record("api:https://a/");
    assert_eq!((&record["v"], record.get("bound")), (&json!(1), None));
    deployment.refused(&["api", "set", "https://a/", "--bound", "default"], "invalid value");
    deployment.refused(&["api", "add", "https://b/", "--bound", "key"], "invalid value");
}

#[test]
fn a_certificate_is_registered_by_its_hash_or_by_its_names() {
    let deployment = deployment();
    let add =
        |more: &[&str]| deployment.done(&[&["client", "certificate", "add", "billing"][..], more].concat());
    let told = add(&["billing.pem"]);
    assert!(told.err.contains("has the new certificate c2 (SHA-256 UOcLUuqY"), "{told:?}");
    assert!(
        told.err.contains(r"Its subject is CN=billing,O=Example\\, Inc.,C=DE.")
            || told.err.contains(r"Its subject is CN=billing,O=Example\, Inc.,C=DE."),
        "{told:?}"
    );
    assert!(told.err.contains("valid from 2020-01-01 00:00:00 UTC to 2120-01-01 00:00:00 UTC"), "{told:?}");
    assert!(
        told.err.contains("MTLS_HOST is not set") && told.err.contains("revoke-secret billing s1"),
        "{told:?}"
    );
    assert!(told.err.contains("older than this version of edgemint"), "{told:?}");
    with_host(&deployment);
    let names = ["--subject-dn", "CN=billing,O=Example", "--issuer-dn", "CN=CA,O=Example"];
    let told = add(&[&names[..], &["--json"]].concat());
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["certificate"]["id"], "c3");
    assert_eq!(told.get("subject"), None, "no certificate was read");
    let record = deployment.record("client:billing");
    assert_eq!(record["v"], 3);
    assert_eq!(record["certificates"][0]["match"], json!({ "sha256": SHA256 }));
    assert_eq!(
        record["certificates"][1]["match"],
        json!({ "names": { "subject_dn": "CN=billing,O=Example", "issuer_dn": "CN=CA,O=Example" } })
    );

    let listed = deployment.done(&["client", "certificate", "list", "billing"]).out;
    assert!(listed.contains(&format!("SHA-256 {SHA256}")), "{listed}");
    assert!(listed.contains("subject \"CN=billing,O=Example\", issuer \"CN=CA,O=Example\""), "{listed}");
    let json = deployment.done(&["client", "certificate", "list", "billing", "--json"]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, json!({ "id": "billing", "certificates": record["certificates"] }));
    let shown = deployment.done(&["client", "show", "billing"]).out;
    assert!(shown.contains("certificates:\n  ID  CREATED"), "{shown}");
    assert!(deployment.done(&["client", "list"]).out.contains("1 secret, 2 certificates"));

    deployment
        .refused(&["client", "certificate", "remove", "billing", "c2", "c9"], "Its certificates: c2, c3.");
    let told = deployment.done(&["client", "certificate", "remove", "billing", "c2"]);
    assert!(told.err.contains("The certificate c2 of the client billing"), "{told:?}");
    let told = deployment.done(&["client", "certificate", "remove", "billing", "c3", "--revoke-tokens"]);
    assert!(told.err.contains("were issued to the client up to now"), "{told:?}");
    let record = deployment.record("client:billing");
    assert!(record.get("certificates").is_none() && record["not_before"].is_u64(), "{record}");
    let none = deployment.done(&["client", "certificate", "list", "billing"]);
    assert!(none.err.contains("has no certificates"), "{none:?}");
    deployment.refused(&["client", "certificate", "remove", "billing", "c2"], "Its certificates: none.");
    assert!(add(&["billing.pem", "--json"]).out.contains("\"id\":\"c"), "a removed one can come back");
    assert_ne!(deployment.record("client:billing")["certificates"][0]["id"], "c2", "under an ID of its own");
}

#[test]
fn what_is_not_one_valid_certificate_changes_nothing_and_no_key_is_shown() {
    let deployment = deployment();
    deployment.0.write("key.pem", KEY);
    let refused = |more: &[&str], why: &str| {
        let arguments = [&["client", "certificate", "add", "billing"][..], more].concat();
        deployment.refused(&arguments, why);
        let told = deployment.run(&arguments);
        assert!(!told.err.contains("MIGH") && !told.out.contains("MIGH"), "{told:?}");
    };
    refused(&["expired.pem"], "it expired at 2021-01-01 00:00:00 UTC");
    refused(&["both.pem"], "it contains a private key");
    refused(&["key.pem"], "it contains a private key");
    refused(&["two.pem"], "it has 2 certificates");
    refused(&["gone.pem"], "cannot read gone.pem");
    refused(&["wrangler.toml"], "not a certificate in PEM");
    refused(&[], "required");
    refused(&["--subject-dn", "CN=a"], "--issuer-dn");
    refused(&["--issuer-dn", "CN=a"], "--subject-dn");
    refused(&["billing.pem", "--subject-dn", "CN=a", "--issuer-dn", "CN=b"], "cannot be used with");
    refused(&["--subject-dn", "/CN=a", "--issuer-dn", "CN=b"], "-nameopt RFC2253");
    refused(&["--subject-dn", "CN=a", "--issuer-dn", "CN=b, O=x"], "-nameopt RFC2253");
    deployment.done(&["client", "certificate", "add", "billing", "billing.pem"]);
    refused(&["billing.pem"], "it has the same as c2");
    deployment.done(&["client", "add", "app", "--public"]);
    deployment.refused(&["client", "certificate", "add", "app", "billing.pem"], "a public client");
}

#[test]
fn a_client_without_its_last_way_to_authenticate_is_told() {
    let deployment = deployment();
    with_host(&deployment);
    deployment.done(&["client", "certificate", "add", "billing", "billing.pem"]);
    let told = deployment.done(&["client", "revoke-secret", "billing", "s1"]);
    assert!(!told.err.contains("no valid secret"), "it has a certificate: {told:?}");
    let told = deployment.done(&["client", "certificate", "remove", "billing", "c2"]);
    assert!(told.err.contains("warning: the client cannot authenticate now"), "{told:?}");
}

#[test]
fn a_backup_keeps_what_tokens_are_bound_to_and_an_import_of_dex_does_not_touch_it() {
    let deployment = deployment();
    with_host(&deployment);
    deployment.done(&["api", "add", "https://a/", "--bound", "any"]);
    deployment.done(&["client", "certificate", "add", "billing", "billing.pem"]);
    deployment.done(&["client", "require-bound", "billing", "mtls"]);
    let before = deployment.stored();
    deployment.done(&["client", "export", "backup.json"]);
    deployment.0.write("fake/stored.json", "{}");
    deployment.0.write("fake/keys.json", "[]");
    deployment.done(&["client", "import", "backup.json"]);
    assert_eq!(deployment.stored(), before, "to the byte");

    deployment.0.write(
        "dex.yaml",
        "staticClients:\n- id: billing\n  name: Invoices\n  secret: hunter2-hunter2-hunter2\n  redirectURIs: []\n",
    );
    deployment.done(&["client", "import", "dex.yaml"]);
    let (old, new): (Value, Value) = (
        serde_json::from_str(before["client:billing"].as_str().unwrap()).unwrap(),
        deployment.record("client:billing"),
    );
    assert_eq!((&new["name"], &new["v"]), (&json!("Invoices"), &json!(3)));
    assert_eq!((&new["bound"], &new["certificates"]), (&old["bound"], &old["certificates"]));
}
