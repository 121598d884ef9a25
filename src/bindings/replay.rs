//! The memory of used assertions: a Durable Object, bound as `REPLAY`. The class is in entry.js.

use edgemint_issuer::ports::Replay;
use edgemint_issuer::{SingleUse, Unavailable};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::bindings::bound;
use crate::patience;
use crate::steps::{Settled, settled};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn first_use(namespace: &JsValue, part: &str, key: &str, until: f64, milliseconds: u32) -> Promise;
}

/// The binding `REPLAY`, if there is one.
pub(crate) struct SharedReplay(Option<JsValue>);

impl SharedReplay {
    pub(crate) fn new(env: &Env) -> Self {
        Self(bound(env, "REPLAY", "idFromName"))
    }
}

impl Replay for SharedReplay {
    async fn first_use(&self, used: &SingleUse) -> Result<bool, Unavailable> {
        let Some(namespace) = &self.0 else { return Ok(true) };
        let key: String = used.key.iter().map(|byte| format!("{byte:02x}")).collect();
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in an f64")]
        let until = used.until as f64;
        match settled(first_use(namespace, &used.part, &key, until, patience::REPLAY)).await {
            Ok(Settled::Value(is_first)) if !is_first.is_undefined() => Ok(is_first.is_truthy()),
            Ok(_) => Err(Unavailable::timed_out("REPLAY did not answer")),
            Err(why) => Err(Unavailable::new(format!("REPLAY failed: {why}"))),
        }
    }

    fn is_shared(&self) -> bool {
        self.0.is_some()
    }
}
