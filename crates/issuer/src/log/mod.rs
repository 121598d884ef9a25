//! What happened in a request, for the operator.

pub(crate) mod count;
pub(crate) mod event;
pub(crate) mod trail;
