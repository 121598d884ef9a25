//! A published document and its entity tag.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::grammar::duration::Lifetime;
use crate::grammar::limits::MAX_IF_NONE_MATCH;
use crate::http::request::Request;
use crate::http::response::Response;

/// How long a verifier may cache the JWKS, and any client the other documents. A new key must be published
/// for longer than this before it signs.
pub const DOCUMENT_MAX_AGE: Lifetime = Lifetime::from_seconds(300);

/// A document, and the tag that identifies its content.
pub(crate) struct Document {
    body: String,
    etag: String,
    cache_control: String,
}

impl Document {
    pub(super) fn new(body: String) -> Self {
        let etag = tag(&body);
        Self { body, etag, cache_control: format!("public, max-age={}", DOCUMENT_MAX_AGE.seconds()) }
    }

    /// A document whose bytes can differ between isolates. `named` identifies its content (RFC 9110 §8.8.1).
    pub(crate) fn weakly_tagged(body: String, named: &str) -> Self {
        Self { etag: format!("W/{}", tag(named)), ..Self::new(body) }
    }

    /// 200, or 304 if the client has the document already (RFC 9110 §13.1.2).
    pub(crate) fn serve(&self, request: &Request<'_>) -> Response<'_> {
        let tags = request.if_none_match.filter(|tags| tags.len() <= MAX_IF_NONE_MATCH);
        let mut response = if tags.is_some_and(|tags| self.is_among(tags)) {
            Response::empty(304)
        } else {
            let body = if request.method == "HEAD" { "" } else { &self.body };
            Response::json(200, body)
        };
        response.header("Cache-Control", self.cache_control.as_str());
        response.header("ETag", self.etag.as_str());
        response
    }

    pub(super) fn is_among(&self, tags: &str) -> bool {
        tags.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(&self.etag))
    }
}

/// An entity tag (RFC 9110 §8.8.3) of this content.
fn tag(content: &str) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(content)))
}

/// The part of an entity tag that `If-None-Match` compares: weakly (RFC 9110 §13.1.2).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
