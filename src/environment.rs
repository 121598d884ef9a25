//! The issuer of an isolate: built once from the bindings.

use std::collections::BTreeMap;

use edgemint_issuer::ports::Replay;
use edgemint_issuer::{Authority, Config, ConfigErrors};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::Env;

use crate::bindings::analytics::{self, COUNTS};
use crate::bindings::bound;
use crate::bindings::kv::KvClients;
use crate::bindings::rate_limits::RateLimits;
use crate::bindings::replay::SharedReplay;
use crate::bindings::web_crypto::WebCrypto;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn variables(env: &Env) -> String;
}

/// The issuer of this isolate.
pub(crate) type EdgeAuthority = Authority<KvClients, WebCrypto, RateLimits, SharedReplay>;

/// Makes the issuer, or returns all errors of the deployment, one sentence each.
pub(crate) fn authority(env: &Env) -> Result<EdgeAuthority, Vec<String>> {
    let variables: BTreeMap<String, String> = serde_json::from_str(&variables(env)).unwrap_or_default();
    let config = Config::parse(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let namespace = bound(env, "CLIENTS", "get")
        .ok_or_else(|| "CLIENTS is missing: bind a KV namespace under this name".to_owned());
    match (config, namespace) {
        (Ok(config), Ok(_)) if config.needs_replay() && !SharedReplay::new(env).is_shared() => Err(vec![
            "REPLAY is missing: FAPI=on needs this Durable Object, so that no assertion is used twice"
                .to_owned(),
        ]),
        (Ok(config), Ok(_)) if config.counts_issued() && !analytics::is_bound() => Err(vec![format!(
            "{COUNTS} is missing: LOG_ISSUED=counted needs this dataset of Analytics Engine, because issued tokens \
             have no line in the log"
        )]),
        (Ok(config), Ok(namespace)) => {
            let isolate_key = crate::random::isolate_key().map_err(|why| vec![why])?;
            let clients = KvClients::new(namespace, &config);
            let authority = Authority::new(config, clients, WebCrypto::default(), isolate_key);
            Ok(authority.with_rate_limit(RateLimits::new(env)).with_replay(SharedReplay::new(env)))
        }
        (config, namespace) => {
            let errors = config.as_ref().err().map(ConfigErrors::all).unwrap_or_default();
            let errors = errors.iter().map(|error| format!("{} {}", error.name, error.message));
            Err(errors.chain(namespace.err()).collect())
        }
    }
}
