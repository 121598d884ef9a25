//! What an endpoint answers, and what the log gets of it.

use crate::error::TokenError;
use crate::error::row::Row;
use crate::http::response::Response;
use crate::log::event::Decision;

/// An answer, and what was decided, if it is worth a line in the log.
pub(crate) type Answer<'a> = (Response<'a>, Option<Decision>);

/// Why a request is refused, and what of it the log gets.
pub(crate) struct Refusal {
    pub(crate) error: TokenError,
    /// The client ID that was presented, if any; not proven.
    pub(crate) client: Option<String>,
    pub(crate) by_header: bool,
}

/// An answer that is not worth a line in the log.
pub(crate) fn plain(response: Response<'_>) -> Answer<'_> {
    (response, None)
}

/// The answer to a request that is refused. `client`: the ID that it presented, proven or not.
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
