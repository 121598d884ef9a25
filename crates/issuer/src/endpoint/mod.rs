//! The endpoints: their paths, their methods, and one file for each.

pub(crate) mod authorization;
pub(crate) mod inspection;
pub(crate) mod introspect;
pub(crate) mod revoke;
