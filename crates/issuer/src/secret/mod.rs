//! Client secrets: as they are presented, as they are stored, and as they are made.

pub(crate) mod hash;
pub(crate) mod shown;
