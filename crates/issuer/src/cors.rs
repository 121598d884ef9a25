//! Cross-origin requests (the CORS protocol of the Fetch standard): which web pages may read answers.

use std::fmt;

use crate::config::list;
use crate::http::{Request, Response};

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

impl AllowedOrigins {
    pub(crate) fn parse(text: &str) -> Result<Self, OriginError> {
        let is_origin = |text: &str| {
            let host =
                text.split_once("://").map(|(scheme, host)| (matches!(scheme, "http" | "https"), host));
            host.is_some_and(|(known, host)| {
                known
                    && !host.is_empty()
                    && host.chars().all(|c| c.is_ascii_graphic() && !"/?#@\"\\".contains(c))
            })
        };
        let origins: Vec<String> = list(text).map(str::to_owned).collect();
        match origins.as_slice() {
            [] => Ok(Self::None),
            [any] if any == "*" => Ok(Self::Any),
            _ if origins.iter().all(|origin| is_origin(origin)) => Ok(Self::These(origins)),
            _ => Err(OriginError),
        }
    }

    /// Whether a preflight is answered at all.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Says on `response` who may read it.
    pub(crate) fn allow(&self, request: &Request<'_>, response: &mut Response<'_>) {
        let allowed = match self {
            Self::None => return,
            Self::Any => Some("*".to_owned()),
            Self::These(origins) => {
                response.header("Vary", "Origin");
                request.origin.filter(|origin| origins.iter().any(|known| known == origin)).map(str::to_owned)
            }
        };
        if let Some(origin) = allowed {
            response.header("Access-Control-Allow-Origin", origin);
            response.header("Access-Control-Expose-Headers", "ETag, Retry-After, WWW-Authenticate");
        }
    }

    /// Answers a preflight for an endpoint that takes `methods`.
    pub(crate) fn preflight(&self, request: &Request<'_>, methods: &'static str) -> Response<'static> {
        let mut response = Response::empty(204);
        response.header("Access-Control-Allow-Methods", methods);
        response.header("Access-Control-Allow-Headers", "Authorization, Content-Type");
        response.header("Access-Control-Max-Age", "600");
        self.allow(request, &mut response);
        response
    }
}
