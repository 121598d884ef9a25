//! The stored records of clients and APIs, and their checks.

pub(crate) mod api;
pub(crate) mod api_id;
pub(crate) mod claims;
pub(crate) mod client;
pub(crate) mod client_id;
pub(crate) mod schema;
pub(crate) mod subject;
