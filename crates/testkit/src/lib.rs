//! What the tests of every host share: clients in memory, keys that never change, a moment that stands
//! still, the contract of a client store, and the vectors.
//!
//! For tests alone: nothing here is fit to hold a secret.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

mod clients;
mod crypto;
mod expected;
mod mint;
mod vector;

pub use clients::{MemoryClients, client_store_contract, revocation_store_contract};
pub use crypto::{TestCrypto, signing_key, verify};
pub use expected::{Answer, Clock};
pub use vector::{NOW, RANDOM, Store, Vector, cast, misfits, moment};
