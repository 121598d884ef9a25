//! The deployment: its wrangler.toml, and the calls of wrangler.

pub(crate) mod delay;
pub(crate) mod edit;
pub(crate) mod installed;
pub(crate) mod key_names;
pub(crate) mod local_keys;
pub(crate) mod local_server;
pub(crate) mod project;
pub(crate) mod session;
pub(crate) mod trust;
pub(crate) mod wrangler;
