//! Records in the cache of a location: names that only this deployment knows, and texts that only it can make.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::Config;

/// The version of the texts. A text of another version is not read.
const VERSION: &str = "1";

/// How far the clock of another instance may be ahead, in seconds. An entry from a later time is not used.
const AHEAD: u64 = 5;

/// The maker of entries.
///
/// All instances of a deployment derive the same secret from its newest signing key. So only this deployment finds
/// an entry, reads one by its name, or makes one that it believes. When the newest key changes, the entries are just
/// not found. Nothing here depends on the time, so the instances do not all lose their entries at the second at which
/// the next key begins to sign.
pub(crate) struct Envelope {
    secret: [u8; 32],
    /// The age at which an entry is over.
    seconds: u64,
}

/// The place of one record in the cache.
pub(crate) struct Entry<'a> {
    envelope: &'a Envelope,
    name: String,
}

impl Envelope {
    /// `None` without a signing key.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let secret = config.keys.derive("edgemint location cache v1", &config.issuer).next()?;
        Some(Self { secret, seconds: config.client_cache.seconds() })
    }

    /// The entry of the record that the store has under `key`.
    pub(crate) fn entry(&self, key: &str) -> Entry<'_> {
        Entry { envelope: self, name: self.mac(["name", key]) }
    }

    /// HMAC-SHA-256 over the parts, in base64url. No part but the last contains a line break, so no two lists
    /// of as many parts give the same bytes.
    fn mac<const N: usize>(&self, parts: [&str; N]) -> String {
        #[expect(clippy::expect_used, reason = "RFC 2104 §2 allows a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("a key of 32 bytes");
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

impl Entry<'_> {
    /// The name of the entry: 43 characters of base64url, which tell nothing about the record.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The time for which the entry can be of use.
    pub(crate) fn seconds(&self) -> u64 {
        self.envelope.seconds
    }

    /// The text for the record `json`, which the store gave at `read_at` (seconds since 1970).
    pub(crate) fn seal(&self, json: &str, read_at: u64) -> String {
        let read_at = read_at.to_string();
        let tag = self.tag(&read_at, json);
        [VERSION, &read_at, &tag, json].join(".")
    }

    /// The record in `text`, and the time at which the store gave it. `None` if this deployment did not make
    /// the text for this entry, or if it is over at `now`.
    pub(crate) fn open<'t>(&self, text: &'t str, now: u64) -> Option<(&'t str, u64)> {
        let mut parts = text.splitn(4, '.');
        let (version, read_at, tag, json) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let at: u64 = read_at.parse().ok()?;
        let is_ours =
            version == VERSION && bool::from(self.tag(read_at, json).as_bytes().ct_eq(tag.as_bytes()));
        let is_in_time = at <= now.saturating_add(AHEAD) && now < at.saturating_add(self.envelope.seconds);
        (is_ours && is_in_time).then_some((json, at))
    }

    fn tag(&self, read_at: &str, json: &str) -> String {
        self.envelope.mac(["record", &self.name, read_at, json])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

    const OTHER: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

    const JSON: &str = r#"{"v":1,"id":"app","name":"a.b.c"}"#;

    const NOW: u64 = 1_790_000_000;

    fn envelope(variables: &[(&str, &str)]) -> Envelope {
        let base = [("ISSUER", "https://tokens.example.com"), ("SIGNING_KEY_A", KEY)];
        let base = base.iter().filter(|(name, _)| !variables.iter().any(|(other, _)| other == name));
        Envelope::new(&Config::parse(base.chain(variables).copied()).unwrap()).unwrap()
    }

    #[test]
    fn an_entry_is_read_by_every_instance_of_the_deployment_and_by_no_other() {
        let (one, same) = (envelope(&[]), envelope(&[]));
        let entry = one.entry("client:app");
        let text = entry.seal(JSON, NOW);
        assert_eq!(same.entry("client:app").name(), entry.name());
        assert_eq!(same.entry("client:app").open(&text, NOW), Some((JSON, NOW)));
        let later = OTHER.replace('{', r#"{"nbf":1800000000,"#);
        for other in [
            envelope(&[("ISSUER", "https://other.example.com")]),
            envelope(&[("SIGNING_KEY_A", OTHER)]),
            // The newest key counts, before it signs.
            envelope(&[("SIGNING_KEY_B", &later)]),
        ] {
            assert_ne!(other.entry("client:app").name(), entry.name());
            assert_eq!(other.entry("client:app").open(&text, NOW), None);
        }
        // A text under the name of another record.
        for key in ["client:app2", "client:ap", "api:app", "", "client:app\n"] {
            assert_ne!(one.entry(key).name(), entry.name(), "{key:?}");
            assert_eq!(one.entry(key).open(&text, NOW), None, "{key:?}");
        }
    }

    #[test]
    fn a_name_tells_nothing_and_fits_into_a_url() {
        let envelope = envelope(&[]);
        let entry = envelope.entry("client:app");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(entry.name().len() == 43 && entry.name().chars().all(is_plain), "{}", entry.name());
        assert_eq!(entry.seconds(), 60);
    }

    #[test]
    fn an_entry_is_over_when_its_record_is_as_old_as_the_cache_time() {
        let envelope = envelope(&[("CLIENT_CACHE", "90s")]);
        let entry = envelope.entry("client:app");
        let text = entry.seal(JSON, NOW);
        for (now, is_read) in [
            (NOW - 6, false),
            (NOW - 5, true),
            (NOW, true),
            (NOW + 89, true),
            (NOW + 90, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(entry.open(&text, now).is_some(), is_read, "{now}");
        }
        assert_eq!(entry.open(&entry.seal(JSON, u64::MAX), NOW), None);
    }

    #[test]
    fn each_byte_counts() {
        let envelope = envelope(&[]);
        let entry = envelope.entry("client:app");
        let text = entry.seal(JSON, NOW);
        for at in 0..text.len() {
            for other in ['.', '0', '1', '9', 'A', 'a', ' ', '+', '"', '\n'] {
                let altered = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                assert_eq!(entry.open(&altered, NOW).is_some(), altered == text, "{altered}");
                let longer = format!("{}{other}{}", &text[..at], &text[at..]);
                assert_eq!(entry.open(&longer, NOW), None, "{longer}");
            }
            let shorter = format!("{}{}", &text[..at], &text[at + 1..]);
            assert_eq!(entry.open(&shorter, NOW), None, "{shorter}");
            assert_eq!(entry.open(&text[..at], NOW), None);
        }
        for nothing in ["", ".", "...", "1...", "1.1.", &format!("{text}\n"), &text.to_uppercase()] {
            assert_eq!(entry.open(nothing, NOW), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_comes_back_and_no_other_text_is_read(json in ".*", at in 0..u64::MAX, text in ".*") {
            let envelope = envelope(&[]);
            let entry = envelope.entry("client:app");
            let sealed = entry.seal(&json, at);
            prop_assert_eq!(entry.open(&sealed, at), Some((json.as_str(), at)));
            prop_assert_eq!(entry.open(&text, at), None);
        }
    }
}
