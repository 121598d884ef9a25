//! The rate limit on guesses: when it is queried, what it refuses, and which clients it never stops.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use edgemint_issuer::ports::{RateLimit, SlowHash};
use edgemint_issuer::{
    Arrival, Authority, Body, ClientId, ClientRecord, Config, Event, GeneratedSecret, Limit, Moment, Request,
    SecretHash, StoredSecret, Unavailable,
};
use edgemint_testkit::{MemoryClients, NOW, RANDOM, TestCrypto, logged, signing_key};

/// Allows three for a client and network, six for a network, and twelve for a /48.
#[derive(Default, Clone)]
struct Counting {
    counted: Rc<RefCell<HashMap<String, u32>>>,
    asked: Rc<Cell<u32>>,
    broken: Rc<Cell<bool>>,
}

impl RateLimit for Counting {
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable> {
        self.asked.set(self.asked.get() + 1);
        if self.broken.get() {
            return Err(Unavailable::new("broken"));
        }
        let mut counted = self.counted.borrow_mut();
        let count = counted.entry(format!("{limit:?} {key}")).or_default();
        *count += 1;
        Ok(*count
            <= match limit {
                Limit::ClientAndNetwork | Limit::Revocation => 3,
                Limit::Network => 6,
                Limit::Prefix => 12,
            })
    }
}

struct World {
    rate_limit: Counting,
    authority: Authority<MemoryClients, TestCrypto, Counting>,
    generated: String,
}

const HERE: &str = "203.0.113.9";
const ELSEWHERE: &str = "198.51.100.7";

impl World {
    /// An issuer with a client `fast`, which has a generated secret, and clients `slow` and `slower`, which
    /// have imported ones.
    fn new() -> Self {
        let secret = GeneratedSecret::from_random(&[9; 32]);
        let crypto = TestCrypto::default();
        let derived = pollster::block_on(crypto.pbkdf2_sha256(b"chosen", &[1; 16], 1000)).unwrap();
        let slow = SecretHash::Pbkdf2 { iterations: 1000, salt: vec![1; 16], derived };
        let mut clients = MemoryClients::default();
        for (id, hash) in [("fast", secret.hash()), ("slow", slow.clone()), ("slower", slow)] {
            let mut record = ClientRecord::new(ClientId::parse(id).unwrap(), "");
            record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash });
            clients.add(&record);
        }
        let key = signing_key("EdDSA", &[]);
        let config = Config::parse([
            ("ISSUER", "https://example.com"),
            ("GRANT_TYPES", "client_credentials"),
            ("SIGNING_KEY_A", &key),
        ]);
        let rate_limit = Counting::default();
        let authority = Authority::new(config.unwrap(), clients, TestCrypto::default(), [0; 32]);
        let authority = authority.with_rate_limit(rate_limit.clone());
        Self { rate_limit, authority, generated: secret.expose().to_owned() }
    }

    fn ask_at(&self, path: &str, id: &str, secret: &str, from: &str, at: u64) -> (u16, Option<Event>) {
        let body = format!("grant_type=client_credentials&token=x&client_id={id}&client_secret={secret}");
        let request = Request {
            method: "POST",
            path,
            content_type: Some("application/x-www-form-urlencoded"),
            body: Body::Whole(body.as_bytes()),
            arrival: Arrival { address: Some(from), ..Arrival::default() },
            ..Request::default()
        };
        let moment = Moment { now: NOW + at, random: RANDOM };
        let outcome = pollster::block_on(self.authority.handle(&request, &moment));
        let header =
            |name| outcome.response.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_ref());
        if outcome.response.status == 429 {
            assert_eq!((header("Retry-After"), header("Cache-Control")), (Some("60"), Some("no-store")));
            assert!(outcome.response.body.contains("\"error\":\"temporarily_unavailable\""));
        }
        (outcome.response.status, outcome.event)
    }

    fn ask(&self, id: &str, secret: &str, from: &str) -> u16 {
        self.ask_at("/token", id, secret, from, 0).0
    }
}

#[test]
fn a_wrong_secret_is_refused_more_shortly_after_too_many() {
    for path in ["/token", "/token/introspect", "/token/revoke"] {
        for id in ["fast", "slow", "nobody"] {
            let world = World::new();
            for time in 0..6 {
                let (status, event) = world.ask_at(path, id, "wrong", HERE, 0);
                assert_eq!(status, if time < 3 { 401 } else { 429 }, "{path} {id}, time {time}");
                if time == 5 {
                    let event = logged(event.as_ref());
                    assert_eq!((&event["reason"], &event["client"]), (&"braked_client".into(), &id.into()));
                    assert_eq!((&event["network"], &event["outcome"]), (&HERE.into(), &"refused".into()));
                }
            }
        }
    }
}

