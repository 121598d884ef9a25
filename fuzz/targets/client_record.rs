//! Any text in the place of a client's record: one that is read is written as it is read back.
#![no_main]

use edgemint_issuer::{ClientId, ClientRecord};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|text: &str| {
    // A record tells whose it is; read as anybody else's, it is refused.
    let named =
        serde_json::from_str::<Value>(text).ok().and_then(|json| ClientId::parse(json["id"].as_str()?).ok());
    let id = named.unwrap_or_else(|| ClientId::parse("test").expect("an ID"));
    if let Ok(record) = ClientRecord::parse(&id, text) {
        let written = record.to_json();
        assert_eq!(ClientRecord::parse(&id, &written).expect("as it was written").to_json(), written);
    }
});
