//! The longest of each part of a request that is looked at.

/// The longest `Authorization` header that is looked at, in bytes.
pub(crate) const MAX_AUTHORIZATION: usize = 8 * 1024;

/// The longest `Content-Type` that is looked at, in bytes. A longer one is not that of a form.
pub(crate) const MAX_CONTENT_TYPE: usize = 1024;

/// The longest `Accept` that is looked at, in bytes; who sends more gets JSON.
pub(crate) const MAX_ACCEPT: usize = 1024;

/// The longest `If-None-Match` that is looked at, in bytes: some twenty tags of ours. A client that sends more gets the
/// document.
pub(crate) const MAX_IF_NONE_MATCH: usize = 1024;

/// The most bytes of a body that are read; more is refused before anything is parsed.
pub const MAX_BODY: usize = 16 * 1024;

/// The longest method that anything is done for: `OPTIONS`.
const MAX_METHOD: usize = 7;

/// The longest of each part of a request that is looked at, in bytes, by the names of HTTP.
///
/// A host need not hand over more than one byte beyond: the answer to a longer part is the answer to the part cut there.
/// `src/entry.js` has the same list, so that no header of any length fills the memory of the Worker.
pub const LIMITS: [(&str, usize); 11] = [
    ("method", MAX_METHOD),
    ("url", MAX_URL),
    ("authorization", MAX_AUTHORIZATION),
    ("accept", MAX_ACCEPT),
    ("content-type", MAX_CONTENT_TYPE),
    ("origin", MAX_ORIGIN),
    ("if-none-match", MAX_IF_NONE_MATCH),
    ("cf-connecting-ip", MAX_ADDRESS),
    ("cf-ipcountry", MAX_COUNTRY),
    ("cf-ray", MAX_RAY),
    ("body", MAX_BODY),
];

/// The longest `Origin` that is looked at, in bytes. A host name has 253 at most (RFC 1035 §2.3.4), so that no page is at
/// a longer one.
pub(crate) const MAX_ORIGIN: usize = 512;

/// The longest URL that is looked at, in bytes. The variable `ISSUER` has at most 5 KB on Cloudflare.
pub(crate) const MAX_URL: usize = 8 * 1024;

/// The longest text of an IP address: an IPv6 address that ends in an IPv4 address (RFC 4291 §2.2).
pub(crate) const MAX_ADDRESS: usize = 45;

/// The length of a country code (ISO 3166-1).
pub(crate) const MAX_COUNTRY: usize = 2;

/// The longest name that the network in front of the host can give a request, in bytes: Cloudflare's have 20.
pub(crate) const MAX_RAY: usize = 64;
