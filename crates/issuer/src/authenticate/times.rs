//! The times of an assertion: when it expires, and how old it is (RFC 7519 §4.1, RFC 7523 §3).

use crate::error::assertion::AssertionFlaw;
use crate::grammar::members::Members;
use crate::grammar::numeric_date::{numeric_date, seconds};

/// How long after `exp` an assertion is still accepted, in seconds, because the clocks of two machines differ.
const AFTER: f64 = 10.0;

/// How far in the future `iat` and `nbf` may be, in seconds.
const AHEAD: f64 = 60.0;

/// The times of an assertion, in seconds since 1970, with or without a fraction (RFC 7519 §2, NumericDate).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Times {
    exp: f64,
    iat: Option<f64>,
    nbf: Option<f64>,
}

/// The limits for the times of an assertion.
pub(super) enum Bounds {
    /// The limits of an assertion that the client signed itself.
    OfClient {
        /// Its longest lifetime, in seconds.
        longest: u64,
    },
    /// The limits of the identity token of a workload.
    OfWorkload {
        /// Its longest lifetime and its highest age, in seconds.
        max_age: u64,
        /// Whether it must have `iat`.
        needs_iat: bool,
    },
}

impl Times {
    /// Reads the times. `None` if `exp` is missing, or if a time is not a number from 0 to 2^53.
    pub(super) fn read(claims: &Members) -> Option<Self> {
        let time = |name: &str| match claims.get(name) {
            None => Some(None),
            Some(value) => numeric_date(value).map(Some),
        };
        Some(Self { exp: time("exp")??, iat: time("iat")?, nbf: time("nbf")? })
    }

    /// The second at which the assertion expires, rounded up.
    pub(super) fn ends(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^53")]
        let ends = self.exp.ceil() as u64;
        ends
    }

    /// Compares the times with `bounds` for a request at `now`, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// The first limit that is exceeded.
    pub(super) fn check(&self, bounds: &Bounds, now: u64) -> Result<(), AssertionFlaw> {
        let now = seconds(now);
        let &Self { exp, iat, nbf } = self;
        if exp + AFTER < now {
            return Err(AssertionFlaw::Expired);
        }
        if [iat, nbf].into_iter().flatten().any(|time| time > now + AHEAD) {
            return Err(AssertionFlaw::NotYetValid);
        }
        let is_within = match (bounds, iat) {
            (&Bounds::OfClient { longest }, Some(iat)) => exp - iat <= seconds(longest),
            (&Bounds::OfClient { longest }, None) => exp - now <= seconds(longest),
            (&Bounds::OfWorkload { max_age, .. }, Some(iat)) => {
                exp - iat <= seconds(max_age) && now - iat <= seconds(max_age)
            }
            (Bounds::OfWorkload { needs_iat: true, .. }, None) => return Err(AssertionFlaw::Claims),
            (&Bounds::OfWorkload { max_age, needs_iat: false }, None) => exp - now <= seconds(max_age),
        };
        if is_within { Ok(()) } else { Err(AssertionFlaw::Lifetime) }
    }
}
