//! Checks wrangler.toml: the Worker must accept the configuration of each environment.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use edgemint_issuer::Config;
use edgemint_testkit::{checkout, signing_key};
use toml::{Table, Value};

fn wrangler_toml() -> Table {
    let path = checkout::root().join("wrangler.toml");
    std::fs::read_to_string(path).expect("wrangler.toml is there").parse().expect("wrangler.toml is TOML")
}

/// The top level, which is for local development, and all named environments.
fn environments(file: &Table) -> Vec<(String, Table)> {
    let named = file["env"].as_table().expect("at least production").iter();
    let named = named.map(|(name, value)| (name.clone(), value.as_table().expect("a table").clone()));
    [("the top level".to_owned(), file.clone())].into_iter().chain(named).collect()
}

#[test]
fn every_environment_is_a_configuration_that_the_worker_takes() {
    let environments = environments(&wrangler_toml());
    assert!(environments.iter().any(|(name, _)| name == "production"));
    for (name, environment) in environments {
        let variables = environment["vars"].as_table().unwrap_or_else(|| panic!("{name} has no vars"));
        let key = signing_key("ES256", &[]);
        let variables =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a string")));
        let config = Config::parse(variables.chain([("SIGNING_KEY_A", key.as_str())]));
        let config = config.unwrap_or_else(|errors| panic!("{name}: {errors}"));
        let is_local = config.issuer().as_str().starts_with("http://");
        assert_eq!(is_local, name == "the top level", "{name}: {}", config.issuer().as_str());
    }
}

#[test]
fn every_environment_binds_the_clients() {
    for (name, environment) in environments(&wrangler_toml()) {
        let namespaces =
            environment["kv_namespaces"].as_array().unwrap_or_else(|| panic!("{name} has no KV"));
        let bound = namespaces.iter().any(|namespace| namespace["binding"] == Value::from("CLIENTS"));
        assert!(bound, "{name} does not bind CLIENTS");
    }
}

#[test]
fn every_environment_brakes_guessing() {
    for (name, environment) in environments(&wrangler_toml()) {
        let limits = environment["ratelimits"].as_array().unwrap_or_else(|| panic!("{name} has no limits"));
        for binding in ["CLIENT_BRAKE", "NETWORK_BRAKE", "PREFIX_BRAKE"] {
            let bound = limits.iter().find(|limit| limit["name"] == Value::from(binding));
            let bound = bound.unwrap_or_else(|| panic!("{name} does not bind {binding}"));
            assert_eq!(bound["simple"]["period"], Value::from(60), "Retry-After assumes 60 s");
        }
    }
}

#[test]
fn every_environment_has_the_replay_memory_and_fetches_only_public_keys() {
    let file = wrangler_toml();
    for (name, environment) in environments(&file) {
        let objects = &environment["durable_objects"]["bindings"];
        let bound = objects.as_array().is_some_and(|all| {
            all.iter().any(|object| {
                object["name"] == Value::from("REPLAY") && object["class_name"] == Value::from("Replay")
            })
        });
        assert!(bound, "{name} does not bind REPLAY");
        let migrations =
            environment["migrations"].as_array().unwrap_or_else(|| panic!("{name} has no migrations"));
        let created = |migration: &Value| migration["new_sqlite_classes"] == Value::from(vec!["Replay"]);
        assert!(migrations.iter().any(created), "{name} does not create the class Replay");
        // An environment inherits the flags of the top level unless it has its own.
        let flags = environment.get("compatibility_flags").unwrap_or(&file["compatibility_flags"]);
        let flags = flags.as_array().expect("a list");
        assert!(flags.contains(&Value::from("global_fetch_strictly_public")), "{name}: {flags:?}");
    }
}

/// Whether the environment binds a dataset for counts under the name that the Worker uses.
fn counts(environment: &Table) -> bool {
    let datasets = environment.get("analytics_engine_datasets").and_then(Value::as_array);
    datasets.is_some_and(|datasets| datasets.iter().all(|set| set["binding"] == Value::from("COUNTS")))
}

#[test]
fn counts_are_there_to_be_switched_on() {
    let file = wrangler_toml();
    assert!(counts(&file), "counts are on locally, so that every test also tests them");
    assert!(!counts(file["env"]["production"].as_table().expect("a table")));
    let path = checkout::root().join("wrangler.toml");
    let text = std::fs::read_to_string(path).expect("wrangler.toml is there");
    let (on, off) =
        text.split_at(text.find("# [[env.production.analytics").expect("they can be switched on"));
    let switched_on: Table = (on.to_owned() + &off.replace("# ", "")).parse().expect("still TOML");
    let production = switched_on["env"]["production"].as_table().expect("a table");
    assert!(counts(production));
    assert!(production["analytics_engine_datasets"][0]["dataset"].as_str().is_some());
}

#[test]
fn no_secret_stands_in_wrangler_toml() {
    for (name, environment) in environments(&wrangler_toml()) {
        let variables = environment["vars"].as_table().expect("vars");
        assert!(
            variables.keys().all(|key| !key.starts_with("SIGNING_KEY")),
            "{name} has a signing key in clear"
        );
    }
}
