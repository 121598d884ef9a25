//! The rules of a client: which workloads, identified by a trusted issuer, are this client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::grammar::members::Members;
use crate::records::platform::Platform;
use crate::records::schema::{RecordError, unique};
use crate::records::trusted_issuer::TrustedIssuerId;

/// The most rules of one client.
pub const MAX_IDENTITIES: usize = 20;

/// The most claims that one rule compares.
pub const MAX_RULE_CLAIMS: usize = 16;

/// The shortest prefix of a subject. A shorter one could match whole platforms.
const SHORTEST_PREFIX: usize = 8;

/// Claims that the issuer checks itself, so a rule cannot compare them.
const OWN_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// The claims of a Kubernetes token that are inside `kubernetes.io`.
const OF_KUBERNETES: [&str; 3] =
    ["kubernetes.io/namespace", "kubernetes.io/serviceaccount/name", "kubernetes.io/serviceaccount/uid"];

/// A rule: a token of this issuer that meets every condition is this client.
///
/// Texts are compared byte for byte: no wildcards, no patterns, no case folding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The name of the rule in logs and commands, unique within the record.
    pub id: String,
    /// The issuer of the tokens.
    pub issuer: TrustedIssuerId,
    /// The exact `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The beginning of `sub`: at least 8 characters, the last of which is `:` or `/`. So `repo:acme/app/`
    /// cannot match `repo:acme/app-evil`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_prefix: Option<String>,
    /// Claims and their exact values: texts, numbers or booleans.
    #[serde(default, deserialize_with = "unique", skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Value>,
    /// The `aud` of the tokens. If absent, this issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The time at which it was added, in seconds since 1970.
    pub created: u64,
    /// The time from which it no longer works, in seconds since 1970.
    pub expires: Option<u64>,
}

/// What a rule for a platform must pin, and does not, as words for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingPin(pub &'static str);

/// The first condition of a rule that a token does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch<'a> {
    /// The rule has expired.
    Expired,
    /// `aud` is not exactly the rule's audience.
    Audience,
    /// `sub` is another one.
    Subject,
    /// `sub` has another beginning.
    SubjectPrefix,
    /// This claim is missing, or has another value or type.
    Claim(&'a str),
}

impl Identity {
    /// Whether it works at `now`, in seconds since 1970.
    pub fn is_live(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// Compares the claims of a token with every condition. `own` is our issuer identifier.
    ///
    /// # Errors
    ///
    /// The first condition that the token does not meet.
    pub fn matches(
        &self,
        claims: &BTreeMap<String, Value>,
        platform: Platform,
        own: &str,
        now: u64,
    ) -> Result<(), Mismatch<'_>> {
        if !self.is_live(now) {
            return Err(Mismatch::Expired);
        }
        if only_audience(claims) != Some(self.audience.as_deref().unwrap_or(own)) {
            return Err(Mismatch::Audience);
        }
        let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if self.subject.as_ref().is_some_and(|subject| subject != sub) {
            return Err(Mismatch::Subject);
        }
        if self.subject_prefix.as_ref().is_some_and(|prefix| !sub.starts_with(prefix)) {
            return Err(Mismatch::SubjectPrefix);
        }
        let differing = self.claims.iter().find(|(name, value)| claim(claims, platform, name) != Some(value));
        differing.map_or(Ok(()), |(name, _)| Err(Mismatch::Claim(name)))
    }

    /// Checks that the rule pins what only one workload, or one owner's workloads, can have. Names are
    /// recycled, IDs are not.
    ///
    /// # Errors
    ///
    /// The missing pin.
    pub fn check_pins(&self, platform: Platform) -> Result<(), MissingPin> {
        let pins = |names: &[&str]| names.iter().any(|name| self.claims.contains_key(*name));
        let (is_pinned, missing) = match platform {
            Platform::Github => {
                (pins(&["repository_id", "repository_owner_id"]), "repository_id or repository_owner_id")
            }
            Platform::Gitlab => (pins(&["project_id", "namespace_id"]), "project_id or namespace_id"),
            Platform::Kubernetes | Platform::Aws | Platform::Gcp | Platform::Azure => {
                (self.subject.is_some(), "the exact subject")
            }
            Platform::Spiffe => {
                let below = self.subject_prefix.as_deref().is_some_and(is_below_trust_domain);
                (self.subject.is_some() || below, "the subject, or a prefix below one trust domain")
            }
            Platform::Custom => {
                (self.subject.is_some() || !self.claims.is_empty(), "the exact subject, or a claim")
            }
        };
        if is_pinned { Ok(()) } else { Err(MissingPin(missing)) }
    }
}

/// Whether `prefix` is `spiffe://<trust domain>/…` (SPIFFE-ID §2).
fn is_below_trust_domain(prefix: &str) -> bool {
    let rest = prefix.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
    rest.is_some_and(|(domain, _)| !domain.is_empty())
}

