//! The longest that the Worker waits for each service, in milliseconds.

/// The limit for a read, in milliseconds. KV needs about 10, and at most about 100 when it is cold.
pub(crate) const READ: u32 = 2_000;

/// The limit for counting, in milliseconds. It happens on the same machine.
pub(crate) const COUNT: u32 = 500;

/// The limit for a write, in milliseconds. A central place stores it before it is acknowledged.
pub(crate) const WRITE: u32 = 5_000;

/// The limit for a lookup in the cache of the location, in milliseconds. It is in the same data center. A slower
/// one would save nothing, because KV needs about 10.
pub(crate) const LOCATION: u32 = 250;

/// The limit for storing something there, in milliseconds. No request waits for it.
pub(crate) const LOCATION_PUT: u32 = 2_000;

/// The limit for fetching the keys of others, in milliseconds: the connection, and the whole answer.
pub(crate) const FETCH: u32 = 2_500;

/// The limit for the replay memory, in milliseconds. It is in one place of the world for each client.
pub(crate) const REPLAY: u32 = 1_000;
