//! Lengths of time in the format that operators write: `30s`, `10m`, `1h30m`, `24h`.

use std::fmt;

/// A length of time in whole seconds, in the format of Go and dex (`10m`, `1h30m`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(u64);

/// Why a text is not a [`Lifetime`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifetimeError;

impl fmt::Display for LifetimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a length of time: write 30s, 10m, 1h30m or 24h")
    }
}

impl std::error::Error for LifetimeError {}

impl Lifetime {
    /// The shortest lifetime of a token.
    pub const SHORTEST_OF_TOKENS: Self = Self(30);

    /// The longest lifetime of a token.
    pub const LONGEST_OF_TOKENS: Self = Self(24 * 3600);

    /// Takes a number of seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The length in seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// Reads `1*( 1*DIGIT ( "h" / "m" / "s" ) )`, or `0`.
    ///
    /// ```
    /// # use edgemint_issuer::{Lifetime, LifetimeError};
    /// assert_eq!(Lifetime::parse("1h30m")?.seconds(), 5400);
    /// # Ok::<(), LifetimeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For any other text, and for a length that does not fit.
    pub fn parse(text: &str) -> Result<Self, LifetimeError> {
        if text == "0" {
            return Ok(Self(0));
        }
        let mut total = 0_u64;
        let mut number = None::<u64>;
        for c in text.bytes() {
            let unit = match c {
                b'0'..=b'9' => {
                    let digit = u64::from(c - b'0');
                    let grown = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit));
                    number = Some(grown.ok_or(LifetimeError)?);
                    continue;
                }
                b'h' => 3600,
                b'm' => 60,
                b's' => 1,
                _ => return Err(LifetimeError),
            };
            let part = number.take().and_then(|n| n.checked_mul(unit)).ok_or(LifetimeError)?;
            total = total.checked_add(part).ok_or(LifetimeError)?;
        }
        if number.is_some() || text.is_empty() { Err(LifetimeError) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        if seconds > 0 || self.0 == 0 {
            write!(f, "{seconds}s")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lifetimes_are_read_as_go_writes_them() {
        for (text, seconds) in
            [("30s", 30), ("10m", 600), ("1h30m", 5400), ("24h", 86400), ("0", 0), ("1h0m0s", 3600)]
        {
            assert_eq!(Lifetime::parse(text), Ok(Lifetime(seconds)), "{text}");
        }
        for text in
            ["", "10", "m", "10 m", "-1s", "1.5h", "10d", "99999999999999999999s", "18446744073709551615h"]
        {
            assert_eq!(Lifetime::parse(text), Err(LifetimeError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(seconds in 0_u64..10_000_000) {
            let lifetime = Lifetime(seconds);
            prop_assert_eq!(Lifetime::parse(&lifetime.to_string()), Ok(lifetime));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = Lifetime::parse(&text);
        }
    }
}
