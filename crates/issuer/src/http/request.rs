//! A request, as the host hands it over.

use crate::http::arrival::Arrival;

/// The parts of a request that the issuer needs. The host passes nothing else. The default is an empty request.
#[derive(Clone, Copy, Default)]
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
    /// `DPoP`, several joined with a comma.
    pub dpop: Option<&'a str>,
    /// What the network in front of the host reports about the client's certificate, if the client presented one.
    /// A JSON object with the strings `verified`, `revoked`, `subject`, `issuer`, `not_before` and `not_after` in
    /// Cloudflare's form, and `sha256`, the SHA-256 of the certificate in base64url.
    pub certificate: Option<&'a str>,
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

impl Default for Body<'_> {
    fn default() -> Self {
        Self::Whole(&[])
    }
}
