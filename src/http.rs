//! Requests and responses between the runtime and the issuer: one cheap crossing each way (see `entry.js`,
//! `glue.js`).

use edgemint_issuer::{Arrival, Body, Request, Response};
use wasm_bindgen::prelude::*;

use crate::event_log::Line;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn respond(text: &str, head_end: u32, body_end: u32, is_failure: bool) -> JsValue;
}

/// A request in the format of entry.js, which the issuer's [`Request`] borrows from. It has one line for each
/// part in [`LIMITS`](edgemint_issuer::LIMITS) except the last (the method, the URL and some headers), and
/// then the body, unless that is too long.
pub(crate) struct Incoming(pub(crate) String);

impl Incoming {
    /// The request for the issuer.
    pub(crate) fn as_request(&self) -> Request<'_> {
        let mut rest = Some(self.0.as_str());
        let mut line = || {
            let text = rest?;
            // A newline is never part of another character. This is a third of the work of `splitn`.
            let end = text.bytes().position(|byte| byte == b'\n');
            let (line, after) = end.and_then(|end| text.split_at_checked(end)).unzip();
            rest = after.and_then(|after| after.get(1..));
            Some(line.unwrap_or(text))
        };
        let method = line().unwrap_or_default();
        let (arrival, path) = Arrival::of(line().unwrap_or_default());
        let mut header = || line()?.strip_prefix('=');
        Request {
            method,
            path,
            authorization: header(),
            accept: header(),
            content_type: header(),
            origin: header(),
            if_none_match: header(),
            dpop: header(),
            arrival: Arrival { address: header(), country: header(), ray: header(), ..arrival },
            certificate: header(),
            body: rest.map_or(Body::TooLarge, |body| Body::Whole(body.as_bytes())),
        }
    }
}

/// Hands `response` to the runtime and `line` to the console, in one text that crosses once.
pub(crate) fn send(response: &Response<'_>, line: Option<&Line>) -> JsValue {
    let logged = line.map_or(0, |line| line.text.len());
    let mut text = String::with_capacity(256 + response.body.len() + logged);
    text.push_str(&response.status.to_string());
    for (name, value) in &response.headers {
        text.extend(["\n", name, "\n", value]);
    }
    let head_end = utf16_length(&text);
    text.push_str(&response.body);
    let body_end = head_end + utf16_length(&response.body);
    text.push_str(line.map_or("", |line| &line.text));
    respond(&text, head_end, body_end, line.is_some_and(|line| line.is_failure))
}

/// The length of `text` in JavaScript.
fn utf16_length(text: &str) -> u32 {
    let length = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
    u32::try_from(length).unwrap_or(u32::MAX)
}
