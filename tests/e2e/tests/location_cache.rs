//! The cache of a location in workerd: isolates in several processes share it, and it fails no request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use edgemint_e2e::{Bare, CacheFault, RemoteCache, RemoteKv, State, comes_true, edgemint, send, serve};
use edgemint_testkit::{Answer, cast, signing_key};
use serde_json::Value;
use xtask::Variant;

const SECRET: &str = "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";

fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let key = signing_key("ES256", &[]);
    let base = [
        ("ISSUER", "https://tokens.example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
        ("CLIENT_CACHE", "1h"),
    ];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A KV with the clients of the vectors, and a cache, which the processes of a test share.
struct Location {
    kv: RemoteKv,
    cache: RemoteCache,
}

impl Location {
    fn new(fault: CacheFault) -> Self {
        let clients = cast().into_iter().map(|client| (client.id.kv_key(), client.to_json()));
        let kv = RemoteKv::start(clients.collect(), Duration::ZERO);
        Self { kv, cache: RemoteCache::start(fault) }
    }

    /// Another process with an isolate that has seen nothing.
    fn isolate(&self, more: &[(&str, &str)]) -> Bare {
        Bare::start_at_location(&variables(more), self.kv.port(), self.cache.port())
    }

    /// Waits until the cache has this many entries.
    fn has(&self, count: usize) -> bool {
        comes_true(|| self.cache.entries().len() == count)
    }
}

fn post(url: &str, form: &str) -> Answer {
    let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    send("POST", url, &headers.into(), form.as_bytes().to_vec())
}

/// A token of `client`.
fn token(bare: &Bare, client: &str) -> String {
    let form = format!("grant_type=client_credentials&client_id={client}&client_secret={SECRET}");
    let answer = post(&format!("{}/token", bare.url()), &form);
    assert_eq!(answer.status, 200, "{}\n{}", answer.body, bare.log().join("\n"));
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn an_isolate_does_not_read_what_another_one_of_its_location_has_read() {
    let location = Location::new(CacheFault::None);
    let first = location.isolate(&[]);
    token(&first, "test");
    assert_eq!(location.kv.reads(), 1);
    assert!(location.has(1), "{:?}", location.cache.requests());
    let second = location.isolate(&[]);
    token(&second, "test");
    assert_eq!(location.kv.reads(), 1, "{:?}", location.cache.requests());

    // Nothing but a name that means nothing comes to the cache outside the text.
    for request in location.cache.requests() {
        let request = request.join("\n").to_lowercase();
        assert!(request.contains("cf-cache-namespace: edgemint"), "a named cache: {request}");
        assert!(!request.contains("client") && !request.contains("test"), "{request}");
    }
    let (path, text) = location.cache.entries().into_iter().next().unwrap();
    let name = path.strip_prefix("/cache/").unwrap_or_else(|| panic!("{path}"));
    assert!(
        name.len() == 43 && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)),
        "{path}"
    );
    assert!(text.contains("\"id\":\"test\"") && !text.contains(SECRET), "{text}");

    // The Worker serves no such URL, and its answer does not depend on the name.
    let secure = [("host", "tokens.example.com"), ("x-forwarded-proto", "https")];
    let secure = secure.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    for method in ["GET", "HEAD", "POST"] {
        for path in [path.as_str(), &format!("/{name}"), &format!("/token{path}")] {
            let answer = send(method, &format!("{}{path}", first.url()), &secure, Vec::new());
            let absent = send(method, &format!("{}/cache/absent", first.url()), &secure, Vec::new());
            assert_eq!((answer.status, &answer.body), (404, &absent.body), "{method} {path}");
            assert!(!answer.body.contains("test"), "{}", answer.body);
        }
    }
}

#[test]
fn an_altered_entry_is_not_believed() {
    let location = Location::new(CacheFault::None);
    let first = location.isolate(&[]);
    token(&first, "test");
    assert!(location.has(1));
    let made = location.cache.entries();
    location.cache.alter("\"disabled\":false", "\"disabled\":true ");
    assert_ne!(location.cache.entries(), made);
    let second = location.isolate(&[]);
    token(&second, "test");
    assert_eq!(location.kv.reads(), 2);
    // The record is put there again, and now it counts.
    assert!(comes_true(|| !location.cache.entries().values().any(|text| text.contains("\"disabled\":true"))));
    token(&location.isolate(&[]), "test");
    assert_eq!(location.kv.reads(), 2);
    // Another deployment with the same clients finds nothing.
    let other = signing_key("EdDSA", &[]);
    let other = location.isolate(&[("SIGNING_KEY_A", &other)]);
    token(&other, "test");
    assert_eq!(location.kv.reads(), 3);
    assert!(location.has(2));
}

