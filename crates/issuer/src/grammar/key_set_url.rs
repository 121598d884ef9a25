//! The URL of a JWKS that an operator registered (RFC 7517 §5). The issuer fetches no other URL.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::grammar::issuer_url::is_loopback;

/// The longest URL, in characters.
const MAX_LENGTH: usize = 512;

/// The URL of a JWKS: https with the default port, a DNS name with a dot, without user information and
/// fragment, at most 512 characters. In addition http for a loopback host, for a local deployment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct KeySetUrl(String);

/// Why a text is not a [`KeySetUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySetUrlError;

impl fmt::Display for KeySetUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the URL of a JWKS begins with https://, names a host with a dot and no port, and has at most 512 \
             characters of printable ASCII, without user name and fragment",
        )
    }
}

impl std::error::Error for KeySetUrlError {}

impl KeySetUrl {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// See [`KeySetUrl`].
    pub fn parse(url: &str) -> Result<Self, KeySetUrlError> {
        let is_plain =
            |c| matches!(c, 0x21 | 0x24..=0x3B | 0x3D | 0x3F..=0x5B | 0x5D | 0x5F | 0x61..=0x7A | 0x7E);
        if url.len() > MAX_LENGTH || !url.bytes().all(is_plain) {
            return Err(KeySetUrlError);
        }
        let authority = |rest: &str| rest.split(['/', '?']).next().unwrap_or_default().to_owned();
        let is_served = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => is_public_name(&authority(rest)),
            (None, Some(rest)) => is_local(&authority(rest)),
            (None, None) => false,
        };
        if is_served { Ok(Self(url.to_owned())) } else { Err(KeySetUrlError) }
    }

    /// The URL as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names this machine. Only a deployment on this machine may fetch it.
    pub fn is_local(&self) -> bool {
        self.0.starts_with("http://")
    }
}

/// Whether `host` is a DNS name with a dot, and not an address (RFC 1035 §2.3.1).
fn is_public_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // The last label of a name has a letter, and that of an IPv4 address has none, whatever its notation.
    let has_letter = |label: &str| label.bytes().next().is_some_and(|c| c.is_ascii_alphabetic());
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(is_label)
        && host.rsplit('.').next().is_some_and(has_letter)
}

/// Whether `authority` is a loopback host, with or without a port.
fn is_local(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_loopback(host) && port.is_none_or(is_port)
}

impl fmt::Display for KeySetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeySetUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_public_hosts_are_accepted() {
        for url in [
            "https://token.actions.githubusercontent.com/.well-known/jwks",
            "https://example.com",
            "https://example.com?v=1",
            "https://a-b.example.co/keys?tenant=%20x",
            "http://127.0.0.1:8080/keys",
            "http://[::1]:1/keys",
            "http://[::1]/keys",
            "http://localhost/keys",
        ] {
            let read = KeySetUrl::parse(url).unwrap();
            assert_eq!((read.as_str(), read.to_string().as_str()), (url, url));
            assert_eq!(read.is_local(), url.starts_with("http://"), "{url}");
        }
    }

    #[test]
    fn urls_that_could_reach_something_else_are_refused() {
        for url in [
            "",
            "https://",
            "https:///keys",
            "http://example.com/keys",
            "ftp://example.com/keys",
            "HTTPS://example.com/keys",
            "https://localhost/keys",
            "https://127.0.0.1/keys",
            "https://0x7f.1/keys",
            "https://2130706433/keys",
            "https://127.1/keys",
            "https://[::1]/keys",
            "https://example.com:443/keys",
            "https://example.com:8443/keys",
            "https://user@example.com/keys",
            "https://user:word@example.com/keys",
            "https://example.com\\@localhost/keys",
            "https://example.com./keys",
            "https://-a.example.com/keys",
            "https://a..example.com/keys",
            "https://exämple.com/keys",
            "https://example.com/keys#fragment",
            "https://example.com/a b",
            "https://example.com/a\nb",
            "http://127.0.0.1.example.com/keys",
            "http://127.0.0.1@example.com/keys",
            "http://localhost:99999/keys",
            "http://localhost:/keys",
        ] {
            assert_eq!(KeySetUrl::parse(url), Err(KeySetUrlError), "{url}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_LENGTH - 20));
        assert!(KeySetUrl::parse(&long).is_ok());
        assert_eq!(KeySetUrl::parse(&(long + "a")), Err(KeySetUrlError));
    }
}
