//! Caching of clients and APIs: which records, and for how long.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use edgemint_issuer::ports::{
    ApiStore, ClientStore, LocationCache, RevocationStore, Signer, SlowHash, Verifier,
};
use edgemint_issuer::{
    ApiId, ApiRecord, ApiScope, Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret, Moment,
    Request, ScopeToken, SecretHash, SigningKey, StoredSecret, Unavailable,
};
use edgemint_testkit::{Location, NOW, RANDOM, TestCrypto, signing_key};

/// A store and a slow hash that count the calls.
#[derive(Default, Clone)]
struct Counting {
    record: Rc<RefCell<Option<String>>>,
    reads: Rc<Cell<u32>>,
    api: Rc<RefCell<Option<String>>>,
    api_reads: Rc<Cell<u32>>,
    apis_down: Rc<Cell<bool>>,
    slow_hashes: Rc<Cell<u32>>,
    location: Option<Location>,
}

edgemint_testkit::store_without_issuers!(Counting);
edgemint_testkit::crypto_without_others!(Counting);

impl ClientStore for Counting {
    async fn find(&self, _: &ClientId) -> Result<Option<String>, Unavailable> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.record.borrow().clone())
    }
}

impl LocationCache for Counting {
    async fn cached(&self, name: &str) -> Option<String> {
        self.location.as_ref()?.cached(name).await
    }

    fn cache(&self, name: &str, text: &str, seconds: u64) {
        if let Some(location) = &self.location {
            location.cache(name, text, seconds);
        }
    }
}

impl ApiStore for Counting {
    async fn find_api(&self, _: &ApiId) -> Result<Option<String>, Unavailable> {
        self.api_reads.set(self.api_reads.get() + 1);
        if self.apis_down.get() { Err(Unavailable::new("down")) } else { Ok(self.api.borrow().clone()) }
    }
}

impl Signer for Counting {
    async fn prepare(&self, key: &SigningKey) -> Result<(), Unavailable> {
        TestCrypto::default().prepare(key).await
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, Unavailable> {
        TestCrypto::default().sign(key, input).await
    }
}

impl RevocationStore for Counting {
    async fn is_revoked(&self, _: &str) -> Result<bool, Unavailable> {
        Ok(false)
    }

    async fn revoke(&self, _: &str, _: u64) -> Result<(), Unavailable> {
        Ok(())
    }
}

impl Verifier for Counting {
    async fn verify(&self, key: &SigningKey, input: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        TestCrypto::default().verify(key, input, signature).await
    }
}

impl SlowHash for Counting {
    async fn pbkdf2_sha256(
        &self,
        secret: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<[u8; 32], Unavailable> {
        self.slow_hashes.set(self.slow_hashes.get() + 1);
        TestCrypto::default().pbkdf2_sha256(secret, salt, iterations).await
    }
}

struct World {
    outside: Counting,
    authority: Authority<Counting, Counting>,
    record: ClientRecord,
}

impl World {
    /// Without a cache of the location, and with one.
    fn both(cache: &str, hash: &SecretHash) -> [Self; 2] {
        [None, Some(Location::default())].map(|location| Self::at(location, cache, hash.clone()))
    }

    fn new(cache: &str, hash: SecretHash) -> Self {
        Self::at(None, cache, hash)
    }

    fn at(location: Option<Location>, cache: &str, hash: SecretHash) -> Self {
        let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
        record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash });
        let outside = Counting { location, ..Counting::default() };
        *outside.record.borrow_mut() = Some(record.to_json());
        let key = signing_key("EdDSA", &[]);
        let grant = ("GRANT_TYPES", "client_credentials");
        let variables =
            [("ISSUER", "https://example.com"), grant, ("SIGNING_KEY_A", &key), ("CLIENT_CACHE", cache)];
        let config = Config::parse(variables).unwrap();
        Self { authority: Authority::new(config, outside.clone(), outside.clone(), [0; 32]), outside, record }
    }

