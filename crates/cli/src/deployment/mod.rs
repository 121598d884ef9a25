//! What wrangler.toml says, and what wrangler does.

pub(crate) mod delay;
pub(crate) mod key_names;
pub(crate) mod local_keys;
pub(crate) mod local_server;
pub(crate) mod project;
pub(crate) mod session;
pub(crate) mod trust;
pub(crate) mod wrangler;
