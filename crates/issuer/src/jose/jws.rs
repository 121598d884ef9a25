//! A compact JWS from outside (RFC 7515 §7.1), split and read, but not yet verified.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::grammar::members::{Members, members};

/// The longest accepted header, in bytes once decoded. A chain of certificates (`x5c`) does not fit, and no
/// verifier here uses one. The RSA key of a DPoP proof with 4096 bits takes 800 bytes.
const MAX_HEADER: usize = 1024;

/// The members of a header that would change how the signature is verified, or where its key comes from. The
/// issuer supports no extension (RFC 7515 §4.1.11), and fetches no key that a header names (RFC 8725 §3.10).
const DANGEROUS: [&str; 4] = ["crit", "b64", "jku", "x5u"];

/// A JWS: three segments of strict base64url, and a header without repeated members.
pub(crate) struct Jws<'a> {
    header: Members,
    payload: &'a str,
    /// The signed text.
    pub(crate) input: &'a str,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Splits `text`. `None` if it is not a compact JWS with a readable header.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (input, signature) = text.rsplit_once('.')?;
        let (header, payload) = input.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let header = URL_SAFE_NO_PAD.decode(header).ok().filter(|json| json.len() <= MAX_HEADER)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { header: members(&header)?, payload, input, signature })
    }

    /// The member `name` of the header, if it is a string.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The member `name` of the header, of whatever type.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// Whether the header has a member `name`, of whatever type.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.header.contains_key(name)
    }

    /// Whether the header has a member that would change how the signature is verified. The member `jwk` is not
    /// one of them: where it is not expected, the caller refuses it.
    pub(crate) fn is_dangerous(&self) -> bool {
        DANGEROUS.iter().any(|name| self.has(name))
    }

    /// The claims. `None` if the payload is not a JSON object without repeated members.
    pub(crate) fn claims(&self) -> Option<Members> {
        members(&URL_SAFE_NO_PAD.decode(self.payload).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn three_segments_of_strict_base64url_are_read() {
        let text = format!("{}.{}.AQID", encoded(r#"{"alg":"ES256","kid":7}"#), encoded(r#"{"a":1}"#));
        let jws = Jws::parse(&text).expect("it is a JWS");
        assert_eq!((jws.header("alg"), jws.header("kid"), jws.has("kid")), (Some("ES256"), None, true));
        assert_eq!(jws.signature, [1, 2, 3]);
        assert_eq!(text.strip_prefix(jws.input), Some(".AQID"));
        assert_eq!(jws.claims().expect("an object").len(), 1);
        for header in DANGEROUS {
            let text = format!("{}.e30.", encoded(&format!(r#"{{"{header}":null}}"#)));
            assert!(Jws::parse(&text).expect("it is a JWS").is_dangerous(), "{header}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let header = encoded("{}");
        for text in
            ["", ".", "..", "a", "e30.e30", "e30.e30.AQ.AQ", "e30=.e30.AQ", "e31.e30.AQ", " e30.e30.AQ"]
        {
            assert!(Jws::parse(text).is_none(), "{text}");
        }
        for signature in ["A", "AQ==", "AR", "A+", "AQ\n"] {
            assert!(Jws::parse(&format!("{header}.e30.{signature}")).is_none(), "{signature}");
        }
        for json in [r#"{"a":1,"a":1}"#, "[]", "1", "", "{"] {
            assert!(Jws::parse(&format!("{}.e30.AQ", encoded(json))).is_none(), "{json}");
            let payload = format!("{header}.{}.AQ", encoded(json));
            assert_eq!(Jws::parse(&payload).expect("it is a JWS").claims(), None, "{json}");
        }
    }

    #[test]
    fn a_header_has_at_most_one_kibibyte() {
        let header = |length: usize| encoded(&format!(r#"{{"x":"{}"}}"#, "y".repeat(length - 8)));
        assert!(Jws::parse(&format!("{}.e30.", header(MAX_HEADER))).is_some());
        assert!(Jws::parse(&format!("{}.e30.", header(MAX_HEADER + 1))).is_none());
    }
}
