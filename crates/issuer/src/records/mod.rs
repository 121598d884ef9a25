//! The stored records of clients, APIs and trusted issuers, and their checks.

pub(crate) mod api;
pub(crate) mod api_id;
pub(crate) mod bound;
pub(crate) mod certificate;
pub(crate) mod claims;
pub(crate) mod client;
pub(crate) mod client_id;
pub(crate) mod client_key;
pub(crate) mod identity;
pub(crate) mod platform;
pub(crate) mod schema;
pub(crate) mod subject;
pub(crate) mod trusted_issuer;
