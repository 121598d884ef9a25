//! What a person reads, and what a person answers.

pub(crate) mod confirm;
pub(crate) mod near;
pub(crate) mod output;
pub(crate) mod when;
pub(crate) mod words;
