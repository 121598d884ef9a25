//! The moment of every vector: a fixed time and fixed random bytes.

use edgemint_issuer::Moment;

/// The time of every vector, in seconds since 1970.
pub const NOW: u64 = 1_795_000_000;

/// The random bytes of every vector.
pub const RANDOM: [u8; 32] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31,
];

/// The moment of every vector.
pub fn moment() -> Moment {
    Moment { now: NOW, random: RANDOM }
}
