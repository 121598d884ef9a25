//! Requests and responses, their headers, and where a request comes from.

pub(crate) mod arrival;
pub(crate) mod certificate;
pub(crate) mod cors;
pub(crate) mod request;
pub(crate) mod response;
