//! `edgemint check`: its queries to wrangler and to the issuer, and its output if they do not respond.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stand_in;

use serde_json::{Value, json};
use stand_in::{Asked, Folder, issuer};

fn project(issuer: &str) -> Folder {
    let target = |name: &str| {
        format!(
            "[{name}vars]\nISSUER = \"{issuer}\"\nGRANT_TYPES = \
             \"client_credentials\"\n[[{name}kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \
             \"0123456789abcdef0123456789abcdef\"\n[[{name}ratelimits]]\nname = \
             \"CLIENT_BRAKE\"\n[[{name}ratelimits]]\nname = \"NETWORK_BRAKE\"\n[[{name}ratelimits]]\nname = \
             \"PREFIX_BRAKE\"\n"
        )
    };
    Folder::new(&(target("") + &target("env.production.").replace(issuer, "https://tokens.acme.dev")))
}

fn served(issuer: &str, asked: &Asked, changed: &Value) -> (u16, String) {
    let mut document = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "grant_types_supported": ["client_credentials"],
    });
    for (name, value) in changed.as_object().unwrap() {
        document[name] = value.clone();
    }
    match asked.line.as_str() {
        "GET /keys" => (200, json!({ "keys": [{ "kty": "EC", "kid": "a" }] }).to_string()),
        "GET /.well-known/openid-configuration" | "GET /.well-known/oauth-authorization-server" => {
            (200, document.to_string())
        }
        _ => (404, "{}".to_owned()),
    }
}

#[test]
fn only_the_names_of_secrets_are_asked_for() {
    let folder = project("http://127.0.0.1:8787");
    folder.write(
        "fake/secrets.json",
        r#"[{"name":"SIGNING_KEY_A"},{"name":"SIGNING_KEY_B"},{"name":"OTHER"}]"#,
    );
    let told = folder.edgemint(&["check"], "");
    assert_eq!((told.code, told.out.as_str()), (Some(0), ""), "{told:?}");
    let calls = folder.calls();
    assert_eq!(calls[0], "secret list --format json --env production --config PROJECT/wrangler.toml");
    let mut listed: Vec<&str> = calls[1..].iter().filter_map(|call| call.split(' ').nth(4)).collect();
    listed.sort_unstable();
    assert_eq!(listed, ["api:", "client:", "issuer:"], "{calls:?}");
    folder.write("fake/secrets.json", "[]");
    let told = folder.edgemint(&["check"], "");
    assert!(told.code == Some(1) && told.out.contains("error: SIGNING_KEY_<NAME> is missing"), "{told:?}");
}

#[test]
fn counts_are_optional_and_a_dataset_under_another_name_is_told() {
    for (bound, told_of) in [("", false), ("COUNTS", false), ("ANALYTICS", true)] {
        let dataset = format!(
            "[[env.production.analytics_engine_datasets]]\nbinding = \"{bound}\"\ndataset = \"edgemint\"\n"
        );
        let wrangler_toml = format!(
            "[env.production.vars]\nISSUER = \"https://tokens.acme.dev\"\nGRANT_TYPES = \"client_credentials\"\n{}",
            if bound.is_empty() { "" } else { &dataset }
        );
        let told = Folder::new(&wrangler_toml).edgemint(&["check", "--env", "production"], "");
        assert_eq!(told.out.contains("warning: COUNTS is not bound"), told_of, "{bound}: {told:?}");
    }
}

#[test]
fn what_could_not_be_checked_is_said_and_the_rest_is_judged() {
    let folder = project("http://127.0.0.1:8787");
    folder.write(
        "fake/fail",
        "list --format\n✘ [ERROR] it's necessary to set a CLOUDFLARE_API_TOKEN environment variable\n",
    );
    let told = folder.edgemint(&["check"], "");
    assert_eq!(told.code, Some(0));
    assert!(told.out.contains("skipped: SIGNING_KEY_<NAME>") && told.out.contains("npx wrangler login"));
}

