//! The events of requests, for the operator.

pub(crate) mod count;
pub(crate) mod event;
pub(crate) mod line;
pub(crate) mod seen;
pub(crate) mod tally;
pub(crate) mod trail;
