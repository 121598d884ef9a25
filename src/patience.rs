//! How long the Worker waits for each of the services that it asks, in milliseconds.

/// How long a read may take, in milliseconds. KV needs some 10, and at most some 100 when it is cold.
pub(crate) const READ: u32 = 2_000;

/// How long counting may take, in milliseconds. It is done on the same machine.
pub(crate) const COUNT: u32 = 500;

/// How long a write may take, in milliseconds. It is kept at a central place before it is acknowledged.
pub(crate) const WRITE: u32 = 5_000;
