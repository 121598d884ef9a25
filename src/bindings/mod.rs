//! Cloudflare's services as the issuer's ports.

pub(crate) mod analytics;
pub(crate) mod kv;
pub(crate) mod kv_revocations;
pub(crate) mod rate_limits;
pub(crate) mod web_crypto;
