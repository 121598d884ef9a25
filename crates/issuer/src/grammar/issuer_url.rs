//! The issuer identifier: an absolute URL that is compared byte for byte, never normalised.

use std::fmt;

/// The issuer (`iss`): `https://host[:port][/path][/]`, without query and fragment (RFC 8414 §2, OpenID
/// Connect Discovery §3). `http` is only for loopback hosts.
///
/// A terminating slash is part of the identifier, but not of the endpoints: RFC 8414 §3.1 and OpenID Connect
/// Discovery §4.1 remove it before they append a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    url: String,
    path_at: usize,
}

/// Why a text is not an [`Issuer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerError {
    /// Neither `https://` nor `http://`.
    Scheme,
    /// `http` for a host that is not loopback.
    Insecure,
    /// No host, a malformed one, or one with user information.
    Host,
    /// A query or a fragment.
    QueryOrFragment,
    /// More than one trailing slash.
    TrailingSlashes,
    /// A path with empty, dot or percent-encoded segments, or with characters that are not allowed in a path.
    Path,
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "must be an absolute URL that begins with https://",
            Self::Insecure => "must be https (http is for 127.0.0.1, [::1] and localhost only)",
            Self::Host => "must name a host, as in https://tokens.example.com",
            Self::QueryOrFragment => "must have no query and no fragment",
            Self::TrailingSlashes => "must end with one slash at most",
            Self::Path => "must have a plain path: segments of letters, digits and -._~ only",
        })
    }
}

impl std::error::Error for IssuerError {}

impl Issuer {
    /// Reads an issuer.
    ///
    /// # Errors
    ///
    /// See [`IssuerError`].
    pub fn parse(url: &str) -> Result<Self, IssuerError> {
        let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(IssuerError::Scheme),
        };
        let host_at = url.len() - rest.len();
        if rest.contains(['?', '#']) {
            return Err(IssuerError::QueryOrFragment);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.ends_with('/') {
            return Err(IssuerError::TrailingSlashes);
        }
        let authority = rest.split('/').next().unwrap_or_default();
        let host = host_of(authority).ok_or(IssuerError::Host)?;
        if !secure && !is_loopback(host) {
            return Err(IssuerError::Insecure);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let is_segment = |s: &str| !s.is_empty() && s != "." && s != ".." && s.chars().all(plain);
        if !rest.split('/').skip(1).all(is_segment) {
            return Err(IssuerError::Path);
        }
        Ok(Self { url: url.to_owned(), path_at: host_at + authority.len() })
    }

    /// The issuer exactly as configured, byte for byte.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The base URL of the endpoints: the issuer without its trailing slash.
    pub fn base(&self) -> &str {
        self.url.strip_suffix('/').unwrap_or(&self.url)
    }

    /// The issuer's origin in the format of browsers (RFC 6454 §6.2): in lower case, and without the scheme's
    /// default port.
    pub(crate) fn origin(&self) -> String {
        let origin = self.url.get(..self.path_at).unwrap_or_default().to_ascii_lowercase();
        let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
        origin.strip_suffix(default_port).map_or_else(|| origin.clone(), str::to_owned)
    }

    /// Whether it is on this machine: only then it may have the scheme `http`.
    pub fn is_local(&self) -> bool {
        self.url.starts_with("http://")
    }

    /// Whether its host is a subdomain that Cloudflare gives to every account.
    pub(crate) fn is_at_workers_dev(&self) -> bool {
        let authority =
            self.url.get(..self.path_at).unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let host = host_of(authority).unwrap_or_default().to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        host.strip_suffix("workers.dev").is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    /// The issuer's path: empty, or `/…` without a trailing slash. All endpoints are below it.
    pub fn path(&self) -> &str {
        self.base().get(self.path_at..).unwrap_or_default()
    }
}

/// Whether `host` is this machine. Plain http to it does not leave the machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

/// The host of `host[:port]`, if well-formed.
pub(crate) fn host_of(authority: &str) -> Option<&str> {
    let after_host = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at_checked(after_host)?;
    let port_is_well_formed = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|c| c.is_ascii_digit()) && digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    let host_is_well_formed = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
    };
    (port_is_well_formed && host_is_well_formed).then_some(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_issuer_is_an_https_url_without_query_and_fragment() {
        for (url, path) in [
            ("https://example.com", ""),
            ("https://example.com/dex", "/dex"),
            ("https://example.com:8443/a/b", "/a/b"),
            ("http://127.0.0.1:8787", ""),
            ("http://localhost", ""),
            ("http://[::1]:80/x", "/x"),
            ("https://[2001:db8::1]", ""),
            ("https://example.com/", ""),
            ("https://example.com/dex/", "/dex"),
            ("http://[::1]:80/x/", "/x"),
        ] {
            let issuer = Issuer::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((issuer.as_str(), issuer.path()), (url, path));
        }
        for (url, error) in [
            ("", IssuerError::Scheme),
            ("example.com", IssuerError::Scheme),
            ("HTTPS://example.com", IssuerError::Scheme),
            ("http://example.com", IssuerError::Insecure),
            ("http://127.0.0.1.example.com", IssuerError::Insecure),
            ("https://", IssuerError::Host),
            ("https:///", IssuerError::Host),
            ("https:///dex", IssuerError::Host),
            ("https://user@example.com", IssuerError::Host),
            ("https://example.com:port", IssuerError::Host),
            ("https://example.com:", IssuerError::Host),
            ("https://exa mple.com", IssuerError::Host),
            ("https:////", IssuerError::TrailingSlashes),
            ("https://example.com//", IssuerError::TrailingSlashes),
            ("https://example.com/dex//", IssuerError::TrailingSlashes),
            ("https://example.com//dex/", IssuerError::Path),
            ("https://example.com/?", IssuerError::QueryOrFragment),
            ("https://example.com?a", IssuerError::QueryOrFragment),
            ("https://example.com/#a", IssuerError::QueryOrFragment),
            ("https://example.com//a", IssuerError::Path),
            ("https://example.com/a/../b", IssuerError::Path),
            ("https://example.com/a%2Fb", IssuerError::Path),
            ("https://example.com/a\"b", IssuerError::Path),
        ] {
            assert_eq!(Issuer::parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn the_origin_is_what_a_browser_sends() {
        for (url, origin) in [
            ("https://tokens.example.com", "https://tokens.example.com"),
            ("https://Tokens.Example.com:443/dex/", "https://tokens.example.com"),
            ("https://tokens.example.com:8443/", "https://tokens.example.com:8443"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8787/x", "http://[::1]:8787"),
            ("https://[2001:db8::443]", "https://[2001:db8::443]"),
        ] {
            assert_eq!(Issuer::parse(url).map(|issuer| issuer.origin()).as_deref(), Ok(origin));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(https?://)?.*") {
            if let Ok(issuer) = Issuer::parse(&text) {
                prop_assert_eq!(issuer.as_str(), text);
            }
        }
    }
}
