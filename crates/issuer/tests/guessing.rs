//! What an attacker learns by guessing imported secrets: nothing above the rate limit, and little below it,
//! at a bounded cost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgemint_issuer::ports::{RateLimit, Signer, SlowHash, Verifier};
use edgemint_issuer::{
    Arrival, Authority, Body, ClientId, ClientRecord, Config, Limit, Moment, Request, SecretHash, SigningKey,
    StoredSecret, Unavailable,
};
use edgemint_testkit::{MemoryClients, NOW, RANDOM, TestCrypto, logged, signing_key};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// The limiter's window, in seconds.
const WINDOW: u64 = 60;

/// The times at which each key was counted.
type Counted = HashMap<(Limit, String), Vec<u64>>;

/// Counts exactly within [`WINDOW`]. Allows two for a client and network, five for a network, and nine for a
/// /48.
#[derive(Default, Clone)]
struct Sliding {
    now: Rc<Cell<u64>>,
    counted: Rc<RefCell<Counted>>,
}

edgemint_testkit::crypto_without_others!(HashesOnly);

impl RateLimit for Sliding {
    async fn allow(&self, limit: Limit, key: &str) -> Result<bool, Unavailable> {
        let now = self.now.get();
        let mut counted = self.counted.borrow_mut();
        let times = counted.entry((limit, key.to_owned())).or_default();
        times.retain(|time| now < time + WINDOW);
        let most = match limit {
            Limit::ClientAndNetwork | Limit::Revocation => 2,
            Limit::Network => 5,
            Limit::Prefix => 9,
        };
        let room = times.len() < most;
        if room {
            times.push(now);
        }
        Ok(room)
    }
}

/// Computes slow hashes. These tests do not look at signatures.
#[derive(Default, Clone)]
struct HashesOnly(TestCrypto);

impl SlowHash for HashesOnly {
    async fn pbkdf2_sha256(&self, secret: &[u8], salt: &[u8], n: u32) -> Result<[u8; 32], Unavailable> {
        self.0.pbkdf2_sha256(secret, salt, n).await
    }
}

impl Signer for HashesOnly {
    async fn prepare(&self, _: &SigningKey) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn sign(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(vec![0; 64])
    }
}

impl Verifier for HashesOnly {
    async fn verify(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Unavailable> {
        Ok(false)
    }
}

fn imported(id: &str, secret: &[u8], expires: Option<u64>) -> StoredSecret {
    let crypto = TestCrypto::default();
    let derived = pollster::block_on(crypto.pbkdf2_sha256(secret, &[1; 16], 1)).unwrap();
    let hash = SecretHash::Pbkdf2 { iterations: 1, salt: vec![1; 16], derived };
    StoredSecret { id: id.into(), created: 0, expires, hash }
}

fn client(id: &str, secrets: Vec<StoredSecret>) -> ClientRecord {
    let mut record = ClientRecord::new(ClientId::parse(id).unwrap(), "");
    record.secrets = secrets;
    record
}

struct World {
    limiter: Sliding,
    hashes: Rc<Cell<u32>>,
    authority: Authority<MemoryClients, HashesOnly, Sliding>,
}

/// An answer, with its cost and the information in it.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    hashes: u32,
    reason: Option<String>,
}

impl World {
    fn new(records: &[ClientRecord]) -> Self {
        let mut clients = MemoryClients::default();
        for record in records {
            clients.add(record);
        }
        let key = signing_key("EdDSA", &[]);
        let config = Config::parse([
            ("ISSUER", "https://example.com"),
            ("GRANT_TYPES", "client_credentials"),
            ("SIGNING_KEY_A", &key),
        ]);
        let (limiter, crypto) = (Sliding::default(), HashesOnly::default());
        let hashes = Rc::clone(&crypto.0.slow_hashes);
        let authority =
            Authority::new(config.unwrap(), clients, crypto, [0; 32]).with_rate_limit(limiter.clone());
        Self { limiter, hashes, authority }
    }

