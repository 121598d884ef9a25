//! The `jti` of JWTs of others (RFC 7519 §4.1.7).

use serde_json::Value;

use crate::grammar::members::Members;

/// The longest `jti`, in characters.
const MAX_TOKEN_ID: usize = 256;

/// The `jti`: 1 to 256 characters. `None` if it is missing or malformed.
pub(crate) fn token_id(claims: &Members) -> Option<&str> {
    let jti = claims.get("jti").and_then(Value::as_str)?;
    (!jti.is_empty() && jti.chars().nth(MAX_TOKEN_ID).is_none()).then_some(jti)
}
