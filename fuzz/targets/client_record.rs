//! Any text as a client's record: a record that is read is also read back after it is written, and the quick reader agrees
//! with the general one.
use edgemint_issuer::{ClientId, ClientRecord};
use serde_json::Value;

pub(crate) fn run(text: &str) {
    // A record contains its ID. Under any other ID, it is refused.
    let named =
        serde_json::from_str::<Value>(text).ok().and_then(|json| ClientId::parse(json["id"].as_str()?).ok());
    let id = named.unwrap_or_else(|| ClientId::parse("test").expect("an ID"));
    let read = |text: &str| ClientRecord::parse(&id, text).ok().map(|record| record.to_json());
    let record = read(text);
    // The quick reader leaves a text with white space to the general one.
    assert_eq!(record, read(&format!("{text} ")), "both readers read the same");
    if let Some(written) = record {
        assert_eq!(read(&written), Some(written), "it is read back");
    }
}
