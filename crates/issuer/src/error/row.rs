//! One reason: what the client is told, and what the operator is told.

use std::borrow::Cow;

use crate::error::code::ErrorCode;
use crate::grammar::scope::ScopeToken;

/// All that is said of one reason.
pub(crate) struct Row {
    pub(crate) code: ErrorCode,
    /// A stable name for logs and for counting.
    pub(crate) reason: &'static str,
    /// `error_description`: characters of RFC 6749 §5.2 only, and nothing of the request but scope names that passed the
    /// grammar, which has no quote and no backslash.
    pub(crate) told: Cow<'static, str>,
    /// For the log: a sentence that says what is wrong, and one that says what to do. Never a secret.
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

/// Scopes as a request lists them.
pub(super) fn join(scopes: &[ScopeToken]) -> String {
    scopes.iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ")
}
