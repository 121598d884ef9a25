//! What happened, as rows in a dataset of Analytics Engine, where one is bound as `COUNTS`.

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

/// Looks for the dataset, once in an isolate.
pub(crate) fn bind(env: &Env) {
    DATASET.with(|cell| cell.get_or_init(|| bound(env, COUNTS, "writeDataPoint")).is_some());
}

/// What Analytics Engine takes. `doubles`: 1, and how much failed beside the request's way.
#[derive(Serialize)]
struct Point<'a, T> {
    indexes: [&'a str; 1],
    blobs: T,
    doubles: [usize; 2],
}

/// Adds the row of `event`. The runtime sends it later, and no request waits for that or fails with it; that it was not
/// taken is said in the event's line.
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

/// Adds a row for a request that met a configuration with errors. Whether it was taken does not matter: its line is an
/// error in any case.
pub(crate) fn write_misconfigured() {
    let event = "config.invalid";
    let point = Point { indexes: [event], blobs: [event, "failed"], doubles: [1, 0] };
    let _ = to_dataset(|dataset| hand_over(dataset, &point));
}

/// Where no dataset is bound, this looks at a variable, and that is all.
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
