//! Any text as an API's record: a record that is read is also read back after it is written.
use edgemint_issuer::{ApiId, ApiRecord};
use serde_json::Value;

pub(crate) fn run(text: &str) {
    // A record contains its ID. Under any other ID, it is refused.
    let named =
        serde_json::from_str::<Value>(text).ok().and_then(|json| ApiId::parse(json["id"].as_str()?).ok());
    let id = named.unwrap_or_else(|| ApiId::parse("test").expect("an ID"));
    if let Ok(record) = ApiRecord::parse(&id, text) {
        let written = record.to_json();
        assert_eq!(ApiRecord::parse(&id, &written).expect("as it was written").to_json(), written);
    }
}