#[test]
fn introspection_and_revocation_do_not_ask_it() {
    let location = Location::new(CacheFault::None);
    let first = location.isolate(&[]);
    let issued = token(&first, "test");
    assert!(location.has(1));
    let (asked, isolate) = (location.cache.requests().len(), location.isolate(&[]));
    let form = format!("client_id=test&client_secret={SECRET}&token={issued}");
    let answer = post(&format!("{}/token/introspect", isolate.url()), &form);
    assert!(answer.body.contains("\"active\":true"), "{}", answer.body);
    assert_eq!(location.kv.reads(), 3, "the client, and whether the token is revoked");
    // A token of another client is not revoked, but all of the way there is looked up.
    let form = form.replace("client_id=test", "client_id=no-groups");
    let answer = post(&format!("{}/token/revoke", isolate.url()), &form);
    assert_eq!((answer.status, location.kv.reads()), (400, 4), "{}", answer.body);
    // What a request does after its answer is over when that of a later one is.
    token(&isolate, "no-name");
    assert!(location.has(2));
    let later = location.cache.requests().split_off(asked);
    let paths: Vec<&str> = later.iter().map(|head| head[0].split(' ').nth(1).unwrap()).collect();
    assert_eq!(paths.len(), 2, "{later:?}");
    assert_eq!(paths[0], paths[1]);
}

#[test]
fn where_it_is_off_nothing_asks_it() {
    let location = Location::new(CacheFault::None);
    for more in
        [("LOCATION_CACHE", "off"), ("CLIENT_CACHE", "0"), ("ISSUER", "https://edgemint.example.workers.dev")]
    {
        let before = location.kv.reads();
        token(&location.isolate(&[more]), "test");
        assert_eq!(location.kv.reads(), before + 1);
    }
    // An isolate that uses it, after all that.
    let isolate = location.isolate(&[]);
    token(&isolate, "test");
    assert!(location.has(1));
    assert_eq!(location.cache.requests().len(), 2, "{:?}", location.cache.requests());
}

#[test]
fn a_cache_that_fails_costs_one_try_and_fails_nothing() {
    for fault in [CacheFault::Hangs, CacheFault::Closes, CacheFault::Fails] {
        let location = Location::new(fault);
        let isolate = location.isolate(&[]);
        for client in ["test", "no-groups", "test", "no-groups"] {
            token(&isolate, client);
        }
        assert_eq!(location.kv.reads(), 2, "{fault:?}");
        let requests = location.cache.requests();
        let looked_up = requests.iter().filter(|head| head[0].starts_with("GET ")).count();
        match fault {
            // The isolate does not try again.
            CacheFault::Hangs => assert_eq!((looked_up, requests.len()), (1, 1), "{requests:?}"),
            // workerd tries again by itself where a connection was closed.
            CacheFault::Closes => assert!((1..=2).contains(&requests.len()), "{requests:?}"),
            // Another status is a miss. What cannot be stored then counts as a failure.
            CacheFault::Fails | CacheFault::None => assert!((1..=2).contains(&looked_up), "{requests:?}"),
        }
    }
    // Without any cache.
    let location = Location::new(CacheFault::None);
    let isolate = Bare::start_over_kv(&variables(&[]), location.kv.port());
    for client in ["test", "no-groups", "test"] {
        token(&isolate, client);
    }
    assert_eq!(location.kv.reads(), 2);
}

/// `wrangler dev` keeps the cache when it ends, and so shows that a record comes from there.
#[test]
fn in_wrangler_dev_a_record_comes_from_the_cache_of_the_location() {
    let (state, vars) = (State::seeded(), variables(&[]));
    let ask = || {
        let server = serve(&state, &vars, Variant::Release);
        let form = format!("grant_type=client_credentials&client_id=test&client_secret={SECRET}");
        post(&format!("{}/token", server.endpoints()), &form).status
    };
    assert_eq!(ask(), 200);
    edgemint(&state, &["client", "remove", "test", "--yes"]);
    assert_eq!(ask(), 200, "as an isolate that has read it");
    let off = variables(&[("LOCATION_CACHE", "off")]);
    let server = serve(&state, &off, Variant::Release);
    let form = format!("grant_type=client_credentials&client_id=test&client_secret={SECRET}");
    assert_eq!(post(&format!("{}/token", server.endpoints()), &form).status, 401);
}
