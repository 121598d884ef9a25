//! The Worker's local server, and the files that it needs.

pub mod dotenv;
pub mod noise;
pub mod operator;
pub mod server;
pub mod state;
pub mod wrangler_config;
