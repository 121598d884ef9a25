//! Key pairs, public keys in files, and signatures with both.

pub(crate) mod certificate;
pub(crate) mod make;
pub(crate) mod public;
pub(crate) mod sign;
pub(crate) mod verify;
