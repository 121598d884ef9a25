//! The shared parts of all tests: clients and APIs in memory, fixed keys, a fixed moment, the contracts of
//! the stores, the vectors, and the oracle.
//!
//! Only for tests: nothing here is fit to hold a secret.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

mod audit_log;
pub mod checkout;
mod clients;
mod crypto;
mod expected;
mod location;
mod mint;
mod moment;
mod oracle;
mod others;
mod page;
mod platforms;
mod rfc9068;
mod second_reading;
mod vector;

pub use crate::audit_log::{check_log_line, logged};
pub use crate::clients::{
    MemoryClients, api_store_contract, client_store_contract, revocation_store_contract,
};
pub use crate::crypto::{TestCrypto, signing_key, verify};
pub use crate::expected::{Answer, Clock};
pub use crate::location::Location;
pub use crate::mint::{Kind, Mint};
pub use crate::moment::{NOW, RANDOM, moment};
pub use crate::oracle::Oracle;
pub use crate::others::{is_signed_by_others, private_key, public_key, sign_with};
pub use crate::page::{Block, Page};
pub use crate::platforms::{Issued, Origin};
pub use crate::vector::{Store, Vector, apis, cast, issuers, misfits, stored};