    fn ask(&self, secret: &str, at: u64) -> u16 {
        self.ask_for(secret, "", at)
    }

    fn ask_for(&self, secret: &str, more: &str, at: u64) -> u16 {
        let body = format!("grant_type=client_credentials&client_id=app&client_secret={secret}{more}");
        let request = Request {
            method: "POST",
            path: "/token",
            content_type: Some("application/x-www-form-urlencoded"),
            body: Body::Whole(body.as_bytes()),
            ..Request::default()
        };
        let moment = Moment { now: NOW + at, random: RANDOM };
        pollster::block_on(self.authority.handle(&request, &moment)).response.status
    }

    fn store(&self, change: impl FnOnce(&mut ClientRecord)) {
        let mut record = self.record.clone();
        change(&mut record);
        *self.outside.record.borrow_mut() = Some(record.to_json());
    }
}

fn generated() -> (String, SecretHash) {
    let secret = GeneratedSecret::from_random(&[9; 32]);
    (secret.expose().to_owned(), secret.hash())
}

fn imported() -> (String, SecretHash) {
    let (salt, iterations) = (vec![1; 16], 1000);
    let derived = TestCrypto::default();
    let derived = pollster::block_on(derived.pbkdf2_sha256(b"chosen", &salt, iterations)).unwrap();
    ("chosen".to_owned(), SecretHash::Pbkdf2 { iterations, salt, derived })
}

#[test]
fn a_record_is_read_once_in_the_cache_time_and_a_disable_is_seen_after_it() {
    let (secret, hash) = generated();
    for world in World::both("60s", &hash) {
        assert_eq!((world.ask(&secret, 0), world.ask(&secret, 59)), (200, 200));
        assert_eq!(world.outside.reads.get(), 1);
        world.store(|record| record.disabled = true);
        assert_eq!((world.ask(&secret, 59), world.ask(&secret, 60)), (200, 401));
        assert_eq!(world.outside.reads.get(), 2);
    }
}

#[test]
fn with_a_cache_of_zero_every_request_reads() {
    let (secret, hash) = generated();
    for world in World::both("0", &hash) {
        assert_eq!((world.ask(&secret, 0), world.ask(&secret, 0)), (200, 200));
        world.store(|record| record.disabled = true);
        assert_eq!(world.ask(&secret, 0), 401);
        assert_eq!(world.outside.reads.get(), 3);
        let location = world.outside.location.as_ref();
        assert!(location.is_none_or(|location| (location.lookups(), location.puts()) == (0, 0)));
    }
}

#[test]
fn a_client_that_is_not_there_is_looked_for_each_time_and_found_when_it_comes() {
    let (secret, hash) = generated();
    for world in World::both("60s", &hash) {
        *world.outside.record.borrow_mut() = None;
        assert_eq!((world.ask(&secret, 0), world.ask(&secret, 1)), (401, 401));
        world.store(|_| {});
        assert_eq!((world.ask(&secret, 2), world.outside.reads.get()), (200, 3));
    }
}

#[test]
fn a_slow_hash_is_paid_once_in_the_cache_time_for_a_right_secret_and_always_for_a_wrong_one() {
    let (secret, hash) = imported();
    let world = World::new("60s", hash);
    assert_eq!((world.ask(&secret, 0), world.ask(&secret, 59)), (200, 200));
    assert_eq!(world.outside.slow_hashes.get(), 1);
    assert_eq!((world.ask("wrong", 1), world.ask("wrong", 2)), (401, 401));
    assert_eq!(world.outside.slow_hashes.get(), 3);
    assert_eq!((world.ask(&secret, 60), world.outside.slow_hashes.get()), (200, 4));
}

