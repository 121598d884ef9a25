//! The Worker while its isolate computes: answers of KV that arrive meanwhile do not count as timed out.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and has no host that gives it the time"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use edgemint_e2e::{Bare, RemoteKv, note, send};
use edgemint_issuer::{ClientId, ClientRecord, SecretHash, StoredSecret};
use edgemint_testkit::signing_key;

/// The number of simultaneous requests, and of slow hashes for each of them: more than two seconds of computation on
/// any machine.
const REQUESTS: usize = 100;
const HASHES: usize = 4;

/// A client with imported secrets, none of which is `wrong`.
fn slow_client(id: &str) -> ClientRecord {
    let mut record = ClientRecord::new(ClientId::parse(id).unwrap(), "Slow");
    for i in 0..HASHES {
        let hash = SecretHash::Pbkdf2 { iterations: 100_000, salt: vec![7; 16], derived: [7; 32] };
        record.secrets.push(StoredSecret { id: format!("s{i}"), created: 0, expires: None, hash });
    }
    record
}

#[test]
fn a_store_that_has_answered_is_not_said_to_hang_because_the_isolate_was_busy() {
    let key = signing_key("ES256", &[]);
    let vars = [
        ("ISSUER", "https://tokens.example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
        ("CLIENT_CACHE", "0"),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    // One client per request, so that no record is in memory and each request must read its own.
    let clients = (0..REQUESTS).map(|i| slow_client(&format!("slow-{i}")));
    let records = clients.map(|client| (client.id.kv_key(), client.to_json())).collect();
    let kv = RemoteKv::start(records, Duration::from_millis(30));
    let bare = Bare::start_over_kv(&vars, kv.port());
    let (url, all) = (format!("{}/token", bare.url()), Arc::new(Barrier::new(REQUESTS)));
    let begun = Instant::now();
    let requests: Vec<_> = (0..REQUESTS)
        .map(|i| {
            let (url, all) = (url.clone(), Arc::clone(&all));
            thread::spawn(move || {
                let form = format!("grant_type=client_credentials&client_id=slow-{i}&client_secret=wrong");
                let headers = [("content-type", "application/x-www-form-urlencoded")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()));
                all.wait();
                send("POST", &url, &headers.into(), form.into()).status
            })
        })
        .collect();
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for request in requests {
        *statuses.entry(request.join().unwrap()).or_default() += 1;
    }
    let took = begun.elapsed();
    note(&format!("{REQUESTS} requests with {HASHES} slow hashes each took {took:.1?}: {statuses:?}"));
    assert_eq!(kv.reads() as usize, REQUESTS, "each request read KV and got an answer");
    assert!(took > Duration::from_millis(2500), "the isolate was not busy for long enough: {took:?}");
    assert_eq!(statuses, BTreeMap::from([(401, REQUESTS)]), "{}", bare.log().join("\n"));
}
