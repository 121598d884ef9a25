//! Keys, signatures and the compact form of tokens (RFC 7515, RFC 7517, RFC 7518).

pub(crate) mod algorithm;
pub(crate) mod compact;
pub(crate) mod jwks;
pub(crate) mod jws;
pub(crate) mod key_set;
pub(crate) mod public_key;
pub(crate) mod signature_algorithm;
pub(crate) mod signing_key;