    fn ask(&self, authorization: Option<&str>, body: &str, from: &str, at: u64) -> Answer {
        self.limiter.now.set(NOW + at);
        let before = self.hashes.get();
        let request = Request {
            method: "POST",
            path: "/token",
            authorization,
            content_type: Some("application/x-www-form-urlencoded"),
            body: Body::Whole(body.as_bytes()),
            arrival: Arrival { address: Some(from), ..Arrival::default() },
            ..Request::default()
        };
        let moment = Moment { now: NOW + at, random: RANDOM };
        let outcome = pollster::block_on(self.authority.handle(&request, &moment));
        let event = logged(outcome.event.as_ref());
        Answer {
            status: outcome.response.status,
            headers: outcome.response.headers.iter().map(|(n, v)| ((*n).into(), v.to_string())).collect(),
            body: outcome.response.body.into_owned(),
            hashes: self.hashes.get() - before,
            reason: event["reason"].as_str().map(str::to_owned),
        }
    }

    fn post(&self, id: &str, secret: &str, from: &str, at: u64) -> Answer {
        let form = form_urlencoded::Serializer::new(String::from("grant_type=client_credentials"))
            .append_pair("client_id", id)
            .append_pair("client_secret", secret)
            .finish();
        self.ask(None, &form, from, at)
    }

    fn basic(&self, id: &str, secret: &str) -> Answer {
        let header = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        self.ask(Some(&header), "grant_type=client_credentials", HERE, 0)
    }
}

/// The limits refuse nothing on this machine.
const HERE: &str = "127.0.0.1";

const NETWORKS: [&str; 4] = ["203.0.113.9", "198.51.100.7", "2001:db8:1:2::3", "2001:db8:1:4::5"];
const CLIENTS: [&str; 3] = ["a", "b", "c"];

/// One attempt: the network, the client, whether the secret is right, and the seconds since the last attempt.
type Step = (usize, usize, bool, u64);

fn run(world: &World, steps: &[Step]) -> Vec<(u64, Answer)> {
    let mut at = 0;
    let each = steps.iter().map(|&(network, client, is_right, later)| {
        at += later;
        let secret = if is_right { "chosen" } else { "wrong" };
        (at, world.post(CLIENTS[client], secret, NETWORKS[network], at))
    });
    each.collect()
}

fn imported_clients() -> World {
    World::new(&CLIENTS.map(|id| client(id, vec![imported("s1", b"chosen", None)])))
}

/// Whether this network failed within the window in a way that counts against the limit of `reason`. A
/// network that did not fail can try one secret, which starts the window.
fn has_failed(steps: &[Step], answers: &[(u64, Answer)], last: Step, reason: &str, at: u64) -> bool {
    let site = |network: usize| if network < 2 { network } else { 2 };
    steps.iter().zip(answers).any(|(&(network, client, ..), (time, answer))| {
        let is_same = match reason {
            "braked_client" => network == last.0 && client == last.1,
            "braked_network" => network == last.0,
            _ => site(network) == site(last.0),
        };
        is_same && at < time + WINDOW && (answer.status == 401 || answer.reason.as_deref() == Some(reason))
    })
}

/// The number of generated pasts that ended in an attempt over a limit.
static APPLICABLE: AtomicU32 = AtomicU32::new(0);

