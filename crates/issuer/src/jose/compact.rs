//! The compact form of a JWS (RFC 7515 §7.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest token, in bytes. The issuer neither issues nor accepts a longer one, because servers limit
/// headers to this or less.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// The text to sign of a JWT: its encoded JOSE header, and its claims (RFC 7515 §5.1).
pub(crate) fn signing_input(header: &str, payload: &[u8]) -> String {
    let mut input = String::with_capacity(header.len() + 1 + payload.len().div_ceil(3) * 4);
    input.push_str(header);
    input.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut input);
    input
}

/// The JWT from the signed text and its signature (RFC 7515 §7.1).
pub(crate) fn compact(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut signing_input);
    signing_input
}
