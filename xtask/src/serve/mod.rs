//! The Worker and its local server.

pub(crate) mod dotenv;
pub(crate) mod noise;
pub(crate) mod operator;
pub(crate) mod pack;
pub(crate) mod server;
pub(crate) mod state;
pub(crate) mod worker;
pub mod workerd;
pub(crate) mod wrangler_config;
