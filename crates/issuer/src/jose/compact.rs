//! The compact form of a JWS (RFC 7515 §7.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest token, in bytes: none longer is issued, and none longer is looked at. Servers bound headers to that or
/// less.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// What is signed of a JWT: its JOSE header, which is encoded already, and its claims (RFC 7515 §5.1).
pub(crate) fn signing_input(header: &str, payload: &[u8]) -> String {
    let mut input = String::with_capacity(header.len() + 1 + payload.len().div_ceil(3) * 4);
    input.push_str(header);
    input.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut input);
    input
}

/// The JWT of what was signed and its signature (RFC 7515 §7.1).
pub(crate) fn compact(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut signing_input);
    signing_input
}
