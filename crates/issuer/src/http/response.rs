//! HTTP as data: the responses of the issuer, without the types of a runtime.

use std::borrow::Cow;

use serde::Serialize;

use crate::error::code::ErrorCode;
use crate::grammar::json;
use crate::http::arrival::Arrival;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// Names and values. Each name occurs once.
    pub headers: Vec<(&'static str, Cow<'a, str>)>,
    /// The body, in UTF-8.
    pub body: Cow<'a, str>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

pub(crate) const JSON: &str = "application/json";

impl<'a> Response<'a> {
    pub(crate) fn empty(status: u16) -> Self {
        // Few answers have more headers.
        Self { status, headers: Vec::with_capacity(6), body: Cow::Borrowed("") }
    }

    pub(crate) fn text(status: u16, body: &'static str) -> Self {
        let mut response = Self { body: Cow::Borrowed(body), ..Self::empty(status) };
        response.header("Content-Type", "text/plain; charset=utf-8");
        response.header("Cache-Control", "no-store");
        response
    }

    pub(crate) fn json(status: u16, body: impl Into<Cow<'a, str>>) -> Self {
        let mut response = Self { body: body.into(), ..Self::empty(status) };
        response.header("Content-Type", JSON);
        response
    }

    fn error(status: u16, error: &str, description: &str) -> Self {
        let body = ErrorBody { error, error_description: description };
        let mut response = Self::json(status, json::of(&body));
        response.no_store();
        response
    }

    pub(crate) fn header(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        self.headers.push((name, value.into()));
    }

    /// Adds the headers that RFC 6749 §5.1 requires on responses with a token. Here every response of
    /// `/token` has them.
    pub(crate) fn no_store(&mut self) {
        self.header("Cache-Control", "no-store");
        self.header("Pragma", "no-cache");
    }

    /// A token response (RFC 6749 §5.1), or the answer to a question about a token.
    pub(crate) fn token(body: String) -> Self {
        Self::uncached(JSON, body)
    }

    /// A response that no cache may store.
    pub(crate) fn uncached(content_type: &'static str, body: String) -> Self {
        let mut response = Self { body: body.into(), ..Self::empty(200) };
        response.header("Content-Type", content_type);
        response.no_store();
        response
    }

    /// The response to a refused request: all refusals pass through here (RFC 6749 §5.2).
    ///
    /// `by_header` is whether the request carried `Authorization`. Only then does a failed authentication get
    /// a challenge.
    pub(crate) fn refusal(code: ErrorCode, description: &str, by_header: bool) -> Self {
        let mut response = Self::error(code.status(), code.code(), description);
        if code == ErrorCode::InvalidClient && by_header {
            response.header("WWW-Authenticate", r#"Basic realm="edgemint", charset="UTF-8""#);
        }
        match code {
            ErrorCode::TemporarilyUnavailable => response.header("Retry-After", "5"),
            ErrorCode::BrieflyUnavailable => response.header("Retry-After", "1"),
            // RFC 6585 §4. The value is the period of the rate limits in wrangler.toml.
            ErrorCode::TooManyRequests => response.header("Retry-After", "60"),
            ErrorCode::InvalidRequest
            | ErrorCode::PayloadTooLarge
            | ErrorCode::InvalidClient
            | ErrorCode::InvalidGrant
            | ErrorCode::UnauthorizedClient
            | ErrorCode::UnsupportedGrantType
            | ErrorCode::UnsupportedResponseType
            | ErrorCode::InvalidScope
            | ErrorCode::InvalidTarget
            | ErrorCode::InvalidDpopProof
            | ErrorCode::UseDpopNonce
            | ErrorCode::ServerError => {}
        }
        response
    }

    /// Adds the headers that every response has. Browsers must not guess its type. A browser that got a
    /// response by https must use only https from then on (RFC 6797 §7.2: not sent by http).
    pub(crate) fn sealed(mut self, arrival: &Arrival<'_>) -> Self {
        self.header("X-Content-Type-Options", "nosniff");
        if !arrival.plain_http {
            self.header("Strict-Transport-Security", "max-age=31536000");
        }
        self
    }

    /// The response of every endpoint while the configuration has errors.
    pub fn misconfigured(arrival: &Arrival<'_>) -> Self {
        let code = ErrorCode::TemporarilyUnavailable;
        let mut response = Self::error(code.status(), code.code(), "The service is temporarily unavailable.");
        response.header("Retry-After", "60");
        response.sealed(arrival)
    }

    pub(crate) fn not_found() -> Self {
        Self::error(404, "not_found", "There is nothing here.")
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let mut response = Self::error(405, "invalid_request", "The method is not allowed here.");
        response.header("Allow", allowed);
        response
    }
}
