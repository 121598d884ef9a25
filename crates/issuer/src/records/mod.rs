//! What is stored of clients and APIs, and how it is read.

pub(crate) mod api;
pub(crate) mod api_id;
pub(crate) mod claims;
pub(crate) mod client;
pub(crate) mod client_id;
pub(crate) mod schema;
pub(crate) mod subject;
