//! `edgemint client`: one file for each verb.

pub(crate) mod add;
pub(crate) mod backup;
pub(crate) mod claims;
pub(crate) mod export;
pub(crate) mod grant;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod remove;
pub(crate) mod secrets;
pub(crate) mod state;
pub(crate) mod tokens;
