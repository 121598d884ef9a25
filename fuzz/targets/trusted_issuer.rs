//! Any text as the record of a trusted issuer, which contains a JWKS: a record that is read is also read back after it
//! is written.
use edgemint_issuer::{KeySet, TrustedIssuer, TrustedIssuerId};
use serde_json::Value;

pub(crate) fn run(text: &str) {
    let _ = KeySet::first_flaw(text);
    let json = serde_json::from_str::<Value>(text).ok();
    let Some(id) = json.and_then(|json| TrustedIssuerId::parse(json["id"].as_str()?).ok()) else { return };
    if let Ok(record) = TrustedIssuer::parse(&id, text) {
        let written = record.to_json();
        let again = TrustedIssuer::parse(&id, &written).expect("as it was written");
        assert_eq!(again.to_json(), written);
        assert_eq!(again.uploaded().keys(), record.uploaded().keys());
        assert!(record.uploaded().keys().len() <= 32 && !record.algs.is_empty());
    }
}
