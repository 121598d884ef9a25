//! Requests as text: a line with method and path, lines with headers, an empty line, the body. Any bytes are
//! a request.

use edgemint_issuer::{Body, MAX_BODY, Request};
use edgemint_testkit::Vector;

/// The text of the request of `vector`.
pub fn of(vector: &Vector) -> Vec<u8> {
    let path = vector.path().split('?').next().unwrap_or_default();
    let mut text = format!("{} {path}\n", vector.method());
    for (name, value) in vector.headers() {
        text += &format!("{name}: {value}\n");
    }
    [text.as_bytes(), b"\n", &vector.body()].concat()
}

/// Calls `with` with the request in `text`.
pub fn with_request<T>(text: &[u8], with: impl FnOnce(&Request<'_>) -> T) -> T {
    let end = text.windows(2).position(|two| two == b"\n\n").unwrap_or(text.len());
    let (head, body) = text.split_at(end);
    let body = body.get(2..).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let (method, path) = lines.next().unwrap_or_default().split_once(' ').unwrap_or(("POST", "/token"));
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    with(&Request {
        arrival: edgemint_issuer::Arrival::default(),
        method,
        path,
        authorization: header("authorization"),
        accept: header("accept"),
        content_type: header("content-type"),
        origin: header("origin"),
        if_none_match: header("if-none-match"),
        body: if body.len() > MAX_BODY { Body::TooLarge } else { Body::Whole(body) },
        dpop: header("dpop"),
        certificate: header("certificate"),
    })
}
