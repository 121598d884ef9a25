//! Web pages (the CORS protocol of the Fetch standard): which may send credentials, and which may read
//! answers.

use crate::config::origins::{AllowedOrigins, Cors, is_origin};
use crate::error::TokenError;
use crate::error::request::RequestError;
use crate::grammar::limits::MAX_ORIGIN;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::secret::shown::Shown;

/// The headers of answers that pages may read.
const EXPOSED: &str = "ETag, Retry-After, WWW-Authenticate";

/// The same at the token endpoint.
const EXPOSED_WITH_DPOP: &str = "ETag, Retry-After, WWW-Authenticate, DPoP-Nonce";

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

    /// Adds the headers to `response` that name the origins that may read it. `takes_dpop`: whether the endpoint
    /// takes DPoP proofs.
    pub(crate) fn allow(&self, request: &Request<'_>, response: &mut Response<'_>, takes_dpop: bool) {
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
            let exposed = if takes_dpop { EXPOSED_WITH_DPOP } else { EXPOSED };
            response.header("Access-Control-Expose-Headers", exposed);
        }
    }

    /// Answers a preflight for an endpoint that takes `methods`. `takes_dpop`: whether it takes DPoP proofs.
    pub(crate) fn preflight(
        &self,
        request: &Request<'_>,
        methods: &'static str,
        takes_dpop: bool,
    ) -> Response<'_> {
        let mut response = Response::empty(204);
        response.header("Access-Control-Allow-Methods", methods);
        let headers = self.headers.0.as_str();
        let names_it = headers.split(", ").any(|name| name == "*" || name.eq_ignore_ascii_case("dpop"));
        match takes_dpop && !names_it {
            true => response.header("Access-Control-Allow-Headers", format!("{headers}, DPoP")),
            false => response.header("Access-Control-Allow-Headers", headers),
        }
        response.header("Access-Control-Max-Age", "600");
        self.allow(request, &mut response, takes_dpop);
        response
    }
}
