//! Web pages (the CORS protocol of the Fetch standard): which may send credentials here, and which may read answers.

use std::fmt;

use crate::config::list;
use crate::error::TokenError;
use crate::grammar::issuer_url::Issuer;
use crate::http::response::{Request, Response};
use crate::secret::shown::Shown;

/// The longest `Origin` that is looked at, in bytes. A host name has 253 at most (RFC 1035 §2.3.4), so that no page is at
/// a longer one.
pub(crate) const MAX_ORIGIN: usize = 512;

/// The headers that pages may send, unless the configuration says otherwise: those of a token request, and the one that
/// Swagger UI adds to it.
const DEFAULT_HEADERS: &str = "Authorization, Content-Type, X-Requested-With";

/// What web pages may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cors {
    origins: AllowedOrigins,
    headers: AllowedHeaders,
    /// The issuer's own origin: what is served there may ask whatever it likes.
    own: String,
}

/// `CORS_ALLOWED_ORIGINS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AllowedOrigins {
    /// None: no CORS header is ever sent.
    None,
    /// `*`.
    Any,
    /// These, compared byte for byte.
    These(Vec<String>),
}

/// `CORS_ALLOWED_HEADERS`, as `Access-Control-Allow-Headers` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowedHeaders(String);

/// Why a text is not a list of origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OriginError;

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "must be * or a list of origins such as https://app.example.com, without path or trailing slash",
        )
    }
}

/// Why a text is not a list of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeaderError;

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "must be * or a list of header names such as Authorization, Content-Type, X-Requested-With",
        )
    }
}

impl AllowedOrigins {
    pub(crate) fn parse(text: &str) -> Result<Self, OriginError> {
        let origins: Vec<String> = list(text).map(str::to_owned).collect();
        match origins.as_slice() {
            [] => Ok(Self::None),
            [any] if any == "*" => Ok(Self::Any),
            _ if origins.iter().all(|origin| is_origin(origin)) => Ok(Self::These(origins)),
            _ => Err(OriginError),
        }
    }

    /// Whether pages of `origin` may ask. The opaque origin, `null`, is on no list.
    fn has(&self, origin: &str) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::These(origins) => origins.iter().any(|known| known == origin),
        }
    }
}

/// Whether a browser sends it as `Origin` (RFC 6454 §6.2). The scheme is any: pages of extensions and of applications have
/// their own, and must be allowed by name to send credentials.
fn is_origin(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
    };
    text.split_once("://").is_some_and(|(scheme, host)| {
        text.len() <= MAX_ORIGIN
            && is_scheme(scheme)
            && !host.is_empty()
            && host.chars().all(|c| c.is_ascii_graphic() && !"/?#@\"\\".contains(c))
    })
}

impl AllowedHeaders {
    /// An empty text is the default. `*` stands for every header but `Authorization`, which browsers want by its name
    /// (Fetch, "CORS non-wildcard request-header name"): it is added.
    pub(crate) fn parse(text: &str) -> Result<Self, HeaderError> {
        let mut names: Vec<&str> = list(text).collect();
        if names.is_empty() {
            return Ok(Self(DEFAULT_HEADERS.to_owned()));
        }
        if !names.iter().all(|name| *name == "*" || is_field_name(name)) {
            return Err(HeaderError);
        }
        let names_it = names.iter().any(|name| name.eq_ignore_ascii_case("authorization"));
        if names.contains(&"*") && !names_it {
            names.push("Authorization");
        }
        Ok(Self(names.join(", ")))
    }
}

/// A field name (RFC 9110 §5.1, §5.6.2). With a `*` in it, it is meant as a pattern, and there are none.
fn is_field_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(c))
}

impl Cors {
    pub(crate) fn new(origins: AllowedOrigins, headers: AllowedHeaders, issuer: &Issuer) -> Self {
        Self { origins, headers, own: issuer.origin() }
    }

    /// Whether no page of another origin is allowed, so that a preflight is not even answered.
    pub(crate) fn is_none(&self) -> bool {
        self.origins == AllowedOrigins::None
    }

    /// Why what a page of `origin` sends is refused, unread, at an endpoint that takes credentials, if it is.
    ///
    /// A form needs no preflight: any page can make its visitor's browser send one, with wrong secrets, and use up the limit
    /// of that network. `for_pages`: whether the endpoint is one that pages may be let in to (RFC 9700 §2.6).
    pub(crate) fn refuses(&self, origin: &str, for_pages: bool) -> Option<TokenError> {
        let is_own = origin == self.own && origin.len() <= MAX_ORIGIN;
        let is_allowed = is_own || (for_pages && self.origins.has(origin));
        let may_be_allowed = for_pages && is_origin(origin);
        (!is_allowed).then(|| TokenError::ForeignOrigin { origin: Shown::of(origin), may_be_allowed })
    }

    /// Says on `response` who may read it.
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
