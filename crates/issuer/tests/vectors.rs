//! The vectors, replayed natively. Answers are compared byte for byte, because time and randomness are passed
//! in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use edgemint_issuer::{Authority, Config};
use edgemint_testkit::{
    Answer, Clock, Location, MemoryClients, NOW, TestCrypto, Vector, logged, moment, stored,
};
use serde_json::Value;

const ISSUER: &str = "http://127.0.0.1:8787";

fn authority(vector: &Vector) -> Authority<MemoryClients, TestCrypto> {
    authority_over(vector, stored(vector.store))
}

fn authority_over(vector: &Vector, clients: MemoryClients) -> Authority<MemoryClients, TestCrypto> {
    let variables = vector.variables(ISSUER, NOW);
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let config = Config::parse(variables).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
    Authority::new(config, clients, TestCrypto::default(), [7; 32])
}

/// The keys that this deployment publishes.
fn jwks(vector: &Vector) -> Value {
    let variables = vector.variables(ISSUER, NOW);
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let published = Config::parse(variables).unwrap().keys().published(NOW);
    serde_json::from_str(&published).unwrap()
}

/// The first difference between the answer and the vector.
fn replay(vector: &Vector, authority: &Authority<MemoryClients, TestCrypto>) -> Result<(), String> {
    let vector = &vector.at(ISSUER, NOW);
    let outcome = vector.with_request(|request| pollster::block_on(authority.handle(request, &moment())));
    let headers = outcome.response.headers.iter();
    let answer = Answer {
        status: outcome.response.status,
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_string())).collect(),
        body: outcome.response.body.into_owned(),
    };
    let by_header = vector.headers().contains_key("authorization");
    vector.expected.check(&answer, vector.path(), by_header, &jwks(vector), Clock::Fixed)?;
    let event = logged(outcome.event.as_ref());
    for (name, value) in &vector.event {
        if event[name] != *value {
            return Err(format!("event: {name} is {}, expected {value}", event[name]));
        }
    }
    Ok(())
}

#[test]
fn every_vector_holds() {
    let failures: Vec<String> = Vector::all_in_both_profiles()
        .iter()
        .filter_map(|vector| {
            let failure = replay(vector, &authority(vector)).err()?;
            Some(format!("{}: {failure}", vector.name))
        })
        .collect();
    assert!(failures.is_empty(), "{} vectors do not hold:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_is_remembered_changes_no_answer() {
    for vector in Vector::all_in_both_profiles() {
        let authority = authority(&vector);
        for time in ["first", "second", "third"] {
            replay(&vector, &authority)
                .unwrap_or_else(|failure| panic!("{}, {time}: {failure}", vector.name));
        }
    }
}

/// Each vector at one instance, and then at another one of the same location.
#[test]
fn what_a_location_caches_changes_no_answer() {
    let mut used = 0;
    for vector in Vector::all_in_both_profiles() {
        let location = Location::default();
        for (time, clients) in [("first", stored(vector.store)), ("second", stored(vector.store))]
            .map(|(t, c)| (t, c.at(&location)))
        {
            let before = clients.reads();
            replay(&vector, &authority_over(&vector, clients.clone()))
                .unwrap_or_else(|failure| panic!("{}, {time}: {failure}", vector.name));
            used += u32::from(time == "second" && clients.reads() == before && location.puts() > 0);
        }
    }
    assert!(used > 100, "only {used} vectors were answered from the cache of the location");
}

#[test]
fn no_answer_and_no_event_tells_a_secret() {
    for vector in Vector::all_in_both_profiles() {
        let authority = authority(&vector);
        let vector = vector.at(ISSUER, NOW);
        let outcome = vector.with_request(|request| pollster::block_on(authority.handle(request, &moment())));
        let told = format!("{:?}{:?}", outcome.event, outcome.response.headers);
        let told = if outcome.response.status == 200 { told } else { told + &outcome.response.body };
        for secret in ["ems_", "ZXhhbXBsZS1hcHAtc2VjcmV0", "50%off", "$sha256$", "$pbkdf2", "eyJhbGciOi"] {
            assert!(!told.contains(secret), "{}: {told}", vector.name);
        }
    }
}

#[test]
fn unknown_client_and_wrong_secret_get_the_same_response() {
    let all = Vector::all();
    let response = |name: &str| {
        let vector = all.iter().find(|vector| vector.name == name).unwrap();
        let authority = authority(vector);
        let outcome = vector.with_request(|request| pollster::block_on(authority.handle(request, &moment())));
        (
            outcome.response.status,
            outcome.response.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect::<Vec<_>>(),
            outcome.response.body.into_owned(),
        )
    };
    let unknown = response("dex-unknown-client");
    for name in [
        "dex-wrong-secret",
        "auth-disabled",
        "auth-expired-secret",
        "auth-no-secret-any-secret",
        "auth-empty-secret",
    ] {
        assert_eq!(response(name), unknown, "{name}");
    }
}
