//! A request, as the host hands it over.

use crate::http::arrival::Arrival;

/// The parts of a request that the issuer needs. The host passes nothing else.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The path, without query, so credentials in a query are never read.
    pub path: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Accept`.
    pub accept: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// The body.
    pub body: Body<'a>,
    /// How the request arrived.
    pub arrival: Arrival<'a>,
}

/// A body, read within limits.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// The whole body, at most [`MAX_BODY`](crate::MAX_BODY) bytes.
    Whole(&'a [u8]),
    /// Longer, and not read.
    TooLarge,
}
