//! What the issuer publishes about itself.

pub(crate) mod document;
pub(crate) mod metadata;
pub(crate) mod signed;
