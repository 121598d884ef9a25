//! The signing keys of a deployment: the choice of the key that signs, and the published JWKS.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::grammar::issuer_url::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::jose::signing_key::SigningKey;

/// All signing keys of a deployment. Never empty.
///
/// Every key is published. The active key is the one with the latest `nbf` that is not in the future. If
/// several have the same `nbf`, it is the one whose secret's name sorts last. To rotate, an operator adds a
/// key with an `nbf` ahead, so every verifier knows the key before it signs.
///
/// If the deployment sets an algorithm, only keys of that algorithm become active. The others sign for APIs
/// that demand their algorithm.
#[derive(Debug)]
pub struct SigningKeys {
    /// Sorted by the time from which each signs, the latest first.
    newest_first: Vec<SigningKey>,
    /// `SIGNING_ALG`.
    alg: Option<Algorithm>,
}

impl SigningKeys {
    /// Takes the keys. Those of `alg` sign unless an API demands another algorithm.
    pub(crate) fn new(mut keys: Vec<SigningKey>, alg: Option<Algorithm>) -> Self {
        keys.sort_by(|a, b| (b.nbf, &b.name).cmp(&(a.nbf, &a.name)));
        Self { newest_first: keys, alg }
    }

    /// The key that signs at `now`.
    pub fn active(&self, now: u64) -> Option<&SigningKey> {
        self.active_index(now).and_then(|i| self.get(i))
    }

    /// The key of this algorithm that signs at `now`. The active key may be another one.
    pub(crate) fn active_of(&self, alg: Algorithm, now: u64) -> Option<&SigningKey> {
        self.newest_first.iter().find(|key| key.alg == alg && key.nbf <= now)
    }

    /// The key at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&SigningKey> {
        self.newest_first.get(index)
    }

    pub(crate) fn active_index(&self, now: u64) -> Option<usize> {
        let may_sign = |key: &SigningKey| key.nbf <= now && self.alg.is_none_or(|alg| alg == key.alg);
        self.newest_first.iter().position(may_sign)
    }

    /// The key with this `kid`, whether it already signs or not.
    pub(crate) fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        self.newest_first.iter().find(|key| key.kid == kid)
    }

    /// All keys.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SigningKey> {
        self.newest_first.iter()
    }

    /// A secret for the purpose `label`, derived from each key (RFC 5869), the newest key first. Every instance
    /// with the same keys and the same issuer derives the same secrets.
    pub(crate) fn derive(&self, label: &'static str, issuer: &Issuer) -> impl Iterator<Item = [u8; 32]> {
        self.newest_first.iter().map(move |key| {
            let mut secret = [0; 32];
            let info = [label.as_bytes(), issuer.as_str().as_bytes()];
            let hkdf = Hkdf::<Sha256>::new(None, &key.private_part());
            #[expect(clippy::expect_used, reason = "RFC 5869 §2.3 allows up to 8160 bytes")]
            hkdf.expand_multi_info(&info, &mut secret).expect("32 bytes");
            secret
        })
    }

    /// The algorithms of the keys, each once.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut algorithms: Vec<_> = self.newest_first.iter().map(SigningKey::alg).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// The JWKS (RFC 7517 §5) while the key at `active` signs. Order: the active key, then future keys (the
    /// nearest first), then past keys.
    pub(crate) fn jwks(&self, active: Option<usize>) -> String {
        let (ahead, rest) = self.newest_first.split_at(active.unwrap_or(self.newest_first.len()));
        let mut order: Vec<&SigningKey> = rest.iter().take(1).collect();
        order.extend(ahead.iter().rev());
        order.extend(rest.iter().skip(1));
        let keys: Vec<_> = order.into_iter().map(|key| &key.public).collect();
        serde_json::json!({ "keys": keys }).to_string()
    }

    /// The JWKS (RFC 7517 §5) that is published at `now`.
    pub fn published(&self, now: u64) -> String {
        self.jwks(self.active_index(now))
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.newest_first.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::signing_key::tests::{EC, OKP, with};

    #[test]
    fn the_active_key_is_the_latest_that_has_begun() {
        let key = |name: &str, nbf: u64| {
            SigningKey::parse(name, &with(OKP, &format!(r#""kid":"{name}","nbf":{nbf}"#))).unwrap()
        };
        let keys =
            SigningKeys::new(vec![key("OLD", 0), key("NEXT", 200), key("NOW", 100), key("LATER", 300)], None);
        let active = |now| keys.active(now).map(|key| key.kid().to_owned());
        assert_eq!(active(99).as_deref(), Some("OLD"));
        assert_eq!(active(100).as_deref(), Some("NOW"));
        assert_eq!(active(300).as_deref(), Some("LATER"));
        let order = |now| {
            let jwks: serde_json::Value = serde_json::from_str(&keys.jwks(keys.active_index(now))).unwrap();
            let kids: Vec<_> = jwks["keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|k| k["kid"].as_str().unwrap().to_owned())
                .collect();
            kids.join(" ")
        };
        assert_eq!(order(100), "NOW NEXT LATER OLD");
        assert_eq!(SigningKeys::new(vec![key("A", 5)], None).active(4).map(SigningKey::nbf), None);
        assert_eq!(SigningKeys::new(vec![key("A", 5)], None).active(5).map(SigningKey::nbf), Some(5));
    }

    #[test]
    fn of_an_algorithm_the_latest_that_has_begun_signs() {
        let key = |name: &str, jwk: &str, nbf: u64| {
            SigningKey::parse(name, &with(jwk, &format!(r#""kid":"{name}","nbf":{nbf}"#))).unwrap()
        };
        let keys = [key("OLD", EC, 0), key("NEW", EC, 100), key("LATER", EC, 300), key("OTHER", OKP, 200)];
        let keys = SigningKeys::new(keys.into(), Some(Algorithm::Es256));
        let by_default = |now| keys.active(now).map(|key| key.kid().to_owned());
        assert_eq!(by_default(299).as_deref(), Some("NEW"), "keys of another algorithm do not count");
        assert_eq!(by_default(300).as_deref(), Some("LATER"));
        let active = |alg, now| keys.active_of(alg, now).map(|key| key.kid().to_owned());
        assert_eq!(active(Algorithm::Es256, 99).as_deref(), Some("OLD"));
        assert_eq!(active(Algorithm::Es256, 299).as_deref(), Some("NEW"));
        assert_eq!(active(Algorithm::EdDsa, 199), None);
        assert_eq!(
            active(Algorithm::EdDsa, 300).as_deref(),
            Some("OTHER"),
            "although the active key is another one"
        );
        assert_eq!(active(Algorithm::Rs256, 300), None);
    }

    #[test]
    fn no_private_member_is_published_and_debug_shows_none() {
        for jwk in [EC, OKP] {
            let keys = SigningKeys::new(vec![SigningKey::parse("A", jwk).unwrap()], None);
            let published: serde_json::Value = serde_json::from_str(&keys.jwks(Some(0))).unwrap();
            let members = published["keys"][0].as_object().unwrap();
            assert!(
                ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
                    .iter()
                    .all(|private| !members.contains_key(*private))
            );
            let d = serde_json::from_str::<serde_json::Value>(jwk).unwrap()["d"].as_str().unwrap().to_owned();
            let shown = format!("{keys:?}");
            assert!(!shown.contains(&d) && shown.contains(keys.newest_first[0].kid()), "{shown}");
        }
    }
}
