//! Child processes, and the paths of the checkout.

pub(crate) mod directory;
pub(crate) mod project;

pub(crate) use edgemint_local::process::{children, command, http, lines, port, progress};
