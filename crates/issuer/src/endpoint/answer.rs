//! The answer of an endpoint, and its log entry.

use crate::error::TokenError;
use crate::error::row::Row;
use crate::http::response::Response;
use crate::log::event::Decision;

/// An answer, and the decision to log, if there is one.
pub(crate) type Answer<'a> = (Response<'a>, Option<Decision>);

/// The reason why a request is refused, with the data for its log entry.
pub(crate) struct Refusal {
    pub(crate) error: TokenError,
    /// The presented client ID, if any. It is not proven.
    pub(crate) client: Option<String>,
    pub(crate) by_header: bool,
}

/// An answer that is not logged.
pub(crate) fn plain(response: Response<'_>) -> Answer<'_> {
    (response, None)
}

/// The answer to a refused request. `client` is the ID that it presented, proven or not.
pub(crate) fn refuse(
    error: &TokenError,
    endpoint: &'static str,
    client: Option<String>,
    by_header: bool,
) -> Answer<'static> {
    let Row { code, reason, told, detail } = error.row();
    let decision = Decision::Refused {
        endpoint,
        client,
        error: code.code(),
        status: code.status(),
        reason,
        detail: detail.into_owned(),
    };
    (Response::refusal(code, &told, by_header), Some(decision))
}
