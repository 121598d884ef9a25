//! The vectors over HTTP: the same cases in workerd, with KV and `crypto.subtle`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use edgemint_e2e::{State, get_json, now, send, serve};
use edgemint_testkit::{Clock, Vector};
use xtask::Variant;

const ISSUER: &str = "http://127.0.0.1:8787";

/// The vectors that can run in the real runtime, grouped by deployment. Each deployment has its own server.
fn deployments() -> BTreeMap<BTreeMap<String, String>, Vec<Vector>> {
    let now = now();
    let mut deployments: BTreeMap<_, Vec<Vector>> = BTreeMap::new();
    for vector in Vector::all_in_both_profiles().into_iter().filter(|vector| !vector.is_native_only()) {
        deployments.entry(vector.variables(ISSUER, now)).or_default().push(vector);
    }
    deployments
}

/// The number of servers that run at once. Starting one is mostly waiting.
const SERVERS: usize = 3;

#[test]
fn every_vector_holds_in_workerd() {
    let (replayed, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let deployments = Mutex::new(deployments());
    let work = || {
        loop {
            let next = deployments.lock().unwrap().pop_first();
            let Some((variables, vectors)) = next else { return };
            let failed = replay(&variables, &vectors, &replayed);
            failures.lock().unwrap().extend(failed);
        }
    };
    thread::scope(|scope| (0..SERVERS).for_each(|_| drop(scope.spawn(work))));
    let (replayed, failures) = (replayed.into_inner(), failures.into_inner().unwrap());
    println_count(replayed);
    assert!(replayed >= 2 * 60, "only {replayed} vectors were replayed");
    assert!(
        failures.is_empty(),
        "{} vectors do not hold in workerd:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The failures among the vectors of one deployment. `replayed` counts the vectors.
fn replay(variables: &BTreeMap<String, String>, vectors: &[Vector], replayed: &AtomicUsize) -> Vec<String> {
    let mut failures = Vec::new();
    let state = State::seeded();
    let server = serve(&state, variables, Variant::Release);
    let jwks = get_json(&format!("{}/keys", server.endpoints()));
    for vector in vectors {
        // The vector's token, if any, is created just before the request.
        let vector = vector.at(ISSUER, now());
        let url = server.base_url() + vector.path();
        // Each vector uses its own network, because together they fail far more often than the rate limit allows.
        let mut headers = vector.headers();
        let network = format!("2001:db8:0:{:x}::1", replayed.fetch_add(1, Ordering::Relaxed));
        headers.entry("cf-connecting-ip".into()).or_insert(network);
        let answer = send(vector.method(), &url, &headers, vector.body());
        let by_header = vector.headers().contains_key("authorization");
        if let Err(failure) = vector.expected.check(&answer, vector.path(), by_header, &jwks, Clock::Real) {
            failures.push(format!("{}: {failure}", vector.name));
        }
    }
    for vector in vectors.iter().filter(|vector| !vector.event.is_empty()) {
        for (name, value) in &vector.event {
            let member = format!("\"{name}\":{value}");
            if !server.log_comes_to_contain(&member) {
                failures.push(format!("{}: the log does not have {member}", vector.name));
            }
        }
    }
    let log = server.log().join("\n");
    for secret in ["ems_", "ZXhhbXBsZS1hcHAtc2VjcmV0", "50%off", "$sha256$", "$pbkdf2", "eyJhbGciOi"] {
        assert!(!log.contains(secret), "the log contains {secret}:\n{log}");
    }
    failures
}

#[expect(clippy::print_stdout, reason = "the test's output shows the count")]
fn println_count(replayed: usize) {
    println!("{replayed} vectors replayed in workerd");
}
