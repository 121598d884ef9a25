//! One reason: the text for the client, and the text for the operator.

use std::borrow::Cow;

use crate::error::code::ErrorCode;
use crate::grammar::scope::ScopeToken;

/// The data of one reason.
pub(crate) struct Row {
    pub(crate) code: ErrorCode,
    /// A stable name for logs and for counting.
    pub(crate) reason: &'static str,
    /// `error_description`: only characters of RFC 6749 §5.2. From the request it contains only scope names
    /// that passed the grammar, which allows no quote and no backslash.
    pub(crate) told: Cow<'static, str>,
    /// For the log: one sentence for the problem, and one for the fix. Never a secret.
    pub(crate) detail: Cow<'static, str>,
}

impl Row {
    pub(super) fn new(
        code: ErrorCode,
        reason: &'static str,
        told: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, reason, told: told.into(), detail: detail.into() }
    }
}

/// Scopes in the format of a request.
pub(super) fn join(scopes: &[ScopeToken]) -> String {
    scopes.iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ")
}
