//! Times in the claims of others (RFC 7519 §2, NumericDate).

use serde_json::Value;

/// The largest time: up to here every whole number is exact in JSON (RFC 8259 §6).
const LATEST: f64 = 9_007_199_254_740_992.0;

/// The time in seconds since 1970, with or without a fraction. `None` if it is not a number from 0 to 2^53.
pub(crate) fn numeric_date(value: &Value) -> Option<f64> {
    value.as_f64().filter(|time| (0.0..=LATEST).contains(time))
}

/// A time as such a number. Seconds since 1970 are exact in it.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in an f64")]
pub(crate) fn seconds(time: u64) -> f64 {
    time as f64
}
