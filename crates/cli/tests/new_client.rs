//! Rejections of and warnings about new clients: by their ID, and by their number of slow hashes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod support;

use std::process::Output;

use serde_json::{Value, json};
use support::{Project, err, out};

/// The `sub` of the client `test` in dex's profile.
const SUBJECT: &str = "CgR0ZXN0";

fn edgemint(project: &Project, arguments: &[&str]) -> Output {
    project.edgemint(&[arguments, &["--env", "production"]].concat())
}

fn store(project: &Project, records: &Value) {
    let keys: Vec<Value> = records.as_object().unwrap().keys().map(|name| json!({ "name": name })).collect();
    project.write("fake/keys.json", &Value::from(keys).to_string());
    project.write("fake/stored.json", &records.to_string());
}

fn client(id: &str, secrets: &Value) -> Value {
    json!({
        "v": 1, "id": id, "name": "N", "public": false, "disabled": false, "secrets": secrets, "groups": [],
        "trusted_peers": [], "token_lifetime": null, "revision": 1,
    })
}

fn api(id: &str) -> Value {
    json!({
        "v": 1, "id": id, "name": "A", "scopes": [], "token_lifetime": null, "alg": null, "profile": null, "revision": 1,
    })
}

/// `count` secrets with slow hashes. The ID of the first is `dex`.
fn slow(count: usize) -> Value {
    let secret = |i: usize| {
        let id = if i == 1 { "dex".to_owned() } else { format!("dex{i}") };
        let hash = format!("$pbkdf2-sha256$i=100000${}${}", "A".repeat(22), "A".repeat(43));
        json!({ "id": id, "created": 1, "expires": null, "hash": hash })
    };
    (1..=count).map(secret).collect()
}

fn backup(apis: &[Value], clients: &[Value]) -> String {
    json!({ "edgemint": { "backup": 2 }, "apis": apis, "clients": clients }).to_string()
}