/// The value of `aud` if it is exactly one: a string, or a list of one string.
pub(crate) fn only_audience(claims: &Members) -> Option<&str> {
    let aud = claims.get("aud")?;
    match aud.as_array().map(Vec::as_slice) {
        None => aud.as_str(),
        Some([only]) => only.as_str(),
        Some(_) => None,
    }
}

/// The claim `name` of a token, also one within `kubernetes.io` of a Kubernetes token.
fn claim<'a>(claims: &'a Members, platform: Platform, name: &str) -> Option<&'a Value> {
    if platform != Platform::Kubernetes || !OF_KUBERNETES.contains(&name) {
        return claims.get(name);
    }
    let mut path = name.split('/');
    let outer = claims.get(path.next()?)?;
    path.try_fold(outer, |value, name| value.get(name))
}

/// Checks the rules of a record.
pub(super) fn check_identities(identities: &[Identity]) -> Result<(), RecordError> {
    if identities.len() > MAX_IDENTITIES {
        return Err(RecordError::TooManyIdentities);
    }
    for (i, rule) in identities.iter().enumerate() {
        if identities.iter().take(i).any(|earlier| earlier.id == rule.id) {
            return Err(RecordError::RepeatedIdentity);
        }
        let has_condition =
            rule.subject.is_some() || rule.subject_prefix.is_some() || !rule.claims.is_empty();
        let is_prefix = |prefix: &String| prefix.len() >= SHORTEST_PREFIX && prefix.ends_with([':', '/']);
        let is_claim = |(name, value): (&String, &Value)| {
            !OWN_CLAIMS.contains(&name.as_str())
                && (value.is_string() || value.is_number() || value.is_boolean())
        };
        let is_sound = has_condition
            && rule.subject_prefix.as_ref().is_none_or(is_prefix)
            && rule.claims.len() <= MAX_RULE_CLAIMS
            && rule.claims.iter().all(is_claim);
        if !is_sound {
            return Err(RecordError::Identity(rule.id.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "https://tokens.example.com";

    /// A rule for `https://id.example/` with these members.
    fn rule(id: &str, conditions: &Value) -> Identity {
        let mut rule = json!({ "id": id, "issuer": "https://id.example/", "created": 1, "expires": null });
        let members = rule.as_object_mut().unwrap();
        members.extend(conditions.as_object().unwrap().clone());
        serde_json::from_value(rule).unwrap()
    }

    fn matches(conditions: &Value, platform: Platform, token: &Value) -> Result<(), String> {
        let token: Members = token.as_object().unwrap().clone().into_iter().collect();
        rule("a", conditions).matches(&token, platform, OWN, 999).map_err(|why| format!("{why:?}"))
    }

    #[test]
    fn a_token_meets_every_condition_of_its_rule() {
        let token =
            json!({ "aud": OWN, "sub": "repo:acme/app:ref", "n": 1, "kubernetes.io": { "namespace": "x" } });
        for (conditions, why) in [
            (json!({}), None),
            (json!({ "expires": 1000 }), None),
            (json!({ "expires": 999 }), Some("Expired")),
            (json!({ "expires": 998 }), Some("Expired")),
            (json!({ "audience": OWN }), None),
            (json!({ "audience": "other" }), Some("Audience")),
            (json!({ "subject": "repo:acme/app:ref" }), None),
            (json!({ "subject": "repo:acme/app" }), Some("Subject")),
            (json!({ "subject_prefix": "repo:acme/" }), None),
            (json!({ "subject_prefix": "repo:acme-" }), Some("SubjectPrefix")),
            (json!({ "claims": { "n": 1 } }), None),
            (json!({ "claims": { "n": "1" } }), Some("Claim(\"n\")")),
            (json!({ "claims": { "n": 1, "other": 1 } }), Some("Claim(\"other\")")),
            (
                json!({ "claims": { "kubernetes.io/namespace": "x" } }),
                Some("Claim(\"kubernetes.io/namespace\")"),
            ),
        ] {
            let found = matches(&conditions, Platform::Custom, &token);
            assert_eq!(found.err().as_deref(), why, "{conditions}");
        }
    }

    #[test]
    fn a_token_has_exactly_one_audience() {
        for (aud, is_met) in [
            (json!(OWN), true),
            (json!([OWN]), true),
            (json!([OWN, OWN]), false),
            (json!([OWN, "other"]), false),
            (json!([]), false),
            (json!([7]), false),
            (json!(7), false),
            (json!(null), false),
        ] {
            assert_eq!(
                matches(&json!({}), Platform::Custom, &json!({ "aud": aud })).is_ok(),
                is_met,
                "{aud}"
            );
        }
        assert!(matches(&json!({}), Platform::Custom, &json!({})).is_err());
    }

    #[test]
    fn a_rule_for_kubernetes_compares_claims_within_another_one() {
        let inner = json!({ "namespace": "x", "serviceaccount": { "name": "n", "uid": "u" }, "pod": { "name": "p" } });
        let token = json!({ "aud": OWN, "kubernetes.io": inner, "kubernetes.io/pod/name": "p", "plain": 1 });
        for (name, value, is_met) in [
            ("kubernetes.io/namespace", json!("x"), true),
            ("kubernetes.io/namespace", json!("y"), false),
            ("kubernetes.io/serviceaccount/name", json!("n"), true),
            ("kubernetes.io/serviceaccount/uid", json!("u"), true),
            ("kubernetes.io/serviceaccount/uid", json!("n"), false),
            ("kubernetes.io/pod/name", json!("p"), true),
            ("plain", json!(1), true),
            ("plain", json!(2), false),
        ] {
            let found = matches(&json!({ "claims": { name: value } }), Platform::Kubernetes, &token);
            assert_eq!(found.is_ok(), is_met, "{name}: {value}");
        }
    }

    #[test]
    fn a_rule_pins_what_only_one_owner_can_have() {
        use Platform::{Aws, Azure, Custom, Gcp, Github, Gitlab, Kubernetes, Spiffe};
        let every = Platform::ALL;
        for (conditions, pinned) in [
            (json!({}), &[][..]),
            (json!({ "subject": "a" }), &[Kubernetes, Aws, Gcp, Azure, Spiffe, Custom]),
            (json!({ "subject_prefix": "spiffe://a/" }), &[Spiffe]),
            (json!({ "subject_prefix": "spiffe://a" }), &[]),
            (json!({ "subject_prefix": "spiffe:///a/" }), &[]),
            (json!({ "subject_prefix": "https://a/" }), &[]),
            (json!({ "claims": { "repository": "a/b" } }), &[Custom]),
            (json!({ "claims": { "repository_id": "1" } }), &[Github, Custom]),
            (json!({ "claims": { "repository_owner_id": "1" } }), &[Github, Custom]),
            (json!({ "claims": { "project_id": "1" } }), &[Gitlab, Custom]),
            (json!({ "claims": { "namespace_id": "1" } }), &[Gitlab, Custom]),
        ] {
            let rule = rule("a", &conditions);
            let found: Vec<_> =
                every.into_iter().filter(|platform| rule.check_pins(*platform).is_ok()).collect();
            assert_eq!(found, pinned, "{conditions}");
        }
        assert_eq!(rule("a", &json!({})).check_pins(Aws), Err(MissingPin("the exact subject")));
    }

    #[test]
    fn a_client_has_at_most_twenty_rules_with_different_ids() {
        let several = |n: usize| -> Vec<_> {
            (0..n).map(|i| rule(&i.to_string(), &json!({ "subject": "a" }))).collect()
        };
        for n in [0, 1, MAX_IDENTITIES] {
            assert_eq!(check_identities(&several(n)), Ok(()), "{n}");
        }
        for n in [MAX_IDENTITIES + 1, 100] {
            assert_eq!(check_identities(&several(n)), Err(RecordError::TooManyIdentities), "{n}");
        }
        let mut repeated = several(3);
        repeated[2].id = "0".to_owned();
        assert_eq!(check_identities(&repeated), Err(RecordError::RepeatedIdentity));
    }

    #[test]
    fn a_rule_has_a_condition_and_none_that_could_never_be_met_or_is_met_too_often() {
        let claims = |n: usize| -> Value { (0..n).map(|i| (i.to_string(), json!(i))).collect() };
        for good in [
            json!({ "subject": "a" }),
            json!({ "subject_prefix": "1234567:" }),
            json!({ "subject_prefix": "1234567/" }),
            json!({ "claims": { "a": "x", "b": 1, "c": true } }),
            json!({ "claims": claims(MAX_RULE_CLAIMS) }),
        ] {
            assert_eq!(check_identities(&[rule("a", &good)]), Ok(()), "{good}");
        }
        let own = OWN_CLAIMS.map(|name| json!({ "claims": { name: "x" } }));
        let others = [
            json!({}),
            json!({ "subject_prefix": "123456:" }),
            json!({ "subject_prefix": "12345678" }),
            json!({ "subject": "a", "subject_prefix": "a" }),
            json!({ "claims": { "a": null } }),
            json!({ "claims": { "a": ["x"] } }),
            json!({ "claims": { "a": {} } }),
            json!({ "claims": claims(MAX_RULE_CLAIMS + 1) }),
            json!({ "subject": "a", "claims": { "a": "x", "b": null } }),
        ];
        for other in own.into_iter().chain(others) {
            let rules = [rule("good", &json!({ "subject": "a" })), rule("bad", &other)];
            assert_eq!(check_identities(&rules), Err(RecordError::Identity("bad".to_owned())), "{other}");
        }
    }
}
