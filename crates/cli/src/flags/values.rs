//! Parsers for the values of flags.

use edgemint_issuer::{Issuer, Lifetime, SIGNING_KEY_PREFIX, SigningKey};

/// The URL of an issuer: https, or http only on this machine.
pub(crate) fn issuer(text: &str) -> Result<String, String> {
    match Issuer::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) fn key_name(text: &str) -> Result<String, &'static str> {
    let text = text.strip_prefix(SIGNING_KEY_PREFIX).unwrap_or(text);
    if (1..=64).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
    {
        Ok(text.to_owned())
    } else {
        Err("a name has 1 to 64 characters of A-Z, 0-9 and _")
    }
}

pub(crate) fn token_lifetime(text: &str) -> Result<Lifetime, String> {
    let (shortest, longest) = (Lifetime::SHORTEST_OF_TOKENS, Lifetime::LONGEST_OF_TOKENS);
    match Lifetime::parse(text) {
        Ok(lifetime) if (shortest..=longest).contains(&lifetime) => Ok(lifetime),
        Ok(_) => Err(format!("must be from {shortest} to {longest}")),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) fn key_id(text: &str) -> Result<String, &'static str> {
    if SigningKey::is_key_id(text) {
        Ok(text.to_owned())
    } else {
        Err("a key ID has 1 to 128 characters of printable ASCII")
    }
}
