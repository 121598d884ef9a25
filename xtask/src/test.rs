//! `cargo xtask test`: what CI checks, in the order in which it is cheapest to fail.
use crate::progress::Progress;
use anyhow::Result;
pub(crate) fn command(_progress: &Progress) -> Result<()> { Ok(()) }
