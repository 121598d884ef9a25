//! Requests and responses between the runtime and the issuer: one lean crossing each way (see `glue.js`).

use edgemint_issuer::{Arrival, Body, MAX_BODY, Request, Response};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn head(request: &web_sys::Request) -> String;
    #[wasm_bindgen(catch)]
    async fn body(request: &web_sys::Request, limit: usize) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    fn respond(status: u16, headers: &str, body: &str) -> Result<web_sys::Response, JsValue>;
}

/// A request as it came in: what the issuer's [`Request`] borrows from.
pub(crate) struct Incoming {
    head: String,
    body: Option<Vec<u8>>,
}

impl Incoming {
    /// Reads the head and, of a POST, the body: never more than [`MAX_BODY`] bytes.
    pub(crate) async fn read(request: &web_sys::Request) -> worker::Result<Self> {
        let head = head(request);
        let body = if head.starts_with("POST\n") {
            let read = body(request, MAX_BODY).await.map_err(worker::Error::from)?;
            (!read.is_null()).then(|| Uint8Array::from(read).to_vec())
        } else {
            Some(Vec::new())
        };
        Ok(Self { head, body })
    }

    /// For the issuer.
    pub(crate) fn as_request(&self) -> Request<'_> {
        let mut lines = self.head.split('\n');
        let method = lines.next().unwrap_or_default();
        let (plain_http, host, path) = parts_of(lines.next().unwrap_or_default());
        let mut header = || lines.next().and_then(|line| line.strip_prefix('='));
        Request {
            method,
            path,
            authorization: header(),
            accept: header(),
            content_type: header(),
            origin: header(),
            if_none_match: header(),
            arrival: Arrival { plain_http, host, address: header(), country: header(), ray: header() },
            body: self.body.as_deref().map_or(Body::TooLarge, Body::Whole),
        }
    }
}

/// Of an absolute URL: whether it is http without TLS, the host, and the path; the query is nobody's business here.
fn parts_of(url: &str) -> (bool, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, from_path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/"));
    (!scheme.eq_ignore_ascii_case("https"), host, from_path.split(['?', '#']).next().unwrap_or("/"))
}

/// Hands `response` to the runtime.
pub(crate) fn send(response: &Response<'_>) -> worker::Result<web_sys::Response> {
    let mut headers = String::with_capacity(256);
    for (name, value) in &response.headers {
        if !headers.is_empty() {
            headers.push('\n');
        }
        headers.push_str(name);
        headers.push('\n');
        headers.push_str(value);
    }
    respond(response.status, &headers, &response.body).map_err(worker::Error::from)
}
