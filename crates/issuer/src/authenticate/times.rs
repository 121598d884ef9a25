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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 10_000;

    /// The result of a check at [`NOW`], with times that count from then, in seconds.
    fn check(bounds: &Bounds, exp: f64, iat: Option<f64>, nbf: Option<f64>) -> Result<(), AssertionFlaw> {
        let at = |shift: f64| NOW as f64 + shift;
        let times = Times { exp: at(exp), iat: iat.map(at), nbf: nbf.map(at) };
        times.check(bounds, NOW as u64)
    }

    #[test]
    fn an_assertion_is_accepted_until_ten_seconds_after_its_end() {
        let client = Bounds::OfClient { longest: 300 };
        for (exp, expected) in [
            (-10.0, Ok(())),
            (-10.5, Err(AssertionFlaw::Expired)),
            (-11.0, Err(AssertionFlaw::Expired)),
            (300.0, Ok(())),
            (300.5, Err(AssertionFlaw::Lifetime)),
        ] {
            assert_eq!(check(&client, exp, None, None), expected, "{exp}");
        }
    }

    #[test]
    fn the_clock_of_the_sender_may_be_a_minute_ahead() {
        for bounds in
            [Bounds::OfClient { longest: 300 }, Bounds::OfWorkload { max_age: 300, needs_iat: true }]
        {
            for (iat, nbf, expected) in [
                (60.0, None, Ok(())),
                (60.5, None, Err(AssertionFlaw::NotYetValid)),
                (0.0, Some(60.0), Ok(())),
                (0.0, Some(60.5), Err(AssertionFlaw::NotYetValid)),
            ] {
                assert_eq!(check(&bounds, 100.0, Some(iat), nbf), expected, "{iat} {nbf:?}");
            }
        }
    }

    #[test]
    fn the_lifetime_counts_from_the_beginning_if_that_is_known() {
        let client = Bounds::OfClient { longest: 300 };
        for (exp, iat, is_within) in [
            (300.0, 0.0, true),
            (301.0, 0.0, false),
            (0.0, -300.0, true),
            (0.0, -301.0, false),
            (360.0, 60.0, true),
        ] {
            let expected = if is_within { Ok(()) } else { Err(AssertionFlaw::Lifetime) };
            assert_eq!(check(&client, exp, Some(iat), None), expected, "{exp} {iat}");
        }
    }

    #[test]
    fn the_token_of_a_workload_has_a_longest_lifetime_and_a_highest_age() {
        let workload = |needs_iat| Bounds::OfWorkload { max_age: 300, needs_iat };
        for (exp, iat, expected) in [
            (300.0, Some(0.0), Ok(())),
            (301.0, Some(0.0), Err(AssertionFlaw::Lifetime)),
            (0.0, Some(-300.0), Ok(())),
            // It is still accepted after its end, but not when it is too old.
            (-5.0, Some(-300.0), Ok(())),
            (-5.0, Some(-301.0), Err(AssertionFlaw::Lifetime)),
        ] {
            for needs_iat in [true, false] {
                assert_eq!(check(&workload(needs_iat), exp, iat, None), expected, "{exp} {iat:?}");
            }
        }
        assert_eq!(check(&workload(true), 10.0, None, None), Err(AssertionFlaw::Claims));
        assert_eq!(check(&workload(false), 300.0, None, None), Ok(()));
        assert_eq!(check(&workload(false), 301.0, None, None), Err(AssertionFlaw::Lifetime));
    }

    #[test]
    fn times_are_numbers_and_the_end_is_rounded_up() {
        let read = |claims: serde_json::Value| Times::read(&serde_json::from_value(claims).unwrap());
        assert_eq!(read(json!({ "exp": 1.5, "iat": 1 })).unwrap().ends(), 2);
        assert_eq!(read(json!({ "exp": 2 })).unwrap().ends(), 2);
        for claims in [
            json!({}),
            json!({ "exp": "1" }),
            json!({ "exp": 1, "iat": "1" }),
            json!({ "exp": 1, "nbf": -1 }),
        ] {
            assert_eq!(read(claims.clone()), None, "{claims}");
        }
    }
}
