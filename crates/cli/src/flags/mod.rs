//! Flags shared by several commands.

pub(crate) mod alg;
pub(crate) mod bound;
pub(crate) mod client;
pub(crate) mod credentials;
pub(crate) mod expiry;
pub(crate) mod grant;
pub(crate) mod issuer;
pub(crate) mod target;
pub(crate) mod values;