#[test]
fn a_success_is_remembered_for_the_very_hash_that_matched() {
    let (secret, hash) = imported();
    let world = World::new("60s", hash);
    assert_eq!(world.ask(&secret, 0), 200);
    let other = SecretHash::Pbkdf2 { iterations: 1000, salt: vec![1; 16], derived: [0; 32] };
    world.store(|record| record.secrets[0].hash = other);
    assert_eq!(world.ask(&secret, 60), 401, "the record has another secret now");
}

#[test]
fn an_empty_secret_costs_no_slow_hash() {
    let (_, hash) = imported();
    let world = World::new("60s", hash);
    assert_eq!((world.ask("", 0), world.outside.slow_hashes.get()), (401, 0));
}

/// An API that the client is granted, and that defines the scope `read`.
const API: &str = "https://api.example/";

fn world_with_an_api(default: bool) -> (World, String) {
    world_at(None, default)
}

fn world_at(location: Option<Location>, default: bool) -> (World, String) {
    let (secret, hash) = generated();
    let world = World::at(location, "60s", hash);
    let (id, read) = (ApiId::parse(API).unwrap(), ScopeToken::parse("read").unwrap());
    world.store(|record| {
        record.grants.insert(id.clone(), vec![read.clone()]);
        record.default_api = default.then(|| id.clone());
    });
    let mut api = ApiRecord::new(id, "API");
    api.scopes.push(ApiScope { name: read, description: String::new() });
    *world.outside.api.borrow_mut() = Some(api.to_json());
    (world, secret)
}

#[test]
fn a_request_without_target_reads_no_api_unless_the_client_has_a_default() {
    let (world, secret) = world_with_an_api(false);
    for more in ["", "&scope=openid", "&resource=&audience=", "&scope=read"] {
        world.ask_for(&secret, more, 0);
    }
    assert_eq!((world.ask(&secret, 0), world.outside.api_reads.get()), (200, 0));
    let (world, secret) = world_with_an_api(true);
    assert_eq!((world.ask(&secret, 0), world.outside.api_reads.get()), (200, 1));
}

#[test]
fn only_an_api_that_the_client_is_granted_is_read() {
    let (world, secret) = world_with_an_api(false);
    assert_eq!(world.ask_for(&secret, "&resource=https://other.example/", 0), 400);
    assert_eq!(world.ask_for(&secret, &format!("&resource={API}&resource=https://other.example/"), 0), 400);
    assert_eq!(world.ask_for("wrong", &format!("&resource={API}"), 0), 401);
    assert_eq!(world.outside.api_reads.get(), 0);
}

#[test]
fn an_api_is_read_once_in_the_cache_time_and_a_change_is_seen_after_it() {
    for location in [None, Some(Location::default())] {
        let (world, secret) = world_at(location, false);
        let ask = |at| world.ask_for(&secret, &format!("&scope=read&resource={API}"), at);
        assert_eq!((ask(0), ask(59), world.outside.api_reads.get()), (200, 200, 1));
        *world.outside.api.borrow_mut() = Some(ApiRecord::new(ApiId::parse(API).unwrap(), "API").to_json());
        assert_eq!((ask(59), ask(60), world.outside.api_reads.get()), (200, 400, 2));
        *world.outside.api.borrow_mut() = None;
        assert_eq!(
            (ask(120), ask(121), world.outside.api_reads.get()),
            (400, 400, 4),
            "a missing record is not cached"
        );
    }
}

#[test]
fn a_store_that_cannot_be_asked_for_an_api_is_not_the_clients_fault() {
    let (world, secret) = world_with_an_api(false);
    world.outside.apis_down.set(true);
    assert_eq!(world.ask_for(&secret, &format!("&resource={API}"), 0), 503);
    assert_eq!(world.ask(&secret, 0), 200);
    world.outside.apis_down.set(false);
    assert_eq!(world.ask_for(&secret, &format!("&resource={API}"), 0), 200, "a failure is not cached");
    world.outside.apis_down.set(true);
    assert_eq!(world.ask_for(&secret, &format!("&resource={API}"), 59), 200, "the cached record is served");
}
