//! Times as people read them: seconds since 1970 as a date and a time of day, in UTC.

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

/// Such as `2026-11-22 23:07:27 UTC`.
pub(crate) fn utc(seconds: u64) -> String {
    if seconds > LAST {
        return "after the year 9999".to_owned();
    }
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Days since 0000-03-01: the leap day stands last in such a year, and needs no exception.
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

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
