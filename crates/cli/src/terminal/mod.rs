//! Output for people, and their answers to prompts.

pub(crate) mod confirm;
pub(crate) mod near;
pub(crate) mod output;
pub(crate) mod when;
pub(crate) mod words;
