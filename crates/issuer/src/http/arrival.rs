//! The arrival of a request: facts that the host knows, and what the issuer concludes from them.

use std::net::{IpAddr, Ipv6Addr};

use crate::grammar::issuer_url::is_loopback;
use crate::grammar::limits::{MAX_ADDRESS, MAX_COUNTRY, MAX_RAY, MAX_URL};

/// How a request arrived. The default is https, with no other facts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arrival<'a> {
    /// Whether the request came by http, without TLS.
    pub plain_http: bool,
    /// The requested host, with its port if there is one.
    pub host: &'a str,
    /// The IP address of the sender.
    pub address: Option<&'a str>,
    /// The country of that address: two letters of ISO 3166-1.
    pub country: Option<&'a str>,
    /// The ID that the network in front of the host gave this request.
    pub ray: Option<&'a str>,
}

impl<'a> Arrival<'a> {
    /// Splits the absolute URL of a request into the facts that the URL contains, and the path. Ignores the
    /// query.
    ///
    /// A host may cut a URL that is longer than the limit. Then only a query shows that the path is complete.
    /// A path that may be cut becomes empty, because no endpoint has the empty path.
    pub fn of(url: &'a str) -> (Self, &'a str) {
        let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let whole = rest.find(['?', '#']).and_then(|at| rest.get(..at));
        let is_cut = whole.is_none() && url.len() > MAX_URL;
        let rest = whole.unwrap_or(rest);
        let (host, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/"));
        let arrival = Self { plain_http: !scheme.eq_ignore_ascii_case("https"), host, ..Self::default() };
        (arrival, if is_cut { "" } else { path })
    }

    /// The country, unless it is too long for a country code.
    pub(crate) fn country(&self) -> Option<&'a str> {
        self.country.filter(|country| country.len() <= MAX_COUNTRY)
    }

    /// The request ID of the network in front of the host, unless it is too long for one.
    pub(crate) fn ray(&self) -> Option<&'a str> {
        self.ray.filter(|ray| ray.len() <= MAX_RAY)
    }

    /// Whether others could read the request (RFC 6749 §3.2: credentials need TLS). Not if it stays on one
    /// machine.
    pub(crate) fn is_exposed(&self) -> bool {
        let host =
            self.host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(self.host, |(h, _)| h);
        self.plain_http && !is_loopback(host)
    }

    /// The network that counts as one sender: an IPv4 address, or an IPv6 /64, because a single customer has
    /// all of it.
    pub(crate) fn network(&self) -> Option<String> {
        match self.address.filter(|address| address.len() <= MAX_ADDRESS)?.parse().ok()? {
            // The parser accepts only the form that `to_string` would make again.
            IpAddr::V4(_) => self.address.map(str::to_owned),
            IpAddr::V6(address) => {
                Some(address.to_ipv4_mapped().map_or_else(|| of_v6(address), |v4| v4.to_string()))
            }
        }
    }
}

/// The /48 of a `network` that is an IPv6 /64. One customer usually has at most a /48.
pub(crate) fn wider_network(network: &str) -> Option<String> {
    let [a, b, c, ..] = network.strip_suffix("/64")?.parse::<Ipv6Addr>().ok()?.segments();
    Some(format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
}

fn of_v6(address: Ipv6Addr) -> String {
    let [a, b, c, d, ..] = address.segments();
    format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(address: &str) -> Option<String> {
        Arrival { address: Some(address), ..Arrival::default() }.network()
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_the_64_of_ipv6() {
        for (address, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network(address).as_deref(), Some(expected));
        }
        for none in ["", "unknown", "203.0.113", "203.0.113.9:1", "fe80::1%eth0"] {
            assert_eq!(network(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_has_one_form(text in "[0-9]{1,4}(\\.[0-9]{1,4}){3}|[0-9.]{7,15}") {
            if let Ok(address) = text.parse::<IpAddr>() {
                prop_assert_eq!(address.to_string(), text);
            }
        }
    }

    #[test]
    fn a_url_has_a_path_unless_it_may_be_cut_there() {
        let host = "https://tokens.example.com";
        for (url, path) in [
            ("https://tokens.example.com/token?a=/b#c", "/token"),
            ("https://tokens.example.com", "/"),
            ("https://tokens.example.com?/token", "/"),
            ("https://tokens.example.com/#/token", "/"),
            ("", "/"),
        ] {
            assert_eq!(Arrival::of(url).1, path, "{url}");
        }
        let path = format!("/{}", "a".repeat(MAX_URL - host.len() - 1));
        assert_eq!(Arrival::of(&format!("{host}{path}")).1, path, "at the limit");
        assert_eq!(Arrival::of(&format!("{host}{path}a")).1, "", "it may be cut");
        assert_eq!(Arrival::of(&format!("{host}{path}?")).1, path, "a query shows that it is complete");
        let (arrival, _) = Arrival::of("HTTP://127.0.0.1:8787/keys");
        assert!(arrival.plain_http && arrival.host == "127.0.0.1:8787");
        assert!(!Arrival::of("https://127.0.0.1:8787/keys").0.plain_http);
    }

    #[test]
    fn an_ipv6_network_is_part_of_a_48_and_no_other_network_is_part_of_a_wider_one() {
        assert_eq!(wider_network("2001:db8:1:2::/64").as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(wider_network("2001:db8:1::/64").as_deref(), Some("2001:db8:1::/48"));
        for other in ["203.0.113.9", "unknown", "", "/64", "2001:db8:1:2::"] {
            assert_eq!(wider_network(other), None, "{other}");
        }
    }

    #[test]
    fn plain_http_is_exposed_unless_it_stays_on_this_machine() {
        for (host, exposed) in [
            ("127.0.0.1:8787", false),
            ("127.0.0.1", false),
            ("localhost:1", false),
            ("[::1]:8787", false),
            ("[::1]", false),
            ("tokens.example.com", true),
            ("tokens.example.com:80", true),
            ("127.0.0.1.example.com", true),
            ("localhost.example.com", true),
            ("[2001:db8::1]", true),
            ("", true),
        ] {
            let plain = Arrival { plain_http: true, host, ..Arrival::default() };
            assert_eq!(plain.is_exposed(), exposed, "{host}");
            assert!(!Arrival { plain_http: false, ..plain }.is_exposed(), "{host}");
        }
    }
}
