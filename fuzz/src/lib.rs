//! The shared parts of the targets: an issuer with the clients and APIs of the vectors, and requests written
//! as text.

pub mod issuer;
pub mod seeds;
pub mod text;
