//! dex's configuration files, read as dex reads them.
//!
//! dex converts YAML to JSON, and JSON to Go structures (`ghodss/yaml`, `encoding/json`). This has effects that users
//! do not see. Field names match regardless of case. An unquoted number becomes the string of its value. The import
//! rejects a value that would silently change, and names the field.

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
