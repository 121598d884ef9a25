//! `edgemint key`: one file for each verb.

pub(crate) mod generate;
pub(crate) mod list;
pub(crate) mod retire;
pub(crate) mod rotate;
