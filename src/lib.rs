//! The Worker: hands requests of the Workers runtime to the issuer, and the issuer's answers back.
//!
//! This is the only code that names the runtime. It decides nothing: `edgemint_issuer` decides what is
//! granted or refused, and why. The runtime calls `entry.js`, which calls the exports of this module.

mod bindings;
mod environment;
mod event_log;
mod http;
mod patience;
mod random;
mod steps;
mod waiting;

use std::cell::OnceCell;
use std::rc::Rc;

use edgemint_issuer::{Event, Moment, Response};
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::bindings::analytics;
use crate::environment::EdgeAuthority;
use crate::event_log::Line;
use crate::http::Incoming;
use crate::random::random;
use crate::steps::Settled;

thread_local! {
    /// The issuer of this isolate, or the errors of the configuration. Neither changes before the next
    /// deployment, which starts new isolates.
    static AUTHORITY: OnceCell<Rc<Result<EdgeAuthority, Vec<String>>>> = const { OnceCell::new() };
}

/// Begins the request `id`, in the format of `Incoming`, at `milliseconds` since 1970. Returns the response,
/// or a promise that must settle before the request can go on.
///
/// While too many requests wait, new ones are refused before they query anything. A waiting request was
/// admitted earlier and goes on, so an attacker cannot end the requests of others by sending more. A request
/// that is not a POST carries no credentials and waits only for the import of a key. So metadata and keys are
/// always served.
#[wasm_bindgen]
pub fn begin(id: u32, env: &Env, milliseconds: f64, request: String) -> JsValue {
    console_error_panic_hook::set_once();
    analytics::bind(env);
    let authority =
        AUTHORITY.with(|cell| Rc::clone(cell.get_or_init(|| Rc::new(environment::authority(env)))));
    let now = seconds(milliseconds);
    let (length, has_room) = (request.len(), steps::have_room(now));
    match random() {
        Ok(random) => {
            let moment = Moment { now, random };
            steps::begin(id, now, length, answer(authority, Incoming(request), moment, has_room))
        }
        Err(why) => JsValue::from_str(&why),
    }
}

fn seconds(milliseconds: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since 1970 are positive and fit"
    )]
    let milliseconds = milliseconds as u64;
    milliseconds / 1000
}

/// Resumes the request `id` at `milliseconds` since 1970, after its promise gave bytes.
#[wasm_bindgen]
pub fn resume_bytes(id: u32, milliseconds: f64, bytes: Vec<u8>) -> JsValue {
    steps::resume(id, seconds(milliseconds), Ok(Settled::Bytes(bytes)))
}

/// Same as [`resume_bytes`], for a promise that gave a string.
#[wasm_bindgen]
pub fn resume_text(id: u32, milliseconds: f64, text: String) -> JsValue {
    steps::resume(id, seconds(milliseconds), Ok(Settled::Text(text)))
}

/// Same as [`resume_bytes`], for a promise that gave anything else.
#[wasm_bindgen]
pub fn resume_value(id: u32, milliseconds: f64, value: JsValue) -> JsValue {
    steps::resume(id, seconds(milliseconds), Ok(Settled::Value(value)))
}

/// Same as [`resume_bytes`], for a promise that was rejected with an error of this text.
#[wasm_bindgen]
pub fn resume_failed(id: u32, milliseconds: f64, why: String) -> JsValue {
    steps::resume(id, seconds(milliseconds), Err(why))
}

/// Answers one request.
async fn answer(
    authority: Rc<Result<EdgeAuthority, Vec<String>>>,
    incoming: Incoming,
    moment: Moment,
    has_room: bool,
) -> JsValue {
    let request = incoming.as_request();
    match authority.as_ref() {
        Ok(authority) => {
            #[cfg(feature = "provoke-panic")]
            provoke_panic(request.path);
            let mut outcome = if has_room || request.method != "POST" {
                authority.handle(&request, &moment).await
            } else {
                authority.overloaded(&request, &moment)
            };
            let line = outcome.event.as_mut().and_then(|event| report(event, authority, moment.now));
            http::send(&outcome.response, line.as_ref())
        }
        Err(errors) => {
            let line = event_log::config_errors(errors, moment.now);
            analytics::write_misconfigured(moment.now);
            http::send(&Response::misconfigured(&request.arrival), Some(&line))
        }
    }
}

/// Reports `event` to the dataset, and returns its line, if it has one.
fn report(event: &mut Event, authority: &EdgeAuthority, now: u64) -> Option<Line> {
    if authority.config().counts_issued() {
        analytics::write_due(now);
        if analytics::count(event) {
            return None;
        }
    }
    analytics::write(event);
    Some(event_log::line(event))
}

/// Writes the issued tokens that are counted and not written yet. entry.js calls this when no request has come for a
/// while, because the isolate may end at any time.
#[wasm_bindgen]
pub fn write_counts() {
    analytics::write_early();
}

/// Breaks on purpose, in the test build. `GET /panic` shows the effect of a bug on later requests.
/// `GET /out-of-memory` shows the effect of a bug that takes all memory.
#[cfg(feature = "provoke-panic")]
#[expect(clippy::panic, reason = "this is its job")]
fn provoke_panic(path: &str) {
    match path {
        "/panic" => panic!("provoked"),
        "/out-of-memory" => {
            let mut taken = Vec::new();
            loop {
                taken.push(std::hint::black_box(Vec::<u8>::with_capacity(1 << 28)));
            }
        }
        _ => {}
    }
}
