//! Store failures: which clients are served from memory, for how long, and that the issuer never guesses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Waker};

use edgemint_issuer::ports::{ApiStore, ClientStore, RevocationStore};
use edgemint_issuer::{
    ApiId, ApiRecord, Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret, Moment, Request,
    StoredSecret, Unavailable,
};
use edgemint_testkit::{NOW, RANDOM, TestCrypto, logged, signing_key};
use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Throws,
    /// No answer came within the time that a host waits.
    Hangs,
    /// No answer has come yet.
    Waits,
}

/// A store that fails on command, and counts the reads.
#[derive(Clone)]
struct Failing {
    records: Rc<RefCell<HashMap<String, String>>>,
    fault: Rc<Cell<Fault>>,
    revocations_fault: Rc<Cell<Fault>>,
    reads: Rc<Cell<u32>>,
}

impl Failing {
    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        self.reads.set(self.reads.get() + 1);
        let fault = if key.starts_with("revoked:") { &self.revocations_fault } else { &self.fault };
        match fault.get() {
            Fault::Waits => std::future::pending().await,
            Fault::None => Ok(self.records.borrow().get(key).cloned()),
            Fault::Throws => Err(Unavailable::new("it threw")),
            Fault::Hangs => Err(Unavailable::timed_out("it hung")),
        }
    }
}

edgemint_testkit::store_without_issuers!(Failing);
edgemint_testkit::store_without_location!(Failing);

impl ClientStore for Failing {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key()).await
    }
}

impl ApiStore for Failing {
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key()).await
    }
}

impl RevocationStore for Failing {
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        self.get(&format!("revoked:{jti}")).await.map(|kept| kept.is_some())
    }

    async fn revoke(&self, _: &str, _: u64) -> Result<(), Unavailable> {
        self.get("revoked:").await.map(drop)
    }
}

struct World {
    store: Failing,
    authority: Authority<Failing, TestCrypto>,
    secret: String,
}

const API: &str = "https://api.example/";

impl World {
    fn new(more: &[(&str, &str)]) -> Self {
        let secret = GeneratedSecret::from_random(&[9; 32]);
        let store = Failing {
            records: Rc::default(),
            fault: Rc::new(Cell::new(Fault::None)),
            revocations_fault: Rc::new(Cell::new(Fault::None)),
            reads: Rc::default(),
        };
        let key = signing_key("EdDSA", &[]);
        let base = [
            ("ISSUER", "https://example.com"),
            ("GRANT_TYPES", "client_credentials"),
            ("SIGNING_KEY_A", &key),
        ];
        let config = Config::parse(base.iter().chain(more).copied()).unwrap();
        let authority = Authority::new(config, store.clone(), TestCrypto::default(), [0; 32]);
        let world = Self { store, authority, secret: secret.expose().to_owned() };
        let api = ApiRecord::new(ApiId::parse(API).unwrap(), "API");
        world.store.records.borrow_mut().insert(api.id.kv_key(), api.to_json());
        world.put("app", |_| {});
        world.put("other", |_| {});
        world
    }

    fn put(&self, id: &str, change: impl FnOnce(&mut ClientRecord)) {
        let mut record = ClientRecord::new(ClientId::parse(id).unwrap(), "App");
        let hash = GeneratedSecret::from_random(&[9; 32]).hash();
        record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash });
        record.grants.insert(ApiId::parse(API).unwrap(), Vec::new());
        change(&mut record);
        self.store.records.borrow_mut().insert(record.id.kv_key(), record.to_json());
    }

    async fn handle(&self, path: &str, id: &str, more: &str, at: u64) -> (u16, Value, Value) {
        let secret = &self.secret;
        let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}{more}");
        let request = Request {
            method: "POST",
            path,
            content_type: Some("application/x-www-form-urlencoded"),
            body: Body::Whole(body.as_bytes()),
            ..Request::default()
        };
        let moment = Moment { now: NOW + at, random: RANDOM };
        let outcome = self.authority.handle(&request, &moment).await;
        let body = serde_json::from_str(&outcome.response.body).unwrap_or_default();
        (outcome.response.status, body, logged(outcome.event.as_ref()))
    }

    fn answer(&self, path: &str, id: &str, more: &str, at: u64) -> (u16, Value, Value) {
        pollster::block_on(self.handle(path, id, more, at))
    }

    /// A request for a token whose read of the store, if it reads, has begun and gets no answer. Dropping it
    /// closes its connection.
    fn begin<'a>(&'a self, id: &'a str, at: u64) -> impl Future + 'a {
        let before = self.store.fault.replace(Fault::Waits);
        let mut request = Box::pin(self.handle("/token", id, "", at));
        let _ = request.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.store.fault.set(before);
        request
    }

    fn ask(&self, id: &str, at: u64) -> u16 {
        self.answer("/token", id, "", at).0
    }

    fn fail(&self, fault: Fault) {
        self.store.fault.set(fault);
    }
}

