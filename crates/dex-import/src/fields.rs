//! The fields of one dex client, as they are written. `client` decides what they mean together.

use std::collections::{BTreeSet, HashSet};

use super::document::{Node, Pair, Value};
use super::scalar;
use super::source::RENDER;

/// The fields of a client that the import uses.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) id: Option<String>,
    pub(super) id_env: Option<String>,
    pub(super) name: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) secret_env: Option<String>,
    pub(super) public: bool,
    pub(super) trusted_peers: Vec<String>,
    pub(super) groups: Vec<String>,
}

impl Fields {
    /// Reads the fields of a client. After an error, `self` contains the fields before it.
    pub(super) fn read(&mut self, pairs: &[Pair], unused: &mut BTreeSet<String>) -> Result<(), String> {
        let mut seen = HashSet::new();
        let mut errors = Vec::new();
        for pair in pairs {
            let Some(name) = pair.name() else {
                unused.insert("(a field whose name is not a string)".to_owned());
                continue;
            };
            let lower = name.to_ascii_lowercase();
            if !seen.insert(lower.clone()) {
                errors.push(format!("`{name}` occurs twice"));
                continue;
            }
            let value = &pair.value;
            let read = match lower.as_str() {
                "id" => text_into(&mut self.id, value),
                "idenv" => text_into(&mut self.id_env, value),
                "name" => text_into(&mut self.name, value),
                "secret" => text_into(&mut self.secret, value),
                "secretenv" => text_into(&mut self.secret_env, value),
                "public" => scalar::boolean(value).map(|public| self.public = public),
                "trustedpeers" => scalar::texts(value).map(|peers| self.trusted_peers = peers),
                "clientcredentialsclaims" => self.read_claims(value, unused),
                _ => {
                    unused.insert(name.to_owned());
                    Ok(())
                }
            };
            errors.extend(read.err().map(|error| format!("`{name}` {error}")));
        }
        let mut all = errors.join("; ");
        if all.contains(scalar::UNRENDERED) {
            all = format!("{all}. {RENDER}");
        }
        if errors.is_empty() { Ok(()) } else { Err(all) }
    }

    fn read_claims(&mut self, claims: &Node, unused: &mut BTreeSet<String>) -> Result<(), String> {
        let Value::Map(pairs) = &claims.value else {
            return match (scalar::text(claims), &claims.value) {
                (Ok(None), _) => Ok(()),
                (Err(why), Value::Foreign(_)) => Err(why),
                _ => Err("must be a map with `groups`".to_owned()),
            };
        };
        let mut groups = pairs.iter().filter(|pair| pair.is("groups"));
        if let Some(pair) = groups.next() {
            self.groups =
                scalar::texts(&pair.value).map_err(|error| format!("has `groups`, which {error}"))?;
        }
        if groups.next().is_some() {
            return Err("has `groups` twice".to_owned());
        }
        let others = pairs.iter().filter(|pair| !pair.is("groups")).filter_map(Pair::name);
        unused.extend(others.map(|name| format!("clientCredentialsClaims.{name}")));
        Ok(())
    }
}

/// Stores a string. An empty string counts as absent, as in Go.
fn text_into(field: &mut Option<String>, value: &Node) -> Result<(), String> {
    *field = scalar::text(value)?.filter(|text| !text.is_empty());
    Ok(())
}
