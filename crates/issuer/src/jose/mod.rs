//! Keys, signatures and the compact form of tokens (RFC 7515, RFC 7517, RFC 7518).

pub(crate) mod algorithm;
pub(crate) mod compact;
pub(crate) mod key_set;
pub(crate) mod signing_key;
