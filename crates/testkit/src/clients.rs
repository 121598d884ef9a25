//! Clients, APIs and revocations in memory, and the contracts of all stores.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use edgemint_issuer::ports::{ApiStore, ClientStore, IssuerStore, KeySource, LocationCache, RevocationStore};
use edgemint_issuer::{
    ApiId, ApiRecord, ClientId, ClientRecord, KeySetUrl, TrustedIssuer, TrustedIssuerId, Unavailable,
};

use crate::location::Location;

/// A store of clients and APIs in memory, which can be made to fail.
#[derive(Default, Clone)]
pub struct MemoryClients {
    records: RefCell<HashMap<String, String>>,
    down: bool,
    reads: Rc<Cell<u32>>,
    location: Option<Location>,
}

impl MemoryClients {
    /// Stores `json` under `key` unchanged, well-formed or not.
    pub fn put(&mut self, key: impl Into<String>, json: impl Into<String>) {
        self.records.get_mut().insert(key.into(), json.into());
    }

    /// Stores the record of a client under its key.
    pub fn add(&mut self, record: &ClientRecord) {
        self.put(record.id.kv_key(), record.to_json());
    }

    /// Stores the record of an API under its key.
    pub fn add_api(&mut self, record: &ApiRecord) {
        self.put(record.id.kv_key(), record.to_json());
    }

    /// Stores the record of a trusted issuer under its key.
    pub fn add_issuer(&mut self, record: &TrustedIssuer) {
        self.put(record.id.kv_key(), record.to_json());
    }

    /// Serves `jwks` at `url`.
    pub fn serve_keys(&mut self, url: &str, jwks: impl Into<String>) {
        self.put(format!("GET {url}"), jwks);
    }

    /// The number of reads of this store and its clones.
    pub fn reads(&self) -> u32 {
        self.reads.get()
    }

    /// Puts the cache of a location before this store.
    pub fn at(mut self, location: &Location) -> Self {
        self.location = Some(location.clone());
        self
    }

    fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        self.reads.set(self.reads.get() + 1);
        if self.down {
            return Err(Unavailable::new("the store is down"));
        }
        Ok(self.records.borrow().get(key).cloned())
    }

    /// Makes every later call fail.
    pub fn go_down(&mut self) {
        self.down = true;
    }
}

impl ClientStore for MemoryClients {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key())
    }
}

impl ApiStore for MemoryClients {
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key())
    }
}

impl IssuerStore for MemoryClients {
    async fn find_issuer(&self, id: &TrustedIssuerId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key())
    }
}

impl LocationCache for MemoryClients {
    async fn cached(&self, name: &str) -> Option<String> {
        self.location.as_ref()?.cached(name).await
    }

    fn cache(&self, name: &str, text: &str, seconds: u64) {
        if let Some(location) = &self.location {
            location.cache(name, text, seconds);
        }
    }
}

impl KeySource for MemoryClients {
    async fn fetch_keys(&self, url: &KeySetUrl) -> Result<String, Unavailable> {
        self.get(&format!("GET {url}"))?.ok_or_else(|| Unavailable::new("status 404"))
    }
}

impl RevocationStore for MemoryClients {
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        self.get(&format!("revoked:{jti}")).map(|kept| kept.is_some())
    }

    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable> {
        if self.down {
            return Err(Unavailable::new("the store is down"));
        }
        self.records.borrow_mut().insert(format!("revoked:{jti}"), until.to_string());
        Ok(())
    }
}

/// The contract of every [`RevocationStore`]. `store` must have no revocations.
pub async fn revocation_store_contract(store: &impl RevocationStore, until: u64) {
    let (one, other) = ("AAECAwQFBgcICQoLDA0ODw", "aAECAwQFBgcICQoLDA0ODw");
    assert_eq!(store.is_revoked(one).await, Ok(false), "nothing is revoked yet");
    for time in ["once", "again"] {
        assert_eq!(store.revoke(one, until).await, Ok(()), "{time}");
        assert_eq!(store.is_revoked(one).await, Ok(true), "{time}");
    }
    assert_eq!(store.is_revoked(other).await, Ok(false), "case counts");
}

/// The contract of every [`ClientStore`]. `store` must hold `record`, and no other client whose ID begins
/// with the same ID.
pub async fn client_store_contract(store: &impl ClientStore, record: &ClientRecord) {
    let found = store.find(&record.id).await.expect("the store is available").expect("the record is there");
    assert_eq!(
        ClientRecord::parse(&record.id, &found).expect("as it was written").to_json(),
        record.to_json()
    );
    for other in [format!("{}x", record.id), record.id.as_str().to_uppercase() + "!", "x".repeat(256)] {
        let id = ClientId::parse(&other).expect("a client ID");
        assert_eq!(store.find(&id).await, Ok(None), "{other} does not exist, and that is not an error");
    }
}

/// The contract of every [`ApiStore`]. `store` must hold `record`, and no other API whose identifier begins
/// with the same one. No client is an API.
pub async fn api_store_contract(store: &impl ApiStore, record: &ApiRecord) {
    let found =
        store.find_api(&record.id).await.expect("the store is available").expect("the record is there");
    assert_eq!(ApiRecord::parse(&record.id, &found).expect("as it was written").to_json(), record.to_json());
    for other in [format!("{}x", record.id), record.id.as_str().to_uppercase() + "!", "x".repeat(256)] {
        let id = ApiId::parse(&other).expect("an identifier");
        assert_eq!(store.find_api(&id).await, Ok(None), "{other} does not exist, and that is not an error");
    }
}
