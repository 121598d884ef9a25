//! The event of a replayed vector, for the tests of the log and of the counts.

use edgemint_issuer::{Authority, Config, Event};
use edgemint_testkit::{NOW, TestCrypto, Vector, moment, stored};

const ISSUER: &str = "http://127.0.0.1:8787";

/// The event of `vector`, if it has one.
pub(crate) fn event(vector: &Vector) -> Option<Event> {
    let variables = vector.variables(ISSUER, NOW);
    let config =
        Config::parse(variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))).unwrap();
    let authority = Authority::new(config, stored(vector.store), TestCrypto::default(), [7; 32]);
    let outcome = vector
        .at(ISSUER, NOW)
        .with_request(|request| pollster::block_on(authority.handle(request, &moment())));
    outcome.event
}