#[test]
fn who_was_seen_before_is_served_while_the_store_fails_and_the_log_says_so() {
    for fault in [Fault::Throws, Fault::Hangs] {
        let world = World::new(&[]);
        let with_api = format!("&resource={API}");
        assert_eq!(world.answer("/token", "app", &with_api, 0).0, 200);
        world.fail(fault);
        for at in [59, 60, 659] {
            let (status, _, event) = world.answer("/token", "app", &with_api, at);
            assert_eq!(status, 200, "at {at}");
            assert_eq!(
                event["degraded"].as_array().map_or(0, Vec::len),
                if at < 60 { 0 } else { 2 },
                "{event}"
            );
        }
        assert_eq!(world.ask("app", 660), 503, "cache time and stale time are over");
        assert_eq!(world.ask("other", 1), 503, "a stranger does not get 401");
        world.fail(Fault::None);
        assert_eq!(world.ask("other", 661), 200);
    }
}

#[test]
fn with_no_stale_time_a_failure_is_seen_when_the_cache_time_is_over() {
    let world = World::new(&[("STALE_IF_ERROR", "0")]);
    assert_eq!(world.ask("app", 0), 200);
    world.fail(Fault::Throws);
    assert_eq!((world.ask("app", 59), world.ask("app", 60)), (200, 503));
}

#[test]
fn without_a_cache_the_stale_time_holds_all_the_same() {
    let world = World::new(&[("CLIENT_CACHE", "0"), ("STALE_IF_ERROR", "1m")]);
    assert_eq!((world.ask("app", 0), world.ask("app", 0), world.store.reads.get()), (200, 200, 2));
    world.fail(Fault::Throws);
    assert_eq!((world.ask("app", 59), world.ask("app", 60)), (200, 503));
}

#[test]
fn who_is_known_to_be_disabled_or_removed_is_not_served_from_memory() {
    let world = World::new(&[]);
    assert_eq!((world.ask("app", 0), world.ask("other", 0)), (200, 200));
    world.put("app", |record| record.disabled = true);
    world.store.records.borrow_mut().remove("client:other");
    assert_eq!((world.ask("app", 60), world.ask("other", 60)), (401, 401));
    world.fail(Fault::Throws);
    assert_eq!(
        (world.ask("app", 120), world.ask("other", 120)),
        (503, 503),
        "and no client gets 401 on a guess"
    );
}

