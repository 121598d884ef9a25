//! Nonces for DPoP proofs (RFC 9449 §8): every instance computes the same ones, and nothing is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::grammar::issuer_url::Issuer;
use crate::jose::key_set::SigningKeys;

/// The time that each nonce belongs to, in seconds.
const PERIOD: u64 = 60;

/// How many periods a nonce is accepted after its own. Four more minutes are enough for a token request that
/// is repeated, and for a client that keeps the nonce for its next one.
const AFTER: u64 = 4;

/// The maker of nonces: one secret for each signing key of the deployment, in the order of the key set.
///
/// The nonces of every configured key are accepted: during a rotation or a deployment, instances hold
/// different keys, and most clients repeat a request only once.
pub(crate) struct Nonces(Vec<[u8; 32]>);

/// How a nonce stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The one that this instance would give out now.
    Current,
    /// Another one that is still accepted.
    Accepted,
    /// None of ours, or too old.
    Unknown,
}

impl Nonces {
    /// Derives the secrets from the signing keys (RFC 5869).
    pub(crate) fn new(keys: &SigningKeys, issuer: &Issuer) -> Self {
        Self(keys.derive("edgemint dpop nonce v1", issuer).collect())
    }

    /// The nonce to give out at `now` (seconds since 1970), while the key at `active` signs.
    pub(crate) fn current(&self, active: Option<usize>, now: u64) -> Option<String> {
        Some(nonce(self.0.get(active?)?, now / PERIOD))
    }

    /// The standing of `presented` at `now`, while the key at `active` signs.
    pub(crate) fn judge(&self, presented: &str, active: Option<usize>, now: u64) -> Standing {
        if self.current(active, now).as_deref() == Some(presented) {
            return Standing::Current;
        }
        let period = now / PERIOD;
        // One period ahead, because the clock of another instance may be.
        let periods = period.saturating_sub(AFTER)..=period + 1;
        let is_ours =
            self.0.iter().any(|secret| periods.clone().any(|period| nonce(secret, period) == presented));
        if is_ours { Standing::Accepted } else { Standing::Unknown }
    }
}

/// 16 bytes of HMAC-SHA-256 over the number of the period, in base64url.
fn nonce(secret: &[u8; 32], period: u64) -> String {
    #[expect(clippy::expect_used, reason = "RFC 2104 §2 allows a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of 32 bytes");
    mac.update(&period.to_be_bytes());
    let tag: [u8; 32] = mac.finalize().into_bytes().into();
    URL_SAFE_NO_PAD.encode(tag.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::signing_key::SigningKey;

    const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"a","NBF":0,"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

    const OKP: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"b","nbf":NBF,"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

    /// The issuer with key A, with key B from `nbf` on, or with both.
    struct Deployment(SigningKeys, Nonces);

    impl Deployment {
        fn new(has_a: bool, b_from: Option<u64>, issuer: &str) -> Self {
            let a = has_a.then(|| SigningKey::parse("A", &EC.replace("\"NBF\":0", "\"nbf\":0")));
            let b = b_from.map(|nbf| SigningKey::parse("B", &OKP.replace("NBF", &nbf.to_string())));
            let keys = [a, b].into_iter().flatten().map(|key| key.unwrap()).collect();
            let (keys, issuer) = (SigningKeys::new(keys, None), Issuer::parse(issuer).unwrap());
            let nonces = Nonces::new(&keys, &issuer);
            Self(keys, nonces)
        }

        fn current(&self, now: u64) -> String {
            self.1.current(self.0.active_index(now), now).unwrap()
        }

        fn judge(&self, nonce: &str, now: u64) -> Standing {
            self.1.judge(nonce, self.0.active_index(now), now)
        }
    }

    const ISSUER: &str = "https://tokens.example.com";

    const NOW: u64 = 1_790_000_040;

    #[test]
    fn a_nonce_is_accepted_for_about_five_minutes() {
        let issuer = Deployment::new(true, None, ISSUER);
        let nonce = issuer.current(NOW);
        assert_eq!(nonce.len(), 22);
        let start = NOW - NOW % 60;
        for (now, expected) in [
            (start - 61, Standing::Unknown),
            (start - 60, Standing::Accepted),
            (start - 1, Standing::Accepted),
            (start, Standing::Current),
            (start + 59, Standing::Current),
            (start + 60, Standing::Accepted),
            (start + 299, Standing::Accepted),
            (start + 300, Standing::Unknown),
        ] {
            assert_eq!(issuer.judge(&nonce, now), expected, "{}", now as i64 - start as i64);
        }
        for other in ["", "x", &nonce[1..], &format!("{nonce}A"), &nonce.to_uppercase()] {
            assert_eq!(issuer.judge(other, NOW), Standing::Unknown, "{other}");
        }
    }

    #[test]
    fn instances_with_other_keys_accept_each_others_nonces_during_a_rotation() {
        let only_a = Deployment::new(true, None, ISSUER);
        let b_ahead = Deployment::new(true, Some(NOW + 3600), ISSUER);
        let b_active = Deployment::new(true, Some(0), ISSUER);
        let only_b = Deployment::new(false, Some(0), ISSUER);
        let steps = [&only_a, &b_ahead, &b_active, &only_b];
        for (from, to) in steps.iter().zip(&steps[1..]) {
            let (old, new) = (from.current(NOW), to.current(NOW));
            assert_ne!(to.judge(&old, NOW), Standing::Unknown, "the client is not sent back twice");
            assert!(old == new || to.judge(&old, NOW) == Standing::Accepted, "a new value is due");
        }
        assert_eq!(only_a.current(NOW), b_ahead.current(NOW));
        assert_eq!(b_active.current(NOW), only_b.current(NOW));
        assert_ne!(only_a.current(NOW), only_b.current(NOW));
        assert_eq!(b_ahead.judge(&b_active.current(NOW), NOW), Standing::Accepted, "backwards, too");
        // A deployment without the key, or of another issuer, knows nothing of it.
        assert_eq!(only_b.judge(&only_a.current(NOW), NOW), Standing::Unknown);
        let other = Deployment::new(true, None, "https://other.example.com");
        assert_eq!(other.judge(&only_a.current(NOW), NOW), Standing::Unknown);
    }
}