/// Compares two worlds with the same past. The last secret is right in one and wrong in the other.
fn right_and_wrong_are_the_same(past: &[Step], last: (usize, usize, u64)) -> Result<(), TestCaseError> {
    let end = |is_right| {
        let steps: Vec<Step> = past.iter().copied().chain([(last.0, last.1, is_right, last.2)]).collect();
        let mut answers = run(&imported_clients(), &steps);
        let (at, answer) = answers.pop().unwrap();
        (steps, answers, at, answer)
    };
    let (steps, answers, at, wrong) = end(false);
    let reason = wrong.reason.clone().unwrap_or_default();
    if wrong.status == 429 && has_failed(past, &answers, steps[past.len()], &reason, at) {
        APPLICABLE.fetch_add(1, Ordering::Relaxed);
        prop_assert_eq!(wrong.hashes, 0, "nothing is computed, so the response time reveals nothing");
        prop_assert_eq!(end(true).3, wrong);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_network_gets_no_more_verdicts_in_a_window_than_the_limit_allows(
        guesses in proptest::collection::vec((0..3_usize, prop::bool::weighted(0.2), 0..9_u64), 1..60),
    ) {
        let world = imported_clients();
        // Each client proves itself first, from a network of its own.
        for id in CLIENTS {
            prop_assert_eq!(world.post(id, "chosen", NETWORKS[1], 0).status, 200);
        }
        let steps: Vec<Step> = guesses.iter().map(|&(client, is_right, later)| (0, client, is_right, later)).collect();
        let answers = run(&world, &steps);
        for (i, (from, _)) in answers.iter().enumerate() {
            let within = answers[i..].iter().take_while(|(at, _)| *at < from + WINDOW);
            let verdicts = within.filter(|(_, answer)| answer.status == 401).count();
            prop_assert!(verdicts <= 5, "the network learned of {verdicts} wrong guesses");
        }
    }
}

#[test]
fn over_the_limit_a_right_and_a_wrong_secret_are_one_and_the_same() {
    let step = (0..4_usize, 0..3_usize, prop::bool::weighted(0.4), 0..12_u64);
    let past = proptest::collection::vec(step, 5..30);
    let last = (0..4_usize, 0..3_usize, 0..12_u64);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let held = runner.run(&(past, last), |(past, last)| right_and_wrong_are_the_same(&past, last));
    held.unwrap_or_else(|error| panic!("{error}"));
    assert!(APPLICABLE.load(Ordering::Relaxed) >= 100, "hardly any past ended over a limit");
}

#[test]
fn a_service_that_is_proven_is_not_counted_while_nothing_fails_in_its_network() {
    let world = imported_clients();
    for n in 0..100 {
        assert_eq!(world.post("a", "chosen", NETWORKS[0], n).status, 200, "{n}");
        world.post("a", "wrong", NETWORKS[1], n);
    }
    assert_eq!(world.post("a", "wrong", NETWORKS[1], 100).status, 429);
}

#[test]
fn no_slow_hash_is_computed_that_could_not_let_the_client_in() {
    let secrets =
        |expires| (0..9).map(|n| imported(&format!("s{n}"), b"chosen", expires)).collect::<Vec<_>>();
    let mut disabled = client("disabled", secrets(None));
    disabled.disabled = true;
    let mut public = client("public", secrets(None));
    public.public = true;
    let expired = client("expired", secrets(Some(NOW)));
    let world = World::new(&[disabled, public, expired]);
    for (id, status) in [("disabled", 401), ("public", 400), ("expired", 401)] {
        for secret in ["chosen", "wrong", "50%25+off"] {
            let (posted, basic) = (world.post(id, secret, HERE, 0), world.basic(id, secret));
            assert_eq!((posted.status, posted.hashes), (status, 0), "{id} {secret}");
            assert_eq!((basic.status, basic.hashes), (status, 0), "{id} {secret}");
        }
    }
}

#[test]
fn a_request_computes_at_most_four_slow_hashes_and_each_counts() {
    for many in [1, 4, 5, 1400] {
        let secrets = (0..many).map(|n| imported(&format!("s{n}"), format!("chosen{n}").as_bytes(), None));
        let world = World::new(&[client("a", secrets.collect())]);
        let answer = world.post("a", "wrong", HERE, 0);
        assert_eq!((answer.status, answer.hashes), (401, many.min(4)), "{many}");
        // The limit is two for a client and network, so the third is refused before it is computed.
        let answer = world.post("a", "wrong", NETWORKS[0], 0);
        assert_eq!(answer.hashes, many.min(2), "{many}");
        assert_eq!(answer.status, if many < 3 { 401 } else { 429 });
    }
}

#[test]
fn the_two_readings_of_basic_share_the_four_hashes() {
    let secrets = (0..9).map(|n| imported(&format!("s{n}"), format!("chosen{n}").as_bytes(), None));
    let world = World::new(&[client("a", secrets.collect())]);
    let header = format!("Basic {}", STANDARD.encode("a:50%25off"));
    let answer = world.ask(Some(&header), "grant_type=client_credentials", HERE, 0);
    assert_eq!((answer.status, answer.hashes), (401, 4));
}

#[test]
fn a_secret_that_was_proven_costs_nothing_whichever_reading_and_secret_it_is() {
    // The decoded reading is a different text and comes first, and so does the other secret.
    let secrets = vec![imported("old", b"other", None), imported("new", b"50%25off", None)];
    let world = World::new(&[client("a", secrets)]);
    let header = format!("Basic {}", STANDARD.encode("a:50%25off"));
    let ask = || world.ask(Some(&header), "grant_type=client_credentials", HERE, 0);
    assert_eq!((ask().status, ask().status), (200, 200));
    assert_eq!(ask().hashes, 0);
}
