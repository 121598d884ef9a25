//! Events as rows in a dataset of Analytics Engine, if one is bound as `COUNTS`.

use std::cell::{OnceCell, RefCell};

use edgemint_issuer::{Count, Counted, Event, Tally};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::bindings::bound;

/// The binding of the dataset.
pub(crate) const COUNTS: &str = "COUNTS";

/// The most rows of counted tokens that one request writes. Cloudflare accepts 250 rows from one request, and a request
/// should not wait for many.
const PER_REQUEST: usize = 20;

/// The most rows that are written after a time without requests.
const PER_PAUSE: usize = 200;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn write_point(dataset: &JsValue, point: &str) -> Result<(), JsValue>;
    fn log_error(line: &str);
}

thread_local! {
    /// The dataset of this isolate, if one is bound.
    static DATASET: OnceCell<Option<JsValue>> = const { OnceCell::new() };
    /// The issued tokens that are counted and not written yet.
    static TALLY: RefCell<Tally> = RefCell::default();
}

/// Looks up the dataset, once per isolate.
pub(crate) fn bind(env: &Env) {
    DATASET.with(|cell| cell.get_or_init(|| bound(env, COUNTS, "writeDataPoint")).is_some());
}

/// Whether a dataset is bound.
pub(crate) fn is_bound() -> bool {
    DATASET.with(|cell| cell.get().is_some_and(Option::is_some))
}

/// A row in the format of Analytics Engine. `doubles`: the number of events, the number of failures that the request
/// survived, and the time of the (first) event.
#[derive(Serialize)]
struct Point<'a, T> {
    indexes: [&'a str; 1],
    blobs: T,
    doubles: [u64; 3],
}

/// Adds the row of `event`. The runtime sends it later, so no request waits for that or fails because of it.
/// If the row is not accepted, the event's line lists that.
pub(crate) fn write(event: &mut Event) {
    if let Err(why) = to_dataset(|dataset| hand_over(dataset, &event.count())) {
        event.goes_on_without(why);
    }
}

/// Counts `event` if it is an issued token and nothing failed. Otherwise the event needs a line.
pub(crate) fn count(event: &Event) -> bool {
    TALLY.with_borrow_mut(|tally| tally.count(event))
}

/// Writes rows of counted tokens that are due at `now` (seconds since 1970).
pub(crate) fn write_due(now: u64) {
    write_rows(PER_REQUEST, |tally| tally.due(now));
}

/// Writes rows of counted tokens, due or not, because no further request may come.
pub(crate) fn write_early() {
    write_rows(PER_PAUSE, Tally::oldest);
}

/// Writes up to `most` rows that `next` takes out. A row that is not accepted becomes a line.
fn write_rows(most: usize, next: impl Fn(&mut Tally) -> Option<Counted>) {
    for _ in 0..most {
        let Some(counted) = TALLY.with_borrow_mut(&next) else { break };
        if let Err(why) = to_dataset(|dataset| hand_over(dataset, &counted.row)) {
            log_error(&counted.line(&why));
        }
    }
}

/// Adds a row for a request at `now` that met a configuration with errors. Ignores failures, because the request's
/// line is an error in any case.
pub(crate) fn write_misconfigured(now: u64) {
    let event = "config.invalid";
    let point = Point { indexes: [event], blobs: [event, "failed"], doubles: [1, 0, now] };
    let _ = to_dataset(|dataset| hand_over_point(dataset, &point));
}

/// Calls `write` with the dataset. Where none is bound, this only costs the look at a variable.
fn to_dataset(write: impl FnOnce(&JsValue) -> Result<(), String>) -> Result<(), String> {
    DATASET.with(|cell| match cell.get() {
        Some(Some(dataset)) => write(dataset),
        Some(None) | None => Ok(()),
    })
}

fn hand_over(dataset: &JsValue, count: &Count<'_>) -> Result<(), String> {
    let blobs = count.texts.each_ref().map(AsRef::as_ref);
    let degraded = u64::try_from(count.degraded).unwrap_or(u64::MAX);
    let doubles = [count.times, degraded, count.time];
    hand_over_point(dataset, &Point { indexes: [&count.group], blobs, doubles })
}

fn hand_over_point(dataset: &JsValue, point: &impl Serialize) -> Result<(), String> {
    let point = serde_json::to_string(point).map_err(|why| format!("{COUNTS} took no row: {why}"))?;
    write_point(dataset, &point).map_err(|_| format!("{COUNTS} took no row"))
}
