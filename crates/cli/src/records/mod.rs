//! Reading, changing and showing the records of a deployment.

pub(crate) mod bound;
pub(crate) mod change;
pub(crate) mod change_one;
pub(crate) mod kind;
pub(crate) mod kv;
pub(crate) mod list;
pub(crate) mod new_client;
pub(crate) mod remove;
pub(crate) mod secret_ids;
pub(crate) mod view;
