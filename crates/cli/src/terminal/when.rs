//! Times in UTC, in the format for messages and in the format for names of keys.

use chrono::{DateTime, NaiveDateTime, Utc};
use edgemint_issuer::Lifetime;

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

/// The format of a time in the name of a key.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

fn date_time(seconds: u64) -> Option<DateTime<Utc>> {
    let seconds = i64::try_from(seconds.min(LAST.saturating_add(1))).ok()?;
    DateTime::from_timestamp(seconds, 0).filter(|_| seconds.unsigned_abs() <= LAST)
}

/// A time such as `2026-11-22 23:07:27 UTC`.
pub(crate) fn utc(seconds: u64) -> String {
    match date_time(seconds) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => "after the year 9999".to_owned(),
    }
}

/// A time relative to now, such as `in 10m`.
pub(crate) fn from_now(time: u64, now: u64) -> String {
    if time >= now {
        format!("in {}", Lifetime::from_seconds(time - now))
    } else {
        format!("{} ago", Lifetime::from_seconds(now - time))
    }
}

/// A time in the format for names, such as `20261122T230727Z`.
pub(crate) fn stamp(seconds: u64) -> String {
    date_time(seconds).map(|time| time.format(STAMP).to_string()).unwrap_or_default()
}

/// Parses a time that [`stamp`] wrote.
pub(crate) fn parse_stamp(text: &str) -> Option<u64> {
    let time = NaiveDateTime::parse_from_str(text, STAMP).ok()?.and_utc().timestamp();
    u64::try_from(time).ok().filter(|seconds| stamp(*seconds) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_and_nothing_else_is() {
        for seconds in [0, 951_782_400, 1_795_388_847, LAST] {
            assert_eq!(parse_stamp(&stamp(seconds)), Some(seconds));
        }
        assert_eq!(stamp(1_795_388_847), "20261122T230727Z");
        for other in [
            "",
            "FIRST",
            "20261122",
            "20261122T230727",
            "20261322T230727Z",
            "2026112T2307270Z",
            "20261122T230760Z",
        ] {
            assert_eq!(parse_stamp(other), None, "{other}");
        }
    }

    #[test]
    fn seconds_are_told_as_a_date_and_a_time_of_day() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_795_388_847, "2026-11-22 23:07:27 UTC"),
            (4_102_444_800, "2100-01-01 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (LAST, "9999-12-31 23:59:59 UTC"),
            (u64::MAX, "after the year 9999"),
        ] {
            assert_eq!(utc(seconds), text, "{seconds}");
        }
    }
}
