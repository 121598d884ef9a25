//! Rejections of rules, and warnings about rules that are wider than they look.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use edgemint_issuer::{
    ClientRecord, Identity, Introspect, MAX_IDENTITIES, MAX_RULE_CLAIMS, Platform, TrustedIssuer,
};
use edgemint_printable::shell;
use serde_json::Value;

use crate::records::new_client;

/// The claims that the Worker checks itself, and the flag for each that has one.
const OWN: [(&str, &str); 7] = [
    ("iss", "--issuer sets it"),
    ("sub", "--subject sets it"),
    ("aud", "--audience sets it"),
    ("exp", "the Worker checks it for every token"),
    ("nbf", "the Worker checks it for every token"),
    ("iat", "the Worker checks it for every token"),
    ("jti", "the Worker checks it for every token"),
];

/// Audiences that tokens for other services have. A service that receives such a token could use it here.
const SHARED: [&str; 3] = ["sts.amazonaws.com", "sigstore", "https://github.com"];

/// Beginnings of such audiences.
const SHARED_BEGINNINGS: [&str; 5] = [
    "https://github.com/",
    "api://azureadtokenexchange",
    "https://kubernetes.default.svc",
    "https://iam.googleapis.com/",
    "//iam.googleapis.com/",
];

/// Fails for a rule that the Worker would reject or skip, and for one that a token for another service would match.
pub(crate) fn refuse(record: &ClientRecord, rule: &Identity, issuer: &TrustedIssuer) -> Result<()> {
    let id = &record.id;
    ensure!(!record.public, "cannot trust a workload as the client {id}: a public client gets no tokens");
    if let Some((name, way)) = OWN.iter().find(|(name, _)| rule.claims.contains_key(*name)) {
        bail!("cannot use the claim {name} in --claim: {way}.");
    }
    if let Some(prefix) = &rule.subject_prefix {
        ensure!(
            prefix.len() >= 8 && prefix.ends_with([':', '/']),
            "cannot use the prefix {prefix}: it must have at least 8 characters, and end in : or /. Otherwise, it could \
             match longer names than the one that you mean."
        );
    }
    ensure!(
        rule.claims.len() <= MAX_RULE_CLAIMS,
        "cannot add the rule: it compares {} claims, and {MAX_RULE_CLAIMS} is the maximum.",
        rule.claims.len()
    );
    if let Err(missing) = rule.check_pins(issuer.platform) {
        bail!(
            "cannot add the rule: for {}, it must pin {}. Without that, it would match workloads of others, or a name \
             that another owner gets later.",
            issuer.platform.name(),
            missing.0
        );
    }
    if let Some(audience) = rule.audience.as_deref().filter(|audience| is_shared(audience, issuer)) {
        bail!(
            "cannot use the audience {audience}: tokens for other services have it, too, and each of them could use such \
             a token here. Leave out --audience, so that the audience is the ISSUER of this deployment."
        );
    }
    ensure!(
        record.identities.len() <= MAX_IDENTITIES,
        "cannot add a rule to the client {id}: {MAX_IDENTITIES} is the maximum. Remove one with `edgemint client untrust`."
    );
    Ok(())
}

/// Whether tokens for other services have this audience, too.
pub(crate) fn is_shared(audience: &str, issuer: &TrustedIssuer) -> bool {
    let audience = audience.to_ascii_lowercase();
    let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    SHARED.contains(&bare(&audience).as_str())
        || SHARED_BEGINNINGS.iter().any(|beginning| audience.starts_with(beginning))
        || bare(&audience) == bare(issuer.id.as_str())
}

/// Warnings about a rule that the client then has.
pub(crate) fn warnings(
    record: &ClientRecord,
    rule: &Identity,
    issuer: &TrustedIssuer,
    now: u64,
) -> Vec<String> {
    let has = |name: &str| rule.claims.contains_key(name);
    let is_true = |name: &str| rule.claims.get(name) == Some(&Value::from("true"));
    let events = (issuer.platform == Platform::Github
        && !["event_name", "environment", "job_workflow_ref"].into_iter().any(has))
    .then(|| {
        "the rule matches jobs of every event, also those that outsiders can start, such as pull_request_target and \
         issue_comment. Pass --environment or --event, or --claim job_workflow_ref=…"
            .to_owned()
    });
    let unprotected = (issuer.platform == Platform::Gitlab
        && !is_true("ref_protected")
        && !has("environment"))
    .then(|| {
        "the rule matches jobs of every branch that a developer can push. Pass --protected or --environment"
            .to_owned()
    });
    let star = [&rule.subject, &rule.subject_prefix].into_iter().flatten().chain(texts(&rule.claims));
    let star = star.into_iter().find(|text| text.contains('*')).map(|text| {
        format!("the * in {} has no special meaning. The text is compared byte for byte", shell::word(text))
    });
    let audience = rule.audience.as_ref().map(|audience| {
        format!(
            "the audience {audience} must belong to this deployment only. Another service that receives a token with it \
             could use the token here"
        )
    });
    let asks = record.introspect == Introspect::Any || !record.introspects.is_empty();
    let spends = (issuer.single_use && asks).then(|| {
        format!(
            "the client introspects tokens, and each request with a token of {} uses the token up. Give the client a key \
             for that: `edgemint client key add {}`",
            issuer.id,
            shell::last(record.id.as_str())
        )
    });
    let asleep = issuer.disabled.then(|| {
        format!("the trusted issuer {} is disabled, so the rule has no effect until you enable it", issuer.id)
    });
    let kept = new_client::keeps_secrets(record, now);
    [events, unprotected, star, audience, spends, asleep, kept].into_iter().flatten().collect()
}

fn texts(claims: &BTreeMap<String, Value>) -> impl Iterator<Item = &String> {
    claims.values().filter_map(|value| match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    })
}
