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
