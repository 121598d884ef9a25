//! The value of a flag for the time at which something expires.

use anyhow::{Result, bail};
use chrono::{DateTime, NaiveDate, NaiveTime};
use edgemint_issuer::Lifetime;

/// A time from now on, or a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    In(Lifetime),
    /// In seconds since 1970.
    At(u64),
}

impl Expiry {
    /// Parses `2160h`, `2027-01-31` (the start of the day in UTC) or `2027-01-31T12:00:00Z`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(time) = Lifetime::parse(text) {
            return Ok(Self::In(time));
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
        let time = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp()).ok();
        let time =
            time.or(day.map(|day| day.and_utc().timestamp())).and_then(|time| u64::try_from(time).ok());
        time.map(Self::At).ok_or_else(|| {
            "write a time from now on (2160h), or a date (2027-01-31, or 2027-01-31T12:00:00Z)".to_owned()
        })
    }

    /// The time in seconds since 1970. Fails if it has passed.
    pub(crate) fn at(self, now: u64) -> Result<u64> {
        let time = match self {
            Self::In(time) => now.saturating_add(time.seconds()),
            Self::At(time) => time,
        };
        if time <= now {
            bail!("cannot use --expires: that time has passed. Pass a time after now.");
        }
        Ok(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_from_now_on_or_as_a_date() {
        for (text, expected) in [
            ("24h", Expiry::In(Lifetime::from_seconds(86_400))),
            ("1970-01-02", Expiry::At(86_400)),
            ("1970-01-02T00:00:01Z", Expiry::At(86_401)),
            ("1970-01-02T01:00:00+01:00", Expiry::At(86_400)),
        ] {
            assert_eq!(Expiry::parse(text), Ok(expected), "{text}");
        }
        for other in ["", "tomorrow", "1970-13-01", "1969-01-01", "1970-01-02T00:00:01", "24"] {
            assert!(Expiry::parse(other).is_err(), "{other}");
        }
        assert_eq!(Expiry::In(Lifetime::from_seconds(5)).at(7).ok(), Some(12));
        assert_eq!(Expiry::At(12).at(11).ok(), Some(12));
        for past in [Expiry::At(11), Expiry::In(Lifetime::from_seconds(0))] {
            assert!(past.at(11).is_err());
        }
    }
}
