//! The Worker: hands requests of the Workers runtime to the issuer, and its answers back.
//!
//! The only code that names the runtime. It decides nothing: what is granted or refused, and why, is
//! `edgemint_issuer`'s. What the runtime calls is `entry.js`, which calls what is exported here.

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

use edgemint_issuer::{Moment, Response};
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::bindings::analytics;
use crate::environment::EdgeAuthority;
use crate::http::Incoming;
use crate::random::random;
use crate::steps::Settled;

thread_local! {
    /// The issuer of this isolate, or what is wrong with the configuration: neither changes before the next
    /// deployment starts new isolates.
    static AUTHORITY: OnceCell<Rc<Result<EdgeAuthority, Vec<String>>>> = const { OnceCell::new() };
}

/// Begins the request `id`, which is written as `Incoming` tells, `milliseconds` after 1970 began. The response, or a
/// promise that must be settled before the request goes on.
///
/// While too many requests wait, the others are refused before they ask for anything: a request that waits was let in
/// first and goes on, so that an attacker cannot end the requests of others by sending more. A request that is not a
/// POST carries no credentials and waits for nothing but the import of a key: metadata and keys are served all the while.
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

/// Goes on with the request `id`, which waited until now, `milliseconds` after 1970 began, for a promise that gave bytes.
#[wasm_bindgen]
pub fn resume_bytes(id: u32, milliseconds: f64, bytes: Vec<u8>) -> JsValue {
    steps::resume(id, seconds(milliseconds), Ok(Settled::Bytes(bytes)))
}

/// As [`resume_bytes`], for a promise that gave a string.
#[wasm_bindgen]
pub fn resume_text(id: u32, milliseconds: f64, text: String) -> JsValue {
    steps::resume(id, seconds(milliseconds), Ok(Settled::Text(text)))
}

/// As [`resume_bytes`], for a promise that gave anything else.
#[wasm_bindgen]
pub fn resume_value(id: u32, milliseconds: f64, value: JsValue) -> JsValue {
    steps::resume(id, seconds(milliseconds), Ok(Settled::Value(value)))
}

/// As [`resume_bytes`], for a promise that was rejected with an error of this text.
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
            if let Some(event) = &mut outcome.event {
                analytics::write(event);
            }
            http::send(&outcome.response, outcome.event.as_ref().map(event_log::line).as_ref())
        }
        Err(errors) => {
            let line = event_log::config_errors(errors, moment.now);
            analytics::write_misconfigured();
            http::send(&Response::misconfigured(&request.arrival), Some(&line))
        }
    }
}

/// In the test build, `GET /panic` shows what a bug would do to the requests after it, `GET /out-of-memory` what one would
/// that takes all the memory there is.
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
