//! Web pages (the CORS protocol of the Fetch standard): which may send credentials, and which may read
//! answers.

use crate::config::origins::{AllowedOrigins, Cors, is_origin};
use crate::error::TokenError;
use crate::error::request::RequestError;
use crate::grammar::limits::MAX_ORIGIN;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::secret::shown::Shown;

impl Cors {
    /// Why a request from a page of `origin` is refused, unread, at an endpoint that accepts credentials.
    /// `None` if it is allowed.
    ///
    /// A form needs no preflight: any page could make its visitor's browser send forms with wrong secrets,
    /// and so use up the limit of the visitor's network. `for_pages`: whether pages may call this endpoint at
    /// all (RFC 9700 §2.6).
    pub(crate) fn refuses(&self, origin: &str, for_pages: bool) -> Option<TokenError> {
        let is_own = origin == self.own && origin.len() <= MAX_ORIGIN;
        let is_allowed = is_own || (for_pages && self.origins.has(origin));
        let may_be_allowed = for_pages && is_origin(origin);
        (!is_allowed).then(|| {
            TokenError::Request(RequestError::ForeignOrigin { origin: Shown::of(origin), may_be_allowed })
        })
    }

    /// Adds the headers to `response` that name the origins that may read it.
    pub(crate) fn allow(&self, request: &Request<'_>, response: &mut Response<'_>) {
        let allowed = match &self.origins {
            AllowedOrigins::None => return,
            AllowedOrigins::Any => Some("*".to_owned()),
            AllowedOrigins::These(_) => {
                response.header("Vary", "Origin");
                request.origin.filter(|origin| self.origins.has(origin)).map(str::to_owned)
            }
        };
        if let Some(origin) = allowed {
            response.header("Access-Control-Allow-Origin", origin);
            response.header("Access-Control-Expose-Headers", "ETag, Retry-After, WWW-Authenticate");
        }
    }

    /// Answers a preflight for an endpoint that takes `methods`.
    pub(crate) fn preflight(&self, request: &Request<'_>, methods: &'static str) -> Response<'_> {
        let mut response = Response::empty(204);
        response.header("Access-Control-Allow-Methods", methods);
        response.header("Access-Control-Allow-Headers", self.headers.0.as_str());
        response.header("Access-Control-Max-Age", "600");
        self.allow(request, &mut response);
        response
    }
}
