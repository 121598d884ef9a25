//! dex's configuration files, read as dex reads them.
//!
//! dex turns YAML into JSON and JSON into Go structures (`ghodss/yaml`, `encoding/json`), which has
//! consequences that its users do not see: field names match whatever their case, and an unquoted number
//! becomes the string of its value. What would silently come out different here is refused, by name.

mod client;
mod document;
mod fields;
mod file;
pub mod hashing;
mod json;
mod naming;
mod placeholder;
mod places;
mod scalar;
mod source;
mod yaml;

pub use client::{Asked, DexClient, Refused, refuse_repeated};
pub use document::FileError;
pub use file::{DexFile, read};