#[test]
fn what_is_live_is_compared_with_the_configuration() {
    for (changed, complaint) in [
        (json!({}), None),
        (json!({ "issuer": "https://other.dev" }), Some("has the issuer https://other.dev")),
        (json!({ "token_endpoint": null }), Some("has no token_endpoint")),
        (json!({ "grant_types_supported": [] }), Some("does not list client_credentials")),
    ] {
        let url = issuer(move |url, asked| served(url, asked, &changed));
        let told = project(&url).edgemint(&["check", "--live", &url, "--json"], "");
        let report: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(report["ok"], complaint.is_none(), "{told:?}");
        assert!(complaint.is_none_or(|complaint| told.out.contains(complaint)), "{told:?}");
    }
}

#[test]
fn an_issuer_that_is_not_there_or_has_no_key_is_an_error() {
    let url = issuer(|url, asked| match asked.line.as_str() {
        "GET /keys" => (200, r#"{"keys":[]}"#.to_owned()),
        _ => (503, url.to_owned()),
    });
    let told = project(&url).edgemint(&["check", "--live", &url], "");
    assert!(told.out.contains("returned 503") && told.out.contains("publishes no key"), "{told:?}");
    let gone = "http://127.0.0.1:1";
    let told = project(gone).edgemint(&["check", "--live", gone], "");
    assert!(told.code == Some(1) && told.out.contains("cannot reach "), "{told:?}");
}

#[test]
fn keys_that_are_there_and_not_published_are_an_error() {
    let url = issuer(|url, asked| served(url, asked, &json!({})));
    let folder = Folder::new(&format!(
        "[env.production.vars]\nISSUER = \"{url}\"\nGRANT_TYPES = \"client_credentials\"\n"
    ));
    folder.write("fake/secrets.json", r#"[{"name":"SIGNING_KEY_A"},{"name":"SIGNING_KEY_B"}]"#);
    let told = folder.edgemint(&["check", "--env", "production", "--live", &url], "");
    assert!(told.out.contains("/keys publishes 1 key, but 2 are stored"), "{told:?}");
}

/// A record with these secrets: the ID, the seconds until the expiry, and the kind of the hash.
fn record(id: &str, disabled: bool, secrets: &[(&str, Option<i64>, &str)]) -> (String, Value) {
    #[expect(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hash = |kind: &str| match kind {
        "fast" => format!("$sha256${}", "A".repeat(43)),
        _ => format!("$pbkdf2-sha256$i=1000${}${}", "A".repeat(22), "A".repeat(43)),
    };
    let secrets: Vec<Value> = secrets
        .iter()
        .map(|(id, expires, kind)| {
            let expires = expires.map(|ahead| now.checked_add_signed(ahead).unwrap());
            json!({ "id": id, "created": 1, "expires": expires, "hash": hash(kind) })
        })
        .collect();
    let record = json!({ "v": 1, "id": id, "name": "", "public": false, "disabled": disabled, "secrets": secrets,
        "groups": [], "trusted_peers": [], "token_lifetime": null, "revision": 1 });
    (format!("client:{id}"), record.to_string().into())
}

#[test]
fn clients_that_get_no_token_soon_or_now_and_imported_secrets_are_told() {
    const DAY: i64 = 24 * 3600;
    let folder = project("http://127.0.0.1:8787");
    folder.write("fake/secrets.json", r#"[{"name":"SIGNING_KEY_A"},{"name":"SIGNING_KEY_B"}]"#);
    let mut stored: serde_json::Map<String, Value> = [
        record("fine", false, &[("s1", None, "fast")]),
        record("far", false, &[("s1", Some(15 * DAY), "fast")]),
        record("soon", false, &[("s1", Some(13 * DAY), "fast"), ("s2", Some(DAY), "fast")]),
        record("rotating", false, &[("s1", Some(DAY), "fast"), ("s2", None, "fast")]),
        record("expired", false, &[("s1", Some(-DAY), "fast")]),
        record("bare", false, &[]),
        record("off", true, &[]),
        record("dex-1", false, &[("dex", None, "slow")]),
        record("dex-2", false, &[("dex", Some(-DAY), "slow"), ("s2", None, "fast")]),
    ]
    .into_iter()
    .collect();
    stored.insert("client:broken".to_owned(), "{".into());
    let keys: Vec<Value> = stored.keys().map(|key| json!({ "name": key })).collect();
    folder.write("fake/keys.json", &Value::from(keys).to_string());
    folder.write("fake/stored.json", &Value::from(stored).to_string());
    let told = folder.edgemint(&["check"], "");
    let lines: Vec<&str> = told.out.lines().collect();
    for (line, expected) in lines.iter().zip([
        "error: client:broken cannot be read",
        "warning: client:bare has no secret and gets no token",
        "warning: client:expired has no valid secret and gets no token",
        "warning: client:soon has no valid secret after ",
        "warning: CLIENTS contains 1 client with imported secrets",
    ]) {
        assert!(lines.iter().any(|line| line.contains(expected)), "{line}: {expected}: {told:?}");
    }
    assert_eq!((lines.len(), told.code), (5, Some(1)), "{told:?}");
    assert!(told.out.contains("(dex-1)") && !told.out.contains("$sha256"), "{told:?}");
}

#[test]
fn an_algorithm_that_an_api_or_the_deployment_demands_and_no_key_has_is_an_error() {
    let api = |id: &str, alg: &str| {
        let record = json!({ "v": 1, "id": id, "name": "A", "scopes": [], "token_lifetime": null, "alg": alg,
            "profile": null, "revision": 1 });
        (format!("api:{id}"), Value::from(record.to_string()))
    };
    let stored: serde_json::Map<String, Value> =
        [api("https://a/", "RS256"), api("https://b/", "ES256")].into_iter().collect();
    let keys: Vec<Value> = stored.keys().map(|key| json!({ "name": key })).collect();
    let with = |folder: Folder, secrets: &[&str]| {
        folder.write("fake/keys.json", &Value::from(keys.clone()).to_string());
        folder.write("fake/stored.json", &Value::from(stored.clone()).to_string());
        let secrets: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
        folder.write("fake/secrets.json", &Value::from(secrets).to_string());
        folder
    };
    let stamped = ["SIGNING_KEY_20200101T000000Z_ES256", "SIGNING_KEY_20210101T000000Z_ES256"];
    let folder = with(project("http://127.0.0.1:8787"), &stamped);
    let told = folder.edgemint(&["check"], "");
    assert!(
        told.code == Some(1)
            && told.out.contains("is missing for RS256")
            && told.out.contains("(https://a/)"),
        "{told:?}"
    );
    assert_eq!(told.out.lines().count(), 1, "{told:?}");
    // These names lack the algorithm, so the published keys show it.
    let url = issuer(|url, asked| match asked.line.as_str() {
        "GET /keys" => (200, r#"{"keys":[{"kid":"a","alg":"EdDSA"},{"kid":"b","alg":"ES256"}]}"#.to_owned()),
        _ => served(url, asked, &json!({})),
    });
    let toml = |alg: &str| {
        format!(
            "[env.production.vars]\nISSUER = \"{url}\"\nGRANT_TYPES = \"client_credentials\"\nSIGNING_ALG = \"{alg}\"\n\
             [[env.production.kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \"0123456789abcdef0123456789abcdef\"\n"
        )
    };
    let live = |alg: &str| {
        let folder = with(Folder::new(&toml(alg)), &["SIGNING_KEY_A", "SIGNING_KEY_B"]);
        folder.edgemint(&["check", "--env", "production", "--live", &url], "").out
    };
    let told = live("ES256");
    assert!(told.contains("/keys shows that a key for EdDSA signs, but SIGNING_ALG is ES256"), "{told}");
    assert!(told.contains("/keys publishes no key for RS256, which APIs require"), "{told}");
    assert!(!live("EdDSA").contains("SIGNING_ALG"));
    assert!(live("HS256").contains("SIGNING_ALG must be ES256, RS256 or EdDSA"));
}

#[test]
fn local_keys_of_which_none_may_sign_are_an_error() {
    let with = |signing_alg: &str, keys: &[[&str; 2]]| {
        let folder = Folder::new(&format!(
            "[vars]\nISSUER = \"http://127.0.0.1:8787\"\nGRANT_TYPES = \"client_credentials\"\n{signing_alg}\
             [[kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \"local\"\n"
        ));
        for [alg, time] in keys {
            let name = alg.to_ascii_uppercase();
            let rotate =
                ["key", "rotate", "--local", "--force", "--alg", alg, "--activate-in", time, "--name"];
            assert_eq!(folder.edgemint(&[&rotate[..], &[&name]].concat(), "").code, Some(0));
        }
        folder.edgemint(&["check"], "").out
    };
    assert_eq!(with("", &[["ES256", "0s"]]), "");
    assert!(with("", &[["ES256", "1h"]]).contains("no key may sign yet"));
    assert_eq!(with("", &[["ES256", "1h"], ["EdDSA", "0s"]]), "");
    let told = with("SIGNING_ALG = \"ES256\"\n", &[["ES256", "1h"], ["EdDSA", "0s"]]);
    assert!(told.contains("no key may sign yet"), "{told}");
    let told = with("SIGNING_ALG = \"RS256\"\n", &[["ES256", "0s"]]);
    assert!(told.contains("error: SIGNING_ALG is RS256, but there is no key for it"), "{told}");
}

#[test]
fn grants_for_what_no_api_has_are_told_by_api_and_scope() {
    let folder = project("http://127.0.0.1:8787");
    folder.write("fake/secrets.json", r#"[{"name":"SIGNING_KEY_A"},{"name":"SIGNING_KEY_B"}]"#);
    let granted = |id: &str, grants: Value, default_api: Option<&str>| {
        let (key, record) = record(id, false, &[("s1", None, "fast")]);
        let mut record: Value = serde_json::from_str(record.as_str().unwrap()).unwrap();
        record["v"] = 2.into();
        record["grants"] = grants;
        record["default_api"] = default_api.into();
        (key, Value::from(record.to_string()))
    };
    let api = json!({ "v": 1, "id": "https://a/", "name": "A", "scopes": [{ "name": "read", "description": "-" }],
        "token_lifetime": null, "alg": null, "profile": null, "revision": 1 });
    let mut stored: serde_json::Map<String, Value> = [
        granted("fine", json!({ "https://a/": ["read"] }), Some("https://a/")),
        granted("gone", json!({ "https://gone/": ["x"] }), Some("https://gone/")),
        granted(
            "more",
            json!({ "https://gone/": [], "https://a/": ["read", "write"], "urn:broken": ["x"] }),
            None,
        ),
    ]
    .into_iter()
    .collect();
    let (key, asking) = record("asking", false, &[("s1", None, "fast")]);
    let mut asking: Value = serde_json::from_str(asking.as_str().unwrap()).unwrap();
    asking["v"] = 3.into();
    asking["introspects"] = json!(["https://a/", "https://away/"]);
    stored.insert(key, asking.to_string().into());
    stored.insert("api:https://a/".to_owned(), api.to_string().into());
    stored.insert("api:urn:broken".to_owned(), "{".into());
    let keys: Vec<Value> = stored.keys().map(|key| json!({ "name": key })).collect();
    folder.write("fake/keys.json", &Value::from(keys).to_string());
    folder.write("fake/stored.json", &Value::from(stored).to_string());
    let told = folder.edgemint(&["check"], "");
    for (line, (begin, end)) in told.out.lines().zip([
        ("error: api:urn:broken cannot be read", "column 1)"),
        ("warning: api:https://away/ has no record, although clients may introspect its tokens", "(asking)"),
        ("warning: api:https://gone/ has no record, so the grants", "(gone, more)"),
        ("warning: api:https://gone/ has no record and is the default API", "(gone)"),
        ("warning: api:https://a/ does not define the scope write", "(more)"),
    ]) {
        let line = line.strip_prefix("env.production: ").unwrap();
        assert!(line.starts_with(begin) && line.ends_with(end), "{begin} … {end}: {told:?}");
    }
    assert_eq!((told.out.lines().count(), told.code), (5, Some(1)), "{told:?}");
}

/// Stores records under their keys.
fn store(folder: &Folder, records: &[(String, Value)]) {
    let keys: Vec<Value> = records.iter().map(|(key, _)| json!({ "name": key })).collect();
    let stored: serde_json::Map<String, Value> = records.iter().cloned().collect();
    folder.write("fake/keys.json", &Value::from(keys).to_string());
    folder.write("fake/stored.json", &Value::from(stored).to_string());
}

/// The record of a client with one secret and more members.
fn client(id: &str, more: &Value) -> (String, Value) {
    let (key, record) = record(id, false, &[("s1", None, "fast")]);
    let mut record: Value = serde_json::from_str(record.as_str().unwrap()).unwrap();
    record["v"] = 3.into();
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    (key, record.to_string().into())
}

#[test]
fn a_deployment_for_fapi_names_the_clients_that_lose_access() {
    let folder = project("http://127.0.0.1:8787");
    let fapi = folder.read("wrangler.toml").replace(
        "[env.production.vars]",
        "[env.production.vars]\nFAPI = \"on\"\nMTLS_HOST = \"mtls.tokens.acme.dev\"",
    );
    folder.write("wrangler.toml", &fapi.replace("\"client_credentials\"", "[\"client_credentials\"]"));
    folder.write(
        "fake/secrets.json",
        r#"[{"name":"SIGNING_KEY_20261122T230727Z_RS256"},{"name":"SIGNING_KEY_20261122T230727Z_ES256"}]"#,
    );
    let certificate = json!([{ "id": "c1", "created": 1, "match": { "sha256": "A".repeat(43) } }]);
    let certified = json!({ "certificates": certificate, "secrets": [] });
    let records = [
        client("certified", &certified),
        client("gateway", &json!({ "introspect": "any" })),
        client("secretive", &json!({})),
    ];
    store(&folder, &records);
    let told = folder.edgemint(&["check", "--env", "production"], "");
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!((told.code, lines.len()), (Some(1), 4), "{told:?}");
    for (line, expected) in lines.iter().zip([
        "error: REPLAY is not bound, but FAPI=on needs it",
        "error: SIGNING_KEY_20261122T230727Z_RS256 is a key for RS256, which FAPI=on does not allow",
        "warning: FAPI is on, so clients that have only secrets get no token",
        "warning: FAPI is on, so resource servers that have only secrets can neither introspect tokens nor get any",
    ]) {
        assert!(line.starts_with(&format!("env.production: {expected}")), "{line}: {expected}");
    }
    assert!(lines[2].ends_with("(secretive)") && lines[3].ends_with("(gateway)"), "{told:?}");

    let grants = "[\"client_credentials\", \"urn:ietf:params:oauth:grant-type:jwt-bearer\"]";
    folder.write("wrangler.toml", &fapi.replace("\"client_credentials\"", grants));
    let told = folder.edgemint(&["check", "--env", "production"], "");
    assert!(
        told.out.contains("error: GRANT_TYPES lists urn:ietf:params:oauth:grant-type:jwt-bearer"),
        "{told:?}"
    );

    folder.write("wrangler.toml", &fapi.replace("FAPI = \"on\"", "FAPI = \"off\""));
    let told = folder.edgemint(&["check", "--env", "production"], "");
    assert_eq!((told.code, told.out.as_str()), (Some(0), ""), "without FAPI=on all of it works: {told:?}");
}

#[test]
fn a_worker_that_is_too_old_for_bound_tokens_is_an_error() {
    let api = || {
        let record = json!({ "v": 2, "id": "https://a/", "name": "A", "scopes": [], "token_lifetime": null, "alg": null,
            "profile": null, "revision": 1, "bound": "any" });
        ("api:https://a/".to_owned(), Value::from(record.to_string()))
    };
    for (changed, is_old) in [
        (json!({}), true),
        (json!({ "dpop_signing_alg_values_supported": ["ES256", "PS256", "EdDSA"] }), false),
    ] {
        let url = issuer(move |url, asked| served(url, asked, &changed));
        let folder = project(&url);
        std::fs::create_dir_all(folder.0.join(".wrangler/state/v3")).unwrap();
        store(
            &folder,
            &[client("billing", &json!({ "bound": "dpop" })), client("plain", &json!({ "v": 1 })), api()],
        );
        let told = folder.edgemint(&["check", "--live", &url], "");
        assert_eq!(
            told.out.contains("too old for clients with certificates or bound tokens"),
            is_old,
            "{told:?}"
        );
        assert!(!is_old || told.out.contains("Deploy again (billing)"), "{told:?}");
        assert_eq!(told.out.contains("APIs with bound tokens, and issues no token"), is_old, "{told:?}");
    }
}
