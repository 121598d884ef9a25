//! A deployment whose records are files, which commands of a test read and write.

use std::fs;

use serde_json::{Value, json};

use crate::stand_in::{Folder, Told};

pub(crate) const TOML: &str = r#"
[vars]
ISSUER = "http://127.0.0.1:1"
[[kv_namespaces]]
binding = "CLIENTS"
id = "local"
[env.production.vars]
ISSUER = "https://tokens.example.com"
[[env.production.kv_namespaces]]
binding = "CLIENTS"
id = "0123456789abcdef0123456789abcdef"
"#;

/// A deployment, with the records that commands wrote to it.
pub(crate) struct Deployment(pub(crate) Folder);

impl Deployment {
    pub(crate) fn new() -> Self {
        Self(Folder::new(TOML))
    }

    /// Runs a command, and stores what it writes.
    pub(crate) fn run(&self, arguments: &[&str]) -> Told {
        let told = self.0.edgemint(&[arguments, &["--local"]].concat(), "");
        let put = self.0.read("fake/put.json");
        if !put.is_empty() {
            let mut stored = self.stored();
            for pair in serde_json::from_str::<Vec<Value>>(&put).unwrap() {
                stored[pair["key"].as_str().unwrap()] = pair["value"].clone();
            }
            let keys: Vec<Value> =
                stored.as_object().unwrap().keys().map(|key| json!({ "name": key })).collect();
            self.0.write("fake/stored.json", &stored.to_string());
            self.0.write("fake/keys.json", &Value::from(keys).to_string());
            fs::remove_file(self.0.0.join("fake/put.json")).unwrap();
        }
        told
    }

    pub(crate) fn done(&self, arguments: &[&str]) -> Told {
        let told = self.run(arguments);
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
        told
    }

    pub(crate) fn refused(&self, arguments: &[&str], why: &str) {
        let before = self.stored();
        let told = self.run(arguments);
        assert!(told.code != Some(0) && told.err.contains(why), "{arguments:?}: {told:?}");
        assert_eq!(self.stored(), before, "nothing is written");
    }

    pub(crate) fn stored(&self) -> Value {
        serde_json::from_str(&self.0.read("fake/stored.json")).unwrap_or_else(|_| json!({}))
    }

    pub(crate) fn record(&self, key: &str) -> Value {
        serde_json::from_str(self.stored()[key].as_str().unwrap()).unwrap()
    }
}
