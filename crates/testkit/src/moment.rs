//! The moment of every vector: a fixed time and fixed random bytes.

use edgemint_issuer::Moment;

/// The time of every vector, in seconds since 1970.
pub const NOW: u64 = 1_795_000_000;

/// The random bytes of every vector: 0 to 63.
pub const RANDOM: [u8; 64] = counted();

const fn counted() -> [u8; 64] {
    let mut bytes = [0; 64];
    let mut i = 0;
    while i < 64 {
        bytes[i as usize] = i;
        i += 1;
    }
    bytes
}

/// The moment of every vector.
pub fn moment() -> Moment {
    Moment { now: NOW, random: RANDOM }
}
