//! The cost of revocations for the store: each token is written once, and the writes of a client are limited.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::cell::Cell;
use std::rc::Rc;

use edgemint_issuer::ports::{ApiStore, ClientStore, RateLimit, RevocationStore};
use edgemint_issuer::{
    ApiId, Arrival, Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret, Limit, Moment, Request,
    StoredSecret, Unavailable,
};
use edgemint_testkit::{MemoryClients, NOW, TestCrypto, logged, signing_key};
use serde_json::Value;

/// Counts the writes. A stale store does not return a revocation yet, as KV for some time.
#[derive(Clone)]
struct Counting {
    inner: MemoryClients,
    writes: Rc<Cell<u32>>,
    stale: bool,
}

edgemint_testkit::store_without_issuers!(Counting);
edgemint_testkit::store_without_location!(Counting);

impl ClientStore for Counting {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        self.inner.find(id).await
    }
}

impl ApiStore for Counting {
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
        self.inner.find_api(id).await
    }
}

impl RevocationStore for Counting {
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        if self.stale { Ok(false) } else { self.inner.is_revoked(jti).await }
    }

    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable> {
        self.writes.set(self.writes.get() + 1);
        self.inner.revoke(jti, until).await
    }
}

/// Allows three revocations of a client.
#[derive(Default)]
struct Three(Cell<u32>);

impl RateLimit for Three {
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable> {
        assert_eq!((limit, key), (Limit::Revocation, "app"), "nothing else is counted");
        self.0.set(self.0.get() + 1);
        Ok(self.0.get() <= 3)
    }
}

struct World {
    writes: Rc<Cell<u32>>,
    authority: Authority<Counting, TestCrypto, Three>,
}

impl World {
    fn new(stale: bool) -> Self {
        let mut inner = MemoryClients::default();
        let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
        let hash = GeneratedSecret::from_random(&[9; 32]).hash();
        record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash });
        inner.add(&record);
        let writes = Rc::default();
        let store = Counting { inner, writes: Rc::clone(&writes), stale };
        let key = signing_key("EdDSA", &[]);
        let variables = [
            ("ISSUER", "https://example.com"),
            ("GRANT_TYPES", "client_credentials"),
            ("SIGNING_KEY_A", &key),
        ];
        let config = Config::parse(variables).unwrap();
        let authority = Authority::new(config, store, TestCrypto::default(), [0; 32]);
        Self { writes, authority: authority.with_rate_limit(Three::default()) }
    }

    fn post(&self, path: &str, form: &str, random: u8, address: &str) -> (u16, Value, Value) {
        let secret = GeneratedSecret::from_random(&[9; 32]);
        let body = format!("client_id=app&client_secret={}&{form}", secret.expose());
        let request = Request {
            method: "POST",
            path,
            content_type: Some("application/x-www-form-urlencoded"),
            body: Body::Whole(body.as_bytes()),
            arrival: Arrival { address: Some(address), ..Arrival::default() },
            ..Request::default()
        };
        let moment = Moment { now: NOW, random: [random; 64] };
        let outcome = pollster::block_on(self.authority.handle(&request, &moment));
        let body = serde_json::from_str(&outcome.response.body).unwrap_or_default();
        (outcome.response.status, body, logged(outcome.event.as_ref()))
    }

    fn token(&self, random: u8) -> String {
        let (_, body, _) = self.post("/token", "grant_type=client_credentials", random, "203.0.113.9");
        body["access_token"].as_str().unwrap().to_owned()
    }

    fn revoke(&self, token: &str, address: &str) -> (u16, Value) {
        let (status, _, event) = self.post("/token/revoke", &format!("token={token}"), 0, address);
        (status, event)
    }
}

#[test]
fn a_token_that_is_revoked_again_is_not_written_again() {
    // A stale store returns that the token is not revoked yet, but this instance has cached the revocation.
    for stale in [false, true] {
        let world = World::new(stale);
        let token = world.token(1);
        for _ in 0..9 {
            let (status, event) = world.revoke(&token, "203.0.113.9");
            assert_eq!((status, &event["event"]), (200, &"token.revoked".into()));
        }
        assert_eq!(world.writes.get(), 1);
    }
}

#[test]
fn the_revocations_of_a_client_are_limited_from_whichever_networks() {
    let world = World::new(false);
    let addresses = ["203.0.113.9", "198.51.100.7", "2001:db8::1", "192.0.2.1", "192.0.2.2"];
    for (n, address) in addresses.into_iter().enumerate() {
        let (status, event) = world.revoke(&world.token(n as u8 + 1), address);
        if n < 3 {
            assert_eq!(status, 200, "{address}");
        } else {
            assert_eq!((status, &event["reason"]), (429, &"braked_revocation".into()), "{address}");
        }
    }
    assert_eq!(world.writes.get(), 3);
}

#[test]
fn a_token_that_is_revoked_already_costs_no_room_below_the_limit() {
    let world = World::new(false);
    let token = world.token(1);
    for _ in 0..9 {
        assert_eq!(world.revoke(&token, "203.0.113.9").0, 200);
    }
    assert_eq!(world.revoke(&world.token(2), "203.0.113.9").0, 200);
}
