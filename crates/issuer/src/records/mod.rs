//! What is stored of clients and APIs, and how it is read.

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod schema;
