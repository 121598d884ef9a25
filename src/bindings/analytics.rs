//! Events as rows in a dataset of Analytics Engine, if one is bound as `COUNTS`.

use std::cell::OnceCell;

use edgemint_issuer::Event;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::bindings::bound;

/// The binding of the dataset.
const COUNTS: &str = "COUNTS";

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn write_point(dataset: &JsValue, point: &str) -> Result<(), JsValue>;
}

thread_local! {
    /// The dataset of this isolate, if one is bound.
    static DATASET: OnceCell<Option<JsValue>> = const { OnceCell::new() };
}

/// Looks up the dataset, once per isolate.
pub(crate) fn bind(env: &Env) {
    DATASET.with(|cell| cell.get_or_init(|| bound(env, COUNTS, "writeDataPoint")).is_some());
}

/// A row in the format of Analytics Engine. `doubles`: 1, and the number of failures that the request
/// survived.
#[derive(Serialize)]
struct Point<'a, T> {
    indexes: [&'a str; 1],
    blobs: T,
    doubles: [usize; 2],
}

/// Adds the row of `event`. The runtime sends it later, so no request waits for that or fails because of it.
/// If the row is not accepted, the event's line lists that.
pub(crate) fn write(event: &mut Event) {
    let taken = to_dataset(|dataset| {
        let count = event.count();
        let blobs = count.texts.each_ref().map(AsRef::as_ref);
        let point = Point { indexes: [&count.group], blobs, doubles: [1, count.degraded] };
        hand_over(dataset, &point)
    });
    if let Err(why) = taken {
        event.goes_on_without(why);
    }
}

/// Adds a row for a request that met a configuration with errors. Ignores failures, because the request's
/// line is an error in any case.
pub(crate) fn write_misconfigured() {
    let event = "config.invalid";
    let point = Point { indexes: [event], blobs: [event, "failed"], doubles: [1, 0] };
    let _ = to_dataset(|dataset| hand_over(dataset, &point));
}

/// Calls `write` with the dataset. Where none is bound, this only costs the look at a variable.
fn to_dataset(write: impl FnOnce(&JsValue) -> Result<(), String>) -> Result<(), String> {
    DATASET.with(|cell| match cell.get() {
        Some(Some(dataset)) => write(dataset),
        Some(None) | None => Ok(()),
    })
}

fn hand_over(dataset: &JsValue, point: &impl Serialize) -> Result<(), String> {
    let point = serde_json::to_string(point).map_err(|why| format!("{COUNTS} took no row: {why}"))?;
    write_point(dataset, &point).map_err(|_| format!("{COUNTS} took no row"))
}
