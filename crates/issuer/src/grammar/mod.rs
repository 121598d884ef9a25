//! The syntax of texts, without their meaning.

pub(crate) mod accept;
pub(crate) mod compact_json;
pub(crate) mod duration;
pub(crate) mod form;
pub(crate) mod http_uri;
pub(crate) mod issuer_scope;
pub(crate) mod issuer_url;
pub(crate) mod json;
pub(crate) mod key_set_url;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod members;
pub(crate) mod numeric_date;
pub(crate) mod scope;
pub(crate) mod token_id;
