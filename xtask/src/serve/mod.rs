//! The Worker, as this checkout builds it.

pub(crate) mod operator;
pub(crate) mod pack;
pub(crate) mod worker;
pub mod workerd;
