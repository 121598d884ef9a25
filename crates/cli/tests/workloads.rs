//! Clients without a shared secret: trusted issuers, keys and rules, with an issuer of others on this machine, and a
//! wrangler that only records its calls.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers, too"
)]

mod stand_in;
mod stored;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_compact::Algorithm as _;
use jwt_compact::AlgorithmSignature as _;
use jwt_compact::alg::Es256;
use jwt_compact::jwk::JsonWebKey;
use serde_json::{Value, json};
use stand_in::{Folder, issuer};
use stored::{Deployment, TOML};

const KEY: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}"#;

const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";

/// An issuer of others that publishes `document` and this key set.
fn publishes(document: impl Fn(&str) -> Value + Send + 'static, keys: &str) -> String {
    let keys = keys.to_owned();
    issuer(move |url, asked| match asked.line.as_str() {
        "GET /.well-known/openid-configuration" => (200, document(url).to_string()),
        "GET /keys" => (200, keys.clone()),
        _ => (404, "{}".to_owned()),
    })
}

fn discovery(url: &str) -> Value {
    json!({ "issuer": url, "jwks_uri": format!("{url}/keys") })
}

fn set() -> String {
    format!(r#"{{"keys":[{KEY},{{"kty":"oct","k":"x"}}]}}"#).replace(r#","k":"x""#, "")
}

#[test]
fn an_issuer_is_discovered_checked_and_stored() {
    let deployment = Deployment::new();
    let url = publishes(discovery, &set());
    let told = deployment.done(&["issuer", "add", &url, "--name", "CI", "--alg", "EdDSA", "--single-use"]);
    assert!(
        told.err.contains(&format!("It has 1 usable key at {url}/keys. Each token can be used once")),
        "{told:?}"
    );
    let record = deployment.record(&format!("issuer:{url}"));
    assert_eq!(record["keys"], json!({ "jwks_uri": format!("{url}/keys") }));
    assert_eq!((&record["platform"], &record["single_use"]), (&json!("custom"), &json!(true)));
    deployment.refused(&["issuer", "add", &url, "--alg", "EdDSA"], "add --replace");
    let replace =
        ["issuer", "add", &url, "--alg", "EdDSA", "--replace", "--single-use=false", "--max-age", "60s"];
    assert!(deployment.done(&replace).err.contains("Replaced the trusted issuer"));
    let record = deployment.record(&format!("issuer:{url}"));
    assert_eq!(
        (&record["revision"], &record["max_age"], &record["single_use"]),
        (&json!(2), &json!(60), &json!(false))
    );
    // An ID of a trusted issuer is not a client's, nor the reverse.
    deployment.refused(&["client", "add", &url], "is the ID of a trusted issuer");
    let other = publishes(discovery, &set());
    deployment.done(&["client", "add", &other]);
    deployment.refused(&["issuer", "add", &other, "--alg", "EdDSA"], "a client in");
    // Only a deployment on this machine trusts an issuer on this machine.
    let told = deployment.0.edgemint(&["issuer", "add", &url, "--env", "production"], "");
    assert!(told.code == Some(1) && told.err.contains("http is allowed only"), "{told:?}");
}

#[test]
fn an_issuer_whose_documents_are_not_its_own_is_refused() {
    let deployment = Deployment::new();
    let private = KEY.replace("}", r#","d":"x"}"#);
    let plain = publishes(discovery, &set());
    for (url, why) in [
        (format!("{plain}/"), "its `issuer` is"),
        (
            publishes(|_| json!({ "issuer": "https://other.example" }), &set()),
            "is https://other.example, not",
        ),
        (publishes(|url| json!({ "issuer": url }), &set()), "has no `jwks_uri`"),
        (
            publishes(|url| json!({ "issuer": url, "jwks_uri": "http://10.0.0.1/keys" }), &set()),
            "pass it with --jwks",
        ),
        (publishes(discovery, r#"{"keys":[]}"#), "no usable key"),
        (publishes(discovery, "x"), "not a JWK set"),
        (publishes(discovery, &format!(r#"{{"keys":[{KEY},{private}]}}"#)), "PRIVATE key"),
        (publishes(discovery, &format!("{}{}", set(), " ".repeat(70_000))), "more than 65536 bytes"),
        (issuer(|_, _| (302, String::new())), "Redirects are not followed"),
        (issuer(|_, _| (200, "<html>".to_owned())), "did not return JSON"),
        ("http://127.0.0.1:2".to_owned(), "cannot reach"),
        ("http://127.0.0.1:1/".to_owned(), "it is the ISSUER of this deployment"),
    ] {
        deployment.refused(&["issuer", "add", &url, "--alg", "EdDSA"], why);
    }
}

#[test]
fn a_disabled_issuer_says_who_trusts_it_and_revokes_their_tokens_if_asked() {
    let deployment = Deployment::new();
    let url = publishes(discovery, &set());
    deployment.done(&["issuer", "add", &url, "--alg", "EdDSA"]);
    deployment.done(&["client", "add", "deploy", "--no-secret"]);
    deployment.done(&["client", "trust", "deploy", "--issuer", &url, "--subject", "job:42"]);
    assert!(deployment.run(&["issuer", "show", &url]).out.contains("clients:          deploy"));
    deployment.refused(&["issuer", "remove", &url, "--yes"], "these clients have a rule for it: deploy");
    let told = deployment.done(&["issuer", "disable", &url]);
    assert!(
        told.err.contains("these clients can still get tokens: deploy. Their tokens are valid until"),
        "{told:?}"
    );
    assert_eq!(deployment.record("client:deploy")["not_before"], Value::Null);
    let told = deployment.done(&["issuer", "disable", &url, "--revoke-tokens"]);
    assert!(told.err.contains("reports the tokens of these clients"), "{told:?}");
    assert!(deployment.record("client:deploy")["not_before"].is_u64());
    assert_eq!(deployment.record(&format!("issuer:{url}"))["disabled"], true);
    assert!(deployment.done(&["issuer", "disable", &url]).err.contains("Nothing was written"));
    deployment.done(&["issuer", "enable", &url]);
    assert_eq!(deployment.record(&format!("issuer:{url}"))["disabled"], false);
    let told = deployment.done(&["client", "untrust", "deploy", "custom2", "--revoke-tokens", "--json"]);
    assert!(told.out.contains(r#""warnings":["the client cannot authenticate now"#), "{told:?}");
    deployment.refused(&["client", "untrust", "deploy", "custom2"], "Its rules: none");
}

#[test]
fn a_generated_key_signs_assertions_that_its_registered_half_verifies() {
    let deployment = Deployment::new();
    let told =
        deployment.done(&["client", "add", "billing", "--private-key-jwt", "--out", "key.jwk", "--json"]);
    let report: Value = serde_json::from_str(&told.out).unwrap();
    assert!(report["secret"].is_null() && report.get("private_jwk").is_none(), "{report}");
    let public = deployment.record("client:billing")["keys"][0].clone();
    assert_eq!((&public["kid"], &public["alg"]), (&report["kid"], &json!("ES256")));
    assert!(public["jwk"].get("d").is_none());
    let private = deployment.0.read("key.jwk");
    assert!(private.contains(r#""d":"#) && !told.out.contains(r#""d":"#));

    // The form, without the assertion, and the assertion with a valid signature.
    let url = issuer(move |url, asked| {
        let (form, assertion) = asked.body.split_once("&client_assertion=").unwrap_or_default();
        let (input, signature) = assertion.rsplit_once('.').unwrap_or_default();
        let jwk: JsonWebKey<'_> = serde_json::from_value(public["jwk"].clone()).unwrap();
        let key = (&jwk).try_into().unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let signature = jwt_compact_signature(&signature);
        let verified = Es256.verify_signature(&signature, &key, input.as_bytes());
        let claims = input.split('.').nth(1).map(|claims| URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let right = claims["aud"] == url && claims["iss"] == "billing" && claims["sub"] == "billing";
        let is_form = form
            == "grant_type=client_credentials&scope=a&client_id=billing&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
                client-assertion-type%3Ajwt-bearer"
            || form.starts_with("token=t&token_type_hint=access_token&client_id=billing&");
        let basic = asked.head.to_ascii_lowercase().contains("authorization");
        match verified && right && is_form && !basic {
            true => (200, r#"{"access_token":"t","active":true}"#.to_owned()),
            false => {
                (400, format!(r#"{{"error":"x","error_description":"{form} {claims}"}}"#).replace('\\', ""))
            }
        }
    });
    let by_key = ["--client", "billing", "--key-file", "key.jwk", "--issuer", &url];
    let get = [&["token", "get", "--scope", "a"][..], &by_key].concat();
    let told = deployment.0.edgemint(&get, "");
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "{told:?}");
    let introspect = [&["token", "introspect"][..], &by_key].concat();
    let told = deployment.0.edgemint(&introspect, "t");
    assert_eq!(told.code, Some(0), "{told:?}");
    let endpoint = [&get[..], &["--audience-of-assertion", "token-endpoint"]].concat();
    let told = deployment.0.edgemint(&endpoint, "");
    assert!(told.code == Some(1) && told.err.contains(&format!("{url}/token")), "{told:?}");
    // A key and a secret are two ways to authenticate.
    let both = [&get[..], &["--secret-env", "THE_SECRET"]].concat();
    assert_eq!(deployment.0.edgemint(&both, "").code, Some(2));
    deployment.0.write("public.jwk", KEY);
    let wrong = ["token", "get", "--client", "a", "--key-file", "public.jwk", "--issuer", &url];
    assert!(deployment.0.edgemint(&wrong, "").err.contains("it is a public key"));
}

fn jwt_compact_signature(bytes: &[u8]) -> <Es256 as jwt_compact::Algorithm>::Signature {
    <Es256 as jwt_compact::Algorithm>::Signature::try_from_slice(bytes).unwrap()
}

#[test]
fn the_token_of_a_workload_is_sent_as_an_assertion() {
    let url = issuer(|_, asked| match asked.body.strip_suffix("&client_assertion=a.b.c") {
        Some(form)
            if form.starts_with("grant_type=client_credentials&client_id=deploy&client_assertion_type=") =>
        {
            (200, r#"{"access_token":"t"}"#.to_owned())
        }
        _ => (400, "{}".to_owned()),
    });
    let folder = Folder::new("");
    folder.write("token", "a.b.c\n");
    for (file, input) in [("token", ""), ("-", "\u{feff}a.b.c\r\n")] {
        let get = ["token", "get", "--client", "deploy", "--identity-file", file, "--issuer", &url];
        let told = folder.edgemint(&get, input);
        assert_eq!((told.code, told.out.trim()), (Some(0), r#"{"access_token":"t"}"#), "{told:?}");
    }
}

#[test]
fn public_keys_are_registered_and_private_ones_are_refused() {
    let deployment = Deployment::new();
    deployment.done(&["client", "add", "billing"]);
    deployment.0.write("key.pem", PEM);
    let told =
        deployment.done(&["client", "key", "add", "billing", "key.pem", "--kid", "2026", "--expires", "24h"]);
    assert!(
        told.err.contains("has the new key 2026") && told.err.contains("revoke-secret billing s1"),
        "{told:?}"
    );
    let record = deployment.record("client:billing");
    assert_eq!(
        (&record["v"], &record["keys"][0]["alg"], &record["keys"][0]["kid"]),
        (&json!(3), &json!("EdDSA"), &json!("2026"))
    );
    assert!(record["keys"][0]["expires"].is_u64());
    deployment.0.write("key.jwk", KEY);
    deployment.refused(&["client", "key", "add", "billing", "key.jwk"], "it has the same key as 2026");
    deployment.0.write("private.jwk", &KEY.replace("}", r#","d":"hunter2"}"#));
    deployment.refused(&["client", "key", "add", "billing", "private.jwk"], "it contains a private key");
    deployment.0.write("both.json", &format!(r#"{{"keys":[{KEY},{}]}}"#, KEY.replace("\"k\"", "\"l\"")));
    deployment.refused(&["client", "key", "add", "billing", "both.json"], "it has the same key as");
    deployment
        .refused(&["client", "key", "add", "billing", "both.json", "--kid", "x"], "the file has 2 keys");
    deployment
        .refused(&["client", "key", "add", "billing", "key.pem", "--alg", "ES256"], "not a key for ES256");
    deployment.refused(&["client", "key", "add", "billing"], "required arguments");
    deployment
        .refused(&["client", "key", "add", "billing", "--jwks-uri", "https://a.example/k"], "pass --replace");
    let generated = deployment.done(&[
        "client",
        "key",
        "add",
        "billing",
        "--generate",
        "--alg",
        "EdDSA",
        "--kid",
        "new",
        "--json",
    ]);
    let report: Value = serde_json::from_str(&generated.out).unwrap();
    assert_eq!(report["private_jwk"]["kid"], report["kids"][0]);
    let listed = deployment.done(&["client", "key", "list", "billing"]);
    assert!(listed.out.lines().count() == 3 && listed.out.contains("2026"), "{listed:?}");
    assert!(listed.err.contains("lifetime of at most 5m"), "{listed:?}");
    let told = deployment.done(&["client", "key", "remove", "billing", "new", "--overlap", "1h"]);
    assert!(
        told.err.contains("expires at") && told.err.contains("can still get tokens this way"),
        "{told:?}"
    );
    let told = deployment.done(&["client", "key", "remove", "billing", "2026", "--revoke-tokens"]);
    assert!(told.err.contains("is removed") && told.err.contains("as inactive"), "{told:?}");
    assert!(deployment.record("client:billing")["not_before"].is_u64());

    let url = issuer(|_, _| (200, set()));
    let replace =
        ["client", "key", "add", "billing", "--jwks-uri", &format!("{url}/k"), "--replace", "--alg", "RS256"];
    assert!(!deployment.done(&replace).err.contains("cannot authenticate"));
    let record = deployment.record("client:billing");
    assert_eq!((record.get("keys"), &record["jwks_algs"]), (None, &json!(["RS256"])));
    deployment.refused(&["client", "key", "add", "billing", "key.pem"], "its keys are at");
    let set = [
        "client",
        "key",
        "set",
        "billing",
        "--assertion-audience",
        "token-endpoint",
        "--assertion-lifetime",
        "1h",
    ];
    assert!(deployment.done(&set).err.contains("warning: the audience of an assertion should be the issuer"));
    let record = deployment.record("client:billing");
    assert_eq!(
        (&record["assertion_audience"], &record["assertion_lifetime"]),
        (&json!("token_endpoint"), &json!(3600))
    );
    let told = deployment.done(&["client", "key", "remove", "billing", "--jwks-uri"]);
    assert!(told.err.contains("The URL of the keys of the client billing"), "{told:?}");
    let dead = ["client", "key", "add", "billing", "--jwks-uri", "http://127.0.0.1:2/k"];
    assert!(deployment.done(&dead).err.contains("cannot authenticate yet with its keys"));
}

#[test]
fn the_numbers_of_a_repository_come_from_github_or_from_flags() {
    let deployment = Deployment::new();
    deployment.0.write(
        "jwks.json",
        r#"{"keys":[{"kty":"RSA","e":"AQAB","n":"N"}]}"#.replace('N', &("_".repeat(341) + "w")).as_str(),
    );
    deployment.done(&["issuer", "add", "github", "--jwks", "jwks.json"]);
    deployment.done(&["client", "add", "deploy", "--no-secret"]);
    let api = issuer(|_, asked| match asked.line.as_str() {
        "GET /repos/acme/app" => {
            (200, r#"{"id":1296269,"full_name":"acme/app","owner":{"id":9919,"login":"acme"}}"#.to_owned())
        }
        _ => (404, "{}".to_owned()),
    });
    let trust = ["client", "trust", "deploy", "--environment", "prod", "--github-api", &api, "--github"];
    let told = deployment.done(&[&trust[..], &["acme/app"]].concat());
    assert!(told.err.contains("has the rule github2"), "{told:?}");
    let rule = deployment.record("client:deploy")["identities"][0].clone();
    assert_eq!(
        rule["claims"],
        json!({ "environment": "prod", "repository_id": "1296269", "repository_owner_id": "9919" })
    );
    deployment.refused(&[&trust[..], &["acme/private"]].concat(), "gh api repos/acme/private");
    deployment.done(&[&trust[..], &["acme/private", "--repository-id", "7", "--owner-id", "9919"]].concat());
    assert_eq!(deployment.record("client:deploy")["identities"][1]["id"], "github3");
}

#[test]
fn a_backup_carries_trusted_issuers_and_the_clients_that_need_them() {
    let deployment = Deployment::new();
    let url = publishes(discovery, &set());
    deployment.done(&["issuer", "add", &url, "--alg", "EdDSA"]);
    deployment.done(&["client", "add", "deploy", "--private-key-jwt", "--json"]);
    deployment.done(&["client", "trust", "deploy", "--issuer", &url, "--subject", "job:42"]);
    let exported = deployment.done(&["client", "export", "backup.json"]);
    assert!(exported.err.contains("Exported 1 client and 1 trusted issuer of"), "{exported:?}");
    let before = deployment.stored();
    let restored = Deployment::new();
    restored.0.write("backup.json", &deployment.0.read("backup.json"));
    let told = restored.done(&["client", "import", "backup.json"]);
    assert!(told.err.contains("trusted issuers: 1 added"), "{told:?}");
    assert_eq!(restored.stored(), before);
    let again = restored.done(&["client", "import", "backup.json"]);
    assert!(again.err.contains("trusted issuers: 0 added, 0 updated, 1 unchanged"), "{again:?}");
}

#[test]
fn what_has_changed_at_an_issuer_since_it_was_registered_is_told() {
    let deployment = Deployment::new();
    let url = publishes(|url| json!({ "issuer": url, "jwks_uri": format!("{url}/new") }), &set());
    let keys = format!("{url}/keys");
    deployment.done(&["issuer", "add", &url, "--alg", "EdDSA", "--jwks-uri", &keys]);
    deployment.done(&["client", "add", "deploy", "--no-secret"]);
    deployment.done(&["client", "trust", "deploy", "--issuer", &url, "--subject", "job:42"]);
    let own = issuer(|url, asked| match asked.line.as_str() {
        "GET /keys" => (200, r#"{"keys":[{"kid":"a","alg":"ES256"}]}"#.to_owned()),
        _ => {
            let document = json!({ "issuer": url, "token_endpoint": format!("{url}/token"),
                "jwks_uri": format!("{url}/keys"), "grant_types_supported": ["client_credentials"] });
            (200, document.to_string())
        }
    });
    deployment.0.write("wrangler.toml", &TOML.replace("https://tokens.example.com", &own));
    let told = deployment.0.edgemint(&["check", "--env", "production", "--live", &own], "");
    assert!(
        told.out.contains(&format!("publishes its keys at {url}/new now, but {keys} is registered")),
        "{told:?}"
    );
    assert!(told.out.contains("does not list private_key_jwt"), "{told:?}");
}
