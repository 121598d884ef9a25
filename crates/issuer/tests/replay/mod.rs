//! The event of a replayed vector, for the tests of the log and of the counts.

use edgemint_issuer::{Authority, Config, Event};
use edgemint_testkit::{MemoryClients, NOW, Store, TestCrypto, Vector, apis, cast, misfits, moment};

const ISSUER: &str = "http://127.0.0.1:8787";

/// The event of `vector`, if it has one.
pub(crate) fn event(vector: &Vector) -> Option<Event> {
    let mut clients = MemoryClients::default();
    cast().iter().for_each(|record| clients.add(record));
    apis().iter().for_each(|api| clients.add_api(api));
    misfits().into_iter().for_each(|(key, json)| clients.put(key, json));
    if vector.store == Store::Down {
        clients.go_down();
    }
    let variables = vector.variables(ISSUER, NOW);
    let config =
        Config::parse(variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))).unwrap();
    let authority = Authority::new(config, clients, TestCrypto::default(), [7; 32]);
    let outcome = vector
        .at(ISSUER, NOW)
        .with_request(|request| pollster::block_on(authority.handle(request, &moment())));
    outcome.event
}
