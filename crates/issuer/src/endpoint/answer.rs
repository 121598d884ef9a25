//! What an endpoint answers, and what the log gets of it.

use crate::error::TokenError;
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
