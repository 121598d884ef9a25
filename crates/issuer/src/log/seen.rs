//! The parts of an assertion that the log shows.

use serde::Serialize;

use crate::secret::generated::GeneratedSecret;

/// The longest text of an unverified assertion, in characters.
const LONGEST: usize = 128;

/// The longest `iss` and `sub` of a verified assertion, in characters.
const LONGEST_VERIFIED: usize = 256;

/// The parts of an assertion that the log shows. Never a signature, and no claim but these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SeenAssertion {
    /// The key ID in its header.
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// Its `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Its `iss`. Only after its signature was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// Its `sub`. Only after its signature was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The client's rule that it matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

impl SeenAssertion {
    /// The part of an assertion whose signature is not verified. Anyone may have written it.
    pub(crate) fn unverified(kid: Option<&str>, jti: Option<&str>) -> Self {
        let shown = |text: &str| shown(text, LONGEST);
        Self { kid: kid.map(shown), jti: jti.map(shown), ..Self::default() }
    }

    /// Adds what the signature proves.
    pub(crate) fn verified(&mut self, iss: &str, sub: &str) {
        self.iss = Some(shown(iss, LONGEST_VERIFIED));
        self.sub = Some(shown(sub, LONGEST_VERIFIED));
    }

    /// Adds the rule that matches.
    pub(crate) fn matched(&mut self, rule: &str) {
        self.rule = Some(rule.to_owned());
    }
}

/// At most `most` characters of `text`, with `?` for each one that is not printable ASCII. A text that
/// contains a secret is left out.
fn shown(text: &str, most: usize) -> String {
    if GeneratedSecret::is_in(text) {
        return String::new();
    }
    text.chars().take(most).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parts_of_an_assertion_are_cut_and_printable() {
        let long = "x".repeat(300);
        let mut seen = SeenAssertion::unverified(Some("k\n\u{e9}"), Some(&long));
        assert_eq!(serde_json::to_value(&seen).unwrap(), json!({ "kid": "k??", "jti": long[..LONGEST] }));
        seen.verified("~ i", &long);
        seen.matched("r1");
        let expected = json!({ "kid": "k??", "jti": long[..LONGEST], "iss": "~ i", "sub": long[..LONGEST_VERIFIED], "rule": "r1" });
        assert_eq!(serde_json::to_value(&seen).unwrap(), expected);
        let secret = GeneratedSecret::from_random(&[9; 32]);
        let seen = SeenAssertion::unverified(None, Some(&format!("a{}", secret.expose())));
        assert_eq!(serde_json::to_value(&seen).unwrap(), json!({ "jti": "" }));
    }
}
