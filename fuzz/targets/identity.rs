//! Any rule against any claims, two lines of JSON: a rule matches only a token with its subject, its prefix and its
//! audience.
use std::collections::BTreeMap;

use edgemint_issuer::{Identity, Platform};
use serde_json::Value;

pub(crate) fn run(text: &str) {
    let Some((rule, claims)) = text.split_once('\n') else { return };
    let Ok(rule) = serde_json::from_str::<Identity>(rule) else { return };
    let Ok(claims) = serde_json::from_str::<BTreeMap<String, Value>>(claims) else { return };
    for platform in Platform::ALL {
        let _ = rule.check_pins(platform);
        if rule.matches(&claims, platform, "https://example.com", 1_800_000_000).is_ok() {
            let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
            assert!(rule.subject.as_ref().is_none_or(|subject| subject == sub));
            assert!(rule.subject_prefix.as_ref().is_none_or(|prefix| sub.starts_with(prefix.as_str())));
            let audience = Value::from(rule.audience.as_deref().unwrap_or("https://example.com"));
            let presented = claims.get("aud").expect("a token has an audience");
            assert!(*presented == audience || *presented == Value::from(vec![audience]));
        }
    }
}
