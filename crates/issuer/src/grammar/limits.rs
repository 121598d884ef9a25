//! The limits on the parts of a request.

/// The longest accepted `Authorization` header, in bytes.
pub(crate) const MAX_AUTHORIZATION: usize = 8 * 1024;

/// The longest accepted `Content-Type`, in bytes. A longer one is not that of a form.
pub(crate) const MAX_CONTENT_TYPE: usize = 1024;

/// The longest accepted `Accept`, in bytes. A client that sends a longer one gets JSON.
pub(crate) const MAX_ACCEPT: usize = 1024;

/// The longest accepted `If-None-Match`, in bytes: about twenty tags of ours. A client that sends a longer
/// one gets the document.
pub(crate) const MAX_IF_NONE_MATCH: usize = 1024;

/// The longest accepted DPoP proof, in bytes.
pub(crate) const MAX_DPOP: usize = 4 * 1024;

/// The longest accepted report about a certificate, in bytes: two names of 1 KB, escaped, and a few short texts.
pub(crate) const MAX_CERTIFICATE: usize = 4 * 1024;

/// The longest accepted body, in bytes. A longer one is refused before anything is parsed.
pub const MAX_BODY: usize = 16 * 1024;

/// The longest method that any endpoint accepts: `OPTIONS`.
const MAX_METHOD: usize = 7;

/// The limit on each part of a request, in bytes, by its name in HTTP.
///
/// A host need not pass more than one byte beyond the limit, because the answer is the same for a longer part
/// that is cut there. `src/entry.js` has the same list, so a header of any length cannot fill the memory of
/// the Worker.
pub const LIMITS: [(&str, usize); 13] = [
    ("method", MAX_METHOD),
    ("url", MAX_URL),
    ("authorization", MAX_AUTHORIZATION),
    ("accept", MAX_ACCEPT),
    ("content-type", MAX_CONTENT_TYPE),
    ("origin", MAX_ORIGIN),
    ("if-none-match", MAX_IF_NONE_MATCH),
    ("dpop", MAX_DPOP),
    ("cf-connecting-ip", MAX_ADDRESS),
    ("cf-ipcountry", MAX_COUNTRY),
    ("cf-ray", MAX_RAY),
    ("certificate", MAX_CERTIFICATE),
    ("body", MAX_BODY),
];

/// The longest accepted `Origin`, in bytes. A host name has at most 253 (RFC 1035 §2.3.4), so no page has a
/// longer origin.
pub(crate) const MAX_ORIGIN: usize = 512;

/// The longest accepted URL, in bytes. On Cloudflare, the variable `ISSUER` has at most 5 KB.
pub(crate) const MAX_URL: usize = 8 * 1024;

/// The longest text of an IP address: an IPv6 address that ends in an IPv4 address (RFC 4291 §2.2).
pub(crate) const MAX_ADDRESS: usize = 45;

/// The length of a country code (ISO 3166-1).
pub(crate) const MAX_COUNTRY: usize = 2;

/// The longest request ID of the network in front of the host, in bytes. Cloudflare's have 20.
pub(crate) const MAX_RAY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_these() {
        let expected = [
            ("method", 7),
            ("url", 8192),
            ("authorization", 8192),
            ("accept", 1024),
            ("content-type", 1024),
            ("origin", 512),
            ("if-none-match", 1024),
            ("dpop", 4096),
            ("cf-connecting-ip", 45),
            ("cf-ipcountry", 2),
            ("cf-ray", 64),
            ("certificate", 4096),
            ("body", 16_384),
        ];
        assert_eq!(LIMITS, expected);
    }
}
