//! Text of a request for the log: cut, made printable, and never a secret.

use std::fmt;

use crate::secret::generated::GeneratedSecret;

/// The most characters of a text that the log shows.
const LONGEST: usize = 64;

/// A text from a client, in a form that the log may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// Takes a text from a request.
    pub fn of(text: &str) -> Self {
        if GeneratedSecret::is_in(text) {
            return Self("(not shown, since it contains a secret)".to_owned());
        }
        let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let mut shown: String = text.chars().take(LONGEST).map(printable).collect();
        if text.chars().nth(LONGEST).is_some() {
            shown.push_str("...");
        }
        Self(shown)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(Shown::of("application/json").to_string(), "application/json");
        assert_eq!(Shown::of(&"a".repeat(64)).to_string(), "a".repeat(64));
        assert_eq!(Shown::of(&"a".repeat(65)).to_string(), "a".repeat(64) + "...");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_short_and_printable(text in ".{0,200}") {
            let shown = Shown::of(&text).to_string();
            prop_assert!(shown.len() <= LONGEST + 3 && shown.bytes().all(|c| (0x20..0x7F).contains(&c)), "{}", shown);
        }

        #[test]
        fn no_generated_secret_is_shown_wherever_it_is(random in any::<[u8; 32]>(), before in ".{0,60}", after in ".{0,9}") {
            let secret = GeneratedSecret::from_random(&random);
            let shown = Shown::of(&format!("{before}{}{after}", secret.expose())).to_string();
            prop_assert!(!shown.contains(secret.expose().get(4..16).unwrap()), "{}", shown);
        }
    }
}
