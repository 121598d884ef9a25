//! The Worker, as this checkout builds it.

mod hints;
pub(crate) mod operator;
pub(crate) mod pack;
pub(crate) mod worker;
pub mod workerd;
