//! Any variables, one per line: a configuration or named errors, and no private member in a published key.
use edgemint_issuer::Config;
use edgemint_testkit::NOW;
use serde_json::Value;

pub(crate) fn run(text: &str) {
    match Config::parse(text.lines().filter_map(|line| line.split_once('='))) {
        Ok(config) => {
            let published: Value =
                serde_json::from_str(&config.keys().published(NOW)).expect("a JWKS is JSON");
            for key in published["keys"].as_array().expect("a list of keys") {
                assert!(
                    ["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|private| key.get(private).is_none())
                );
            }
        }
        Err(errors) => assert!(!errors.all().is_empty() && !errors.to_string().is_empty()),
    }
}