#[test]
fn a_record_that_went_bad_hurts_its_client_alone_and_is_not_covered_up_by_memory() {
    let world = World::new(&[]);
    assert_eq!((world.ask("app", 0), world.ask("other", 0)), (200, 200));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let huge = format!(r#"{{"v":1,"id":"app","name":"{}"}}"#, "x".repeat(300_000));
    let in_claims = format!(r#"{{"v":2,"claims":{{"a":{deep}}}}}"#);
    for (i, garbage) in ["", "garbage", "{}", r#"{"v":9}"#, &deep, &huge, &in_claims].iter().enumerate() {
        world.store.records.borrow_mut().insert("client:app".into(), (*garbage).to_owned());
        let at = 100 * (i as u64 + 1);
        assert_eq!((world.ask("app", at), world.ask("other", at)), (500, 200), "{:.40}", garbage);
    }
    world.fail(Fault::Throws);
    assert_eq!(world.ask("app", 900), 503, "its cached record is gone");
    world.fail(Fault::None);
    world.put("app", |_| {});
    assert_eq!(world.ask("app", 901), 200, "fixed, it works at once");
}

#[test]
fn recovery_from_errors_is_immediate() {
    let world = World::new(&[]);
    assert_eq!(world.ask("app", 0), 200);
    world.fail(Fault::Throws);
    assert_eq!(world.ask("app", 60), 200);
    world.fail(Fault::None);
    world.put("app", |record| record.disabled = true);
    assert_eq!(world.ask("app", 60), 401, "each request reads the store once the cache time is over");
}

#[test]
fn a_store_that_hangs_is_not_waited_for_by_every_request() {
    let world = World::new(&[]);
    assert_eq!(world.ask("app", 0), 200);
    world.fail(Fault::Hangs);
    let reads = || world.store.reads.get();
    let before = reads();
    for at in [60, 61, 65, 69] {
        assert_eq!(world.ask("app", at), 200);
    }
    assert_eq!(reads(), before + 1, "one waited");
    assert_eq!((world.ask("app", 70), reads()), (200, before + 2), "then one tries again");
    assert_eq!(world.ask("other", 71), 503);
    assert_eq!(reads(), before + 3, "a client without a cached record must wait");
    world.fail(Fault::None);
    world.put("app", |record| record.disabled = true);
    assert_eq!((world.ask("app", 80), world.ask("app", 81)), (200, 401), "seen by the next try");
}

#[test]
fn a_request_that_probes_the_store_and_is_dropped_leaves_it_to_the_next_one() {
    let world = World::new(&[]);
    assert_eq!(world.ask("app", 0), 200);
    world.fail(Fault::Hangs);
    assert_eq!(world.ask("app", 60), 200);
    world.fail(Fault::None);
    world.put("app", |record| record.disabled = true);
    let probe = world.begin("app", 70);
    assert_eq!(world.ask("app", 70), 200, "one request waits");
    drop(probe);
    assert_eq!(world.ask("app", 70), 401, "and the next request probes");
}

#[test]
fn a_disabled_client_gets_no_more_time_by_closing_its_connections() {
    // A client that has a record in memory, and one that has none.
    for who in ["app", "stranger"] {
        let world = World::new(&[]);
        assert_eq!(world.ask("app", 0), 200);
        world.fail(Fault::Hangs);
        assert_eq!(world.ask("app", 60), 200);
        world.fail(Fault::None);
        world.put("app", |record| record.disabled = true);
        // The store works again. Each second, one more request is pending, and is dropped a second later.
        let mut under_way = None;
        let tokens = (61..600).filter(|at| {
            let dropped = under_way.replace((*at >= 70).then(|| world.begin(who, *at)));
            let status = world.ask("app", *at);
            drop(dropped);
            status == 200
        });
        let tokens = tokens.count();
        assert!(tokens <= 12, "the time of a time-out and of one probe, not {tokens} seconds");
    }
}

#[test]
fn whether_a_token_is_active_is_never_guessed() {
    let world = World::new(&[]);
    let token = world.answer("/token", "app", "", 0).1["access_token"].as_str().unwrap().to_owned();
    let introspect = |at| world.answer("/token/introspect", "app", &format!("&token={token}"), at);
    assert_eq!(introspect(1).1["active"], true);
    world.store.revocations_fault.set(Fault::Hangs);
    assert_eq!(introspect(2).0, 503, "whether it was revoked is not known");
    world.store.revocations_fault.set(Fault::None);
    world.fail(Fault::Throws);
    let (status, body, _) = introspect(60);
    assert_eq!(status, 503, "whether its client is still enabled is not known: {body}");
    world.fail(Fault::None);
    assert_eq!(introspect(61).1["active"], true);
}
