//! What a request asks for, before anybody has decided on it.

use crate::error::TokenError;
use crate::grammar::scope::Scope;
use crate::records::api_id::ApiId;

/// What a request asks for. Scope and targets are judged only once it is known who asks.
#[derive(Debug)]
pub(crate) struct ScopeRequest {
    pub(crate) scope: Result<Scope, TokenError>,
    pub(crate) targets: Result<Vec<ApiId>, TokenError>,
    pub(crate) nonce: Option<String>,
}
