//! The public keys of others, fetched from the URLs that an operator registered.

use edgemint_issuer::ports::KeySource;
use edgemint_issuer::{KeySetUrl, Unavailable};
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::bindings::kv::KvClients;
use crate::patience::FETCH;
use crate::steps::{Settled, settled};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn fetch_keys(url: &str, milliseconds: u32) -> Promise;
}

impl KeySource for KvClients {
    async fn fetch_keys(&self, url: &KeySetUrl) -> Result<String, Unavailable> {
        match settled(fetch_keys(url.as_str(), FETCH)).await {
            Ok(Settled::Text(text)) => Ok(text),
            Ok(_) => Err(Unavailable::new("the answer is not a text")),
            Err(why) => Err(Unavailable::new(why)),
        }
    }
}
