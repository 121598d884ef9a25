//! The scopes and targets that a request asks for, before any decision on them.

use crate::error::TokenError;
use crate::grammar::scope::Scope;
use crate::records::api_id::ApiId;

/// The scopes, targets and nonce of a request. Errors in scope and targets are reported only to an
/// authenticated client.
#[derive(Debug)]
pub(crate) struct ScopeRequest {
    pub(crate) scope: Result<Scope, TokenError>,
    pub(crate) targets: Result<Vec<ApiId>, TokenError>,
    pub(crate) nonce: Option<String>,
}
