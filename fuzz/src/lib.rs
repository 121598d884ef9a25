//! What the targets share: an issuer as the vectors know it, and requests written as text.

pub mod issuer;
pub mod seeds;
pub mod text;
