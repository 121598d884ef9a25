//! Several instances of one deployment at one location.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use edgemint_issuer::ports::{
    ApiStore, ClientStore, LocationCache, RevocationStore, Signer, SlowHash, Verifier,
};
use edgemint_issuer::{
    ApiId, ApiRecord, Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret, Moment, Request,
    SigningKey, StoredSecret, Unavailable,
};
use edgemint_testkit::{Location, NOW, RANDOM, signing_key};
use serde_json::Value;

pub(crate) const API: &str = "https://api.example/";

/// A store that counts the reads of each key, and fails on command. Its clones have the same records.
#[derive(Default, Clone)]
pub(crate) struct Store {
    pub(crate) records: Rc<RefCell<BTreeMap<String, String>>>,
    pub(crate) reads: Rc<RefCell<BTreeMap<String, u32>>>,
    pub(crate) is_down: Rc<Cell<bool>>,
    pub(crate) location: Option<Location>,
}

edgemint_testkit::store_without_issuers!(Store);

impl Store {
    fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        *self.reads.borrow_mut().entry(key.to_owned()).or_default() += 1;
        if self.is_down.get() {
            Err(Unavailable::new("down"))
        } else {
            Ok(self.records.borrow().get(key).cloned())
        }
    }

    pub(crate) fn reads(&self) -> u32 {
        self.reads.borrow().values().sum()
    }
}

impl ClientStore for Store {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key())
    }
}

impl ApiStore for Store {
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
        self.get(&id.kv_key())
    }
}

impl RevocationStore for Store {
    async fn is_revoked(&self, _: &str) -> Result<bool, Unavailable> {
        Ok(false)
    }

    async fn revoke(&self, _: &str, _: u64) -> Result<(), Unavailable> {
        Ok(())
    }
}

impl LocationCache for Store {
    async fn cached(&self, name: &str) -> Option<String> {
        self.location.as_ref()?.cached(name).await
    }

    fn cache(&self, name: &str, text: &str, seconds: u64) {
        if let Some(location) = &self.location {
            location.cache(name, text, seconds);
        }
    }
}

/// Signs nothing and believes every signature, because the property is about many requests.
pub(crate) struct Unsigned;

edgemint_testkit::crypto_without_others!(Unsigned);

impl Signer for Unsigned {
    async fn prepare(&self, _: &SigningKey) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn sign(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(vec![0; 64])
    }
}

impl Verifier for Unsigned {
    async fn verify(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Unavailable> {
        Ok(true)
    }
}

impl SlowHash for Unsigned {
    async fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> Result<[u8; 32], Unavailable> {
        Err(Unavailable::new("no secret here has a slow hash"))
    }
}

pub(crate) fn secret() -> GeneratedSecret {
    GeneratedSecret::from_random(&[9; 32])
}

/// The client, whose tokens live this long.
pub(crate) fn client(lifetime: u64) -> ClientRecord {
    let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "App");
    record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash: secret().hash() });
    record.token_lifetime = Some(lifetime);
    record.grants.insert(ApiId::parse(API).unwrap(), Vec::new());
    record
}

/// Several instances of one deployment at one location.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) location: Location,
    pub(crate) instances: Vec<Authority<Store, Unsigned>>,
}

impl World {
    pub(crate) fn new(count: usize, has_location: bool, more: &[(&str, &str)]) -> Self {
        let location = Location::default();
        let store = Store { location: has_location.then(|| location.clone()), ..Store::default() };
        let world = Self { instances: Vec::new(), store, location };
        world.put(&client(100));
        let api = ApiRecord::new(ApiId::parse(API).unwrap(), "API");
        world.store.records.borrow_mut().insert(api.id.kv_key(), api.to_json());
        let instances = (0..count).map(|_| world.instance(more)).collect();
        Self { instances, ..world }
    }

    pub(crate) fn instance(&self, more: &[(&str, &str)]) -> Authority<Store, Unsigned> {
        let key = signing_key("EdDSA", &[]);
        let base = [
            ("ISSUER", "https://example.com"),
            ("GRANT_TYPES", "client_credentials"),
            ("SIGNING_KEY_A", &key),
        ];
        let base = base.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
        let config = Config::parse(base.chain(more).copied()).unwrap();
        Authority::new(config, self.store.clone(), Unsigned, [0; 32])
    }

    pub(crate) fn put(&self, record: &ClientRecord) {
        self.store.records.borrow_mut().insert(record.id.kv_key(), record.to_json());
    }

    /// The status and body of the answer of `instance` at the second `at`.
    pub(crate) fn post(&self, instance: usize, path: &str, form: &str, at: u64) -> (u16, Value) {
        let body = format!("client_id=app&client_secret={}&{form}", secret().expose());
        let request = Request {
            method: "POST",
            path,
            content_type: Some("application/x-www-form-urlencoded"),
            body: Body::Whole(body.as_bytes()),
            ..Request::default()
        };
        let moment = Moment { now: NOW + at, random: RANDOM };
        let answer = pollster::block_on(self.instances[instance].handle(&request, &moment)).response;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    pub(crate) fn token(&self, instance: usize, at: u64) -> (u16, Value) {
        self.post(instance, "/token", "grant_type=client_credentials", at)
    }

    pub(crate) fn status(&self, instance: usize, at: u64) -> u16 {
        self.token(instance, at).0
    }
}
