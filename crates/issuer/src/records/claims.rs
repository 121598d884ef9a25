//! The claims that a client's record adds to its access tokens.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::records::schema::RecordError;

/// The largest size of custom claims, in bytes of compact JSON.
pub const MAX_CLAIMS: usize = 4096;

/// The names that custom claims cannot have: those that edgemint sets or may set, and registered ones that
/// others act on. Sources: RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §2 and §5.1, RFC 8693 §4,
/// RFC 7800 §3.1, RFC 7662 §2.2.
pub const RESERVED_CLAIMS: [&str; 33] = [
    "act",
    "acr",
    "active",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "email",
    "email_verified",
    "events",
    "exp",
    "federated_claims",
    "groups",
    "iat",
    "iss",
    "jti",
    "may_act",
    "name",
    "nbf",
    "nonce",
    "preferred_username",
    "scope",
    "sid",
    "sub",
    "token_introspection",
    "token_type",
    "typ",
    "username",
];

/// `name` after Unicode's simple case folding, as far as the result can be a reserved name. Two letters of
/// those names have a third form: the long s and the kelvin sign.
///
/// Go's `encoding/json` matches names this way, and would read `Exp` as `exp`.
fn folded(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '\u{17F}' => 's',
            '\u{212A}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// Checks custom claims for use in a record. Names are compared without case.
///
/// # Errors
///
/// A reserved name, or more than [`MAX_CLAIMS`] bytes.
pub fn check_claims(claims: &BTreeMap<String, Value>) -> Result<(), RecordError> {
    if let Some(name) = claims.keys().find(|name| RESERVED_CLAIMS.contains(&folded(name).as_str())) {
        return Err(RecordError::ReservedClaim(name.clone()));
    }
    match serde_json::to_vec(claims) {
        Ok(json) if json.len() <= MAX_CLAIMS => Ok(()),
        _ => Err(RecordError::ClaimsTooLarge),
    }
}
