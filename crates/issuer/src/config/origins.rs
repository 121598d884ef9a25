//! The origins and headers that a deployment allows to web pages.

use std::fmt;

use crate::grammar::issuer_url::Issuer;
use crate::grammar::limits::MAX_ORIGIN;
use crate::grammar::list::list;

/// The headers that pages may send by default: those of a token request, and the one that Swagger UI adds to
/// it.
const DEFAULT_HEADERS: &str = "Authorization, Content-Type, X-Requested-With";

/// The permissions of web pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cors {
    pub(crate) origins: AllowedOrigins,
    pub(crate) headers: AllowedHeaders,
    /// The issuer's own origin. Its pages may call every endpoint.
    pub(crate) own: String,
}

impl Cors {
    pub(crate) fn new(origins: AllowedOrigins, headers: AllowedHeaders, issuer: &Issuer) -> Self {
        Self { origins, headers, own: issuer.origin() }
    }

    /// Whether no page of another origin is allowed. Then not even a preflight is answered.
    pub(crate) fn is_none(&self) -> bool {
        self.origins == AllowedOrigins::None
    }
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

/// `CORS_ALLOWED_HEADERS`, as the value of `Access-Control-Allow-Headers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowedHeaders(pub(crate) String);

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

    /// Whether pages of `origin` may call. The opaque origin, `null`, is on no list.
    pub(crate) fn has(&self, origin: &str) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::These(origins) => origins.iter().any(|known| known == origin),
        }
    }
}

/// Whether a browser can send `text` as `Origin` (RFC 6454 §6.2). Any scheme is allowed: pages of extensions
/// and of applications have their own, and must be listed by name to send credentials.
pub(crate) fn is_origin(text: &str) -> bool {
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
    /// Reads a list. An empty text is the default. `*` means every header except `Authorization`, which
    /// browsers require by name (Fetch, "CORS non-wildcard request-header name"), so it is added.
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

/// Whether `name` is a field name (RFC 9110 §5.1, §5.6.2). A `*` in it would be a pattern, and patterns are
/// not supported.
fn is_field_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_listed_and_a_wildcard_does_not_stand_for_authorization() {
        for (text, expected) in [
            ("", DEFAULT_HEADERS),
            (" , ", DEFAULT_HEADERS),
            ("X-A", "X-A"),
            ("X-A x-b,dpop", "X-A, x-b, dpop"),
            ("*", "*, Authorization"),
            ("x-a,*", "x-a, *, Authorization"),
            ("*, authorization", "*, authorization"),
            ("AUTHORIZATION", "AUTHORIZATION"),
        ] {
            assert_eq!(
                AllowedHeaders::parse(text).map(|headers| headers.0).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
        for other in ["X-A:", "X-*", "**", "X-A, \u{e9}", "*, X/A"] {
            assert_eq!(AllowedHeaders::parse(other), Err(HeaderError), "{other}");
        }
    }

    #[test]
    fn origins_are_listed_or_all_are_allowed() {
        let listed = "https://app.example.com chrome-extension://abc";
        let these = AllowedOrigins::parse(listed).unwrap();
        assert!(these.has("https://app.example.com") && these.has("chrome-extension://abc"));
        assert!(!these.has("https://app.example.com:443") && !these.has("null"));
        let any = AllowedOrigins::parse("*").unwrap();
        assert!(any == AllowedOrigins::Any && any.has("https://a"));
        let none = AllowedOrigins::parse(" ").unwrap();
        assert!(none == AllowedOrigins::None && !none.has("https://a"));
        for other in ["null", "*, https://a", "https://a/", "https://a x"] {
            assert_eq!(AllowedOrigins::parse(other), Err(OriginError), "{other}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let longest = format!("https://{}", "a".repeat(MAX_ORIGIN - 8));
        for good in
            ["https://a", "http://a:1", "http://[::1]:1", "a+b-c.1://x", "moz-extension://a-b", &longest]
        {
            assert!(is_origin(good), "{good}");
        }
        let longer = format!("{longest}a");
        for other in [
            "",
            "https",
            "https:",
            "https://",
            "://a",
            "1a://a",
            "A://a",
            "hTtp://a",
            "a_b://a",
            "https://a/",
            "https://a?",
            "https://a#",
            "https://a@b",
            "https://a\"",
            "https://a\\b",
            "https://a b",
            "https://\u{e9}",
            &longer,
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}