#[test]
fn who_tries_many_clients_is_braked_by_network() {
    let world = World::new();
    let tried: Vec<u16> = (0..8).map(|n| world.ask(&format!("guess{n}"), "wrong", HERE)).collect();
    assert_eq!(tried, [401, 401, 401, 401, 401, 401, 429, 429]);
    let (_, event) = world.ask_at("/token", "slow", "chosen", HERE, 0);
    assert_eq!(logged(event.as_ref())["reason"], "braked_network");
    assert_eq!(world.ask("guess", "wrong", ELSEWHERE), 401);
}

#[test]
fn the_networks_of_one_ipv6_48_share_a_limit() {
    let world = World::new();
    let from = |n: u32| format!("2001:db8:1:{n:x}::1");
    let tried: Vec<u16> = (0..14).map(|n| world.ask(&format!("guess{n}"), "wrong", &from(n))).collect();
    assert_eq!(tried[..12], [401; 12]);
    assert_eq!(tried[12..], [429, 429]);
    let (_, event) = world.ask_at("/token", "slow", "chosen", &from(99), 0);
    assert_eq!(logged(event.as_ref())["reason"], "braked_prefix");
    assert_eq!(world.ask("guess", "wrong", "2001:db8:2::1"), 401);
    assert_eq!(world.ask("fast", &world.generated, &from(0)), 200);
}

#[test]
fn the_ipv6_addresses_of_one_customer_are_one_network() {
    let world = World::new();
    let tried: Vec<u16> = (0..5).map(|n| world.ask("slow", "wrong", &format!("2001:db8:1:2::{n}"))).collect();
    assert_eq!(tried, [401, 401, 401, 429, 429]);
    assert_eq!(world.ask("slow", "wrong", "2001:db8:1:3::1"), 401);
}

#[test]
fn a_right_secret_gets_through_from_another_network_and_a_generated_one_from_the_braked_one() {
    let world = World::new();
    for id in ["slow", "fast"] {
        for _ in 0..5 {
            world.ask(id, "wrong", HERE);
        }
        assert_eq!(world.ask(id, "wrong", HERE), 429);
    }
    assert_eq!(world.ask("slow", "chosen", HERE), 429, "the slow hash would be computed for an attacker");
    assert_eq!(world.ask("slow", "chosen", ELSEWHERE), 200);
    assert_eq!(world.ask("slow", "chosen", HERE), 429, "a proof lets no other network past the limit");
    assert_eq!(world.ask("slow", "chosen", ELSEWHERE), 200);
    assert_eq!(world.ask("fast", &world.generated, HERE), 200);
}

#[test]
fn no_slow_hash_is_computed_for_who_is_braked_and_the_limiter_is_not_asked_each_time() {
    let world = World::new();
    for _ in 0..4 {
        world.ask("slow", "wrong", HERE);
    }
    let asked = world.rate_limit.asked.get();
    for _ in 0..100 {
        assert_eq!(world.ask("slow", "wrong", HERE), 429);
    }
    assert_eq!(world.rate_limit.asked.get(), asked, "remembered");
    world.rate_limit.counted.borrow_mut().clear();
    assert_eq!(world.ask_at("/token", "slow", "wrong", HERE, 9).0, 429);
    assert_eq!(world.ask_at("/token", "slow", "wrong", HERE, 10).0, 401, "the period is over");
}

#[test]
fn nothing_is_counted_for_a_right_secret_that_is_generated_or_proven() {
    let world = World::new();
    for _ in 0..50 {
        assert_eq!(world.ask("fast", &world.generated, HERE), 200);
    }
    assert_eq!(world.rate_limit.asked.get(), 0);
    for _ in 0..50 {
        assert_eq!(world.ask("slow", "chosen", HERE), 200);
    }
    assert_eq!(world.rate_limit.asked.get(), 2, "once for each of the two limits");
}

#[test]
fn a_broken_limiter_brakes_nobody_and_is_logged() {
    let world = World::new();
    world.rate_limit.broken.set(true);
    for _ in 0..50 {
        assert_eq!(world.ask("slow", "wrong", HERE), 401);
    }
    let (status, event) = world.ask_at("/token", "slow", "chosen", HERE, 0);
    assert_eq!(status, 200);
    assert!(event.as_ref().is_some_and(Event::is_failure), "it is for the error log");
    let event = logged(event.as_ref());
    assert_eq!(event["degraded"][0], "the rate limit could not be asked: broken");
    assert_eq!(event["outcome"], "ok");
}

#[test]
fn nobody_is_braked_on_the_machine_itself() {
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        let world = World::new();
        for _ in 0..20 {
            assert_eq!(world.ask("slow", "wrong", address), 401, "{address}");
        }
        assert_eq!(
            (world.ask("slow", "chosen", address), world.rate_limit.asked.get()),
            (200, 0),
            "{address}"
        );
    }
}