fn put_ids(project: &Project) -> Vec<String> {
    project.put().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn an_id_that_is_the_subject_of_another_client_is_refused() {
    let project = Project::new();
    for more in [&[][..], &["--public"], &["--dry-run"], &["--json"]] {
        let done = edgemint(&project, &[&["client", "add", SUBJECT], more].concat());
        assert_eq!((done.status.code(), out(&done).as_str()), (Some(1), ""));
        let told = err(&done);
        assert!(
            told.contains("the `sub` in tokens of the client test") && told.contains("Choose another ID"),
            "{told}"
        );
    }
    assert!(!project.path("fake/calls").exists(), "wrangler was not called");

    for file in [
        format!(
            "staticClients:\n- {{id: {SUBJECT}, name: S, secret: s}}\n- {{id: other, name: O, secret: s}}\n"
        ),
        backup(&[], &[client(SUBJECT, &json!([])), client("other", &json!([]))]),
    ] {
        project.write("file", &file);
        let done = edgemint(&project, &["client", "import", "file"]);
        assert_eq!(done.status.code(), Some(1));
        assert!(err(&done).contains(&format!("rejected: {SUBJECT} (entry 1): the ID")), "{}", err(&done));
        assert_eq!(put_ids(&project), ["client:other"]);
    }
    // An existing client is not changed, but reported.
    store(&project, &json!({ format!("client:{SUBJECT}"): client(SUBJECT, &json!([])).to_string() }));
    project.write("file", &backup(&[], &[client(SUBJECT, &json!([]))]));
    let done = edgemint(&project, &["client", "import", "file"]);
    assert!(err(&done).contains("1 unchanged"), "{}", err(&done));
    assert!(check(&project).contains(&format!("client:{SUBJECT} could be confused with another client")));
}

/// The output of `check`, with keys and a namespace.
fn check(project: &Project) -> String {
    let toml = project.read("wrangler.toml");
    let id = "0123456789abcdef0123456789abcdef";
    project.write(
        "wrangler.toml",
        &format!("{toml}\n[[env.production.kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \"{id}\"\n"),
    );
    let found = out(&edgemint(project, &["check"]));
    project.write("wrangler.toml", &toml);
    found
}

#[test]
fn a_client_with_the_id_of_an_api_is_told_wherever_it_comes_about() {
    const ID: &str = "https://invoices.example.com/";
    let warning = format!("{ID} is the ID of a client and of an API");
    let of_api = json!({ format!("api:{ID}"): api(ID).to_string() });
    let of_client = json!({ format!("client:{ID}"): client(ID, &json!([])).to_string() });
    let project = Project::new();
    let told = |arguments: &[&str]| {
        let done = edgemint(&project, arguments);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        out(&done) + &err(&done)
    };

    store(&project, &of_api);
    for more in [&[][..], &["--dry-run"], &["--json"]] {
        assert!(told(&[&["client", "add", ID], more].concat()).contains(&warning), "client add {more:?}");
    }
    assert!(!told(&["client", "add", "other"]).contains("is the ID"));
    for file in [
        format!(
            "staticClients:\n- {{id: '{ID}', name: S, secret: s}}\n- {{id: other, name: O, secret: s}}\n"
        ),
        backup(&[], &[client(ID, &json!([]))]),
    ] {
        project.write("file", &file);
        for more in [&["--dry-run"][..], &[], &["--json"]] {
            let told = told(&[&["client", "import", "file"], more].concat());
            assert_eq!(told.matches(&warning).count(), 1, "{told}");
        }
    }

    store(&project, &of_client);
    for more in [&[][..], &["--dry-run"], &["--json"]] {
        assert!(told(&[&["api", "add", ID], more].concat()).contains(&warning), "api add {more:?}");
    }
    // Import both from one file into an empty namespace.
    store(&project, &json!({}));
    project.write("file", &backup(&[api(ID)], &[client(ID, &json!([]))]));
    assert!(told(&["client", "import", "file"]).contains(&warning));

    let mut both = of_api;
    both.as_object_mut().unwrap().extend(of_client.as_object().unwrap().clone());
    store(&project, &both);
    assert!(check(&project).contains(&format!("warning: client:{ID} has the ID of an API. {warning}")));
}

#[test]
fn an_id_with_a_colon_is_told_with_what_the_client_must_do() {
    let project = Project::new();
    let warned = |done: &Output| (out(done) + &err(done)).contains("must encode it as %3A (RFC 6749 §2.3.1)");
    assert!(warned(&edgemint(&project, &["client", "add", "urn:a"])));
    assert!(warned(&edgemint(&project, &["client", "add", "urn:a", "--json"])));
    assert!(!warned(&edgemint(&project, &["client", "add", "urn:a", "--public"])), "it presents no secret");
    project.write("dex.yaml", "staticClients:\n- {id: 'urn:a', name: S, secret: s}\n");
    assert!(warned(&edgemint(&project, &["client", "import", "dex.yaml"])));
    project.store_what_was_put();
    assert!(!warned(&edgemint(&project, &["client", "import", "dex.yaml"])), "once is enough");
}

#[test]
fn more_than_four_slow_hashes_that_work_are_refused() {
    let project = Project::new();
    project.write("file", &backup(&[], &[client("four", &slow(4)), client("five", &slow(5))]));
    let done = edgemint(&project, &["client", "import", "file"]);
    assert_eq!((done.status.code(), put_ids(&project)), (Some(1), vec!["client:four".to_owned()]));
    assert!(
        err(&done).contains("rejected: five (entry 2): 5 of its valid secrets have slow hashes"),
        "{}",
        err(&done)
    );

    store(&project, &json!({ "client:five": client("five", &slow(5)).to_string() }));
    let rotate = edgemint(&project, &["client", "rotate-secret", "five"]);
    assert_eq!((rotate.status.code(), out(&rotate).as_str()), (Some(1), ""));
    assert!(
        err(&rotate).contains("`edgemint client revoke-secret`") && err(&rotate).contains("--overlap 0s")
    );
    assert!(check(&project).contains("client:five has too many secrets"), "{}", check(&project));
    let rotate = edgemint(&project, &["client", "rotate-secret", "five", "--overlap", "0s"]);
    assert_eq!(rotate.status.code(), Some(0), "{}", err(&rotate));
}

/// The maximum number of secrets in a record: there is no space left for an expiry.
#[test]
fn a_record_full_of_imported_secrets_can_be_emptied() {
    let project = Project::new();
    let fits = |count: &usize| client("a", &slow(*count)).to_string().len() <= 256 * 1024;
    let count = (1400..1900).rev().step_by(10).find(fits).unwrap();
    let count = (count..count + 10).rev().find(fits).unwrap();
    store(&project, &json!({ "client:a": client("a", &slow(count)).to_string() }));
    let ids: Vec<String> =
        slow(count).as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect();
    let revoke = |ids: &[String], more: &[&str]| {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        edgemint(&project, &[&["client", "revoke-secret", "a"], &ids[..], more].concat())
    };

    let unknown = revoke(&["none".to_owned()], &[]);
    assert!(
        err(&unknown).contains(&format!("and {} more", count - 10)) && err(&unknown).len() < 500,
        "{}",
        err(&unknown)
    );
    let expired = revoke(&ids, &[]);
    assert_eq!(expired.status.code(), Some(1));
    assert!(err(&expired).contains("--forget removes it"), "{}", err(&expired));
    assert!(!project.path("fake/put.json").exists());

    for (taken, left) in [(&ids[..1], count - 1), (&ids[4..], 4), (&ids[..], 0)] {
        let done = revoke(taken, &["--forget"]);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        let record = &project.put()[0].1;
        assert_eq!(record["secrets"].as_array().unwrap().len(), left);
        assert_eq!(err(&done).contains("the client has no valid secret now"), left == 0);
    }
    let report: Value = serde_json::from_str(&out(&revoke(&ids[..2], &["--forget", "--json"]))).unwrap();
    assert_eq!(report["secrets"][1], json!({ "secret_id": "dex2", "result": "removed" }));
    let report: Value = serde_json::from_str(&out(&revoke(&ids[..1], &["--forget", "--json"]))).unwrap();
    assert_eq!((&report["secret_id"], &report["result"]), (&json!("dex"), &json!("removed")));
}

/// An import of a file that still contains a forgotten secret adds it again, with a new ID.
#[test]
fn an_imported_secret_that_was_forgotten_never_gives_its_id_to_another() {
    let project = Project::new();
    project.write("dex.yaml", "staticClients:\n- {id: a, name: A, secret: s}\n");
    let import = || assert_eq!(edgemint(&project, &["client", "import", "dex.yaml"]).status.code(), Some(0));
    import();
    assert_eq!(project.put()[0].1["secrets"][0]["id"], "dex");
    project.store_what_was_put();
    let done = edgemint(&project, &["client", "revoke-secret", "a", "dex", "--forget"]);
    assert!(
        err(&done).contains("another import of a file that still contains it adds it again"),
        "{}",
        err(&done)
    );
    project.store_what_was_put();
    import();
    assert_eq!(project.put()[0].1["secrets"][0]["id"], "dex3");
}
