//! The clients, the APIs and the trusted issuers: parsed, cached in memory for the cache time, and kept a while longer for store
//! outages. Between the memory and the store is the cache of the location, which several instances share.

pub(crate) mod breaker;
pub(crate) mod location;
pub(crate) mod memory;
pub(crate) mod remote_keys;
pub(crate) mod replays;
pub(crate) mod revocations;

use std::fmt::Display;
use std::hash::Hash;
use std::rc::Rc;

use crate::config::Config;
use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::log::trail::Trail;
use crate::ports::{ApiStore, ClientStore, IssuerStore, LocationCache, Unavailable};
use crate::records::api::ApiRecord;
use crate::records::api_id::ApiId;
use crate::records::client::ClientRecord;
use crate::records::client_id::ClientId;
use crate::records::schema::weight;
use crate::records::trusted_issuer::{TrustedIssuer, TrustedIssuerId};
use crate::registry::breaker::Breaker;
use crate::registry::location::Envelope;
use crate::registry::memory::{Memory, Share};

/// The fields that every client record has: all of version 1 except `token_lifetime`.
const CLIENT_FIELDS: usize = 9;

/// The fields that every API record has: `v`, `id`, `name`, `scopes` and `revision`.
const API_FIELDS: usize = 5;

/// The fields that every record of a trusted issuer has.
const ISSUER_FIELDS: usize = 10;

/// A [`ClientStore`], [`ApiStore`] and [`IssuerStore`], and what is before it: the memory, and a
/// [`LocationCache`].
///
/// Only existing records are cached, so a stranger that tries many IDs cannot fill the memory.
pub(crate) struct Registry<C> {
    store: C,
    remembered: Memory<ClientId, Rc<ClientRecord>>,
    apis: Memory<ApiId, Rc<ApiRecord>>,
    issuers: Memory<TrustedIssuerId, Rc<TrustedIssuer>>,
    breaker: Breaker,
    /// For records in the cache of the location, if that is used.
    envelope: Option<Envelope>,
}

impl<C> Registry<C> {
    pub(crate) fn new(store: C, config: &Config) -> Self {
        let (fresh, stale) = (config.client_cache, config.stale_if_error);
        Self {
            store,
            remembered: Memory::lingering(Share::CLIENTS, fresh, stale),
            apis: Memory::lingering(Share::APIS, fresh, stale),
            issuers: Memory::lingering(Share::ISSUERS, fresh, stale),
            breaker: Breaker::default(),
            envelope: config.location_cache.then(|| Envelope::new(config)).flatten(),
        }
    }

    /// The answer of the store, or `stale` when the store fails or is known to hang. `name` is for the log.
    async fn ask<T>(
        &self,
        read: impl Future<Output = Result<Option<String>, Unavailable>>,
        stale: Option<T>,
        name: impl FnOnce() -> String,
        trail: &Trail,
    ) -> Result<Answered<T>, TokenError> {
        let serve_stale = |stale: T, why: &str| {
            trail.goes_on_without(format!("the store could not be asked for {}: {why}", name()));
            Ok(Answered::Stale(stale))
        };
        let stale = match stale {
            Some(stale) if self.breaker.is_open(trail.now) => {
                return serve_stale(stale, "it did not answer a moment ago");
            }
            stale => stale,
        };
        let attempt = self.breaker.attempt(trail.now);
        // When the client closes the connection, this future ends here and `attempt` is dropped.
        match read.await {
            Ok(found) => {
                attempt.answered();
                Ok(Answered::Found(found))
            }
            Err(why) => {
                attempt.failed(&why);
                match stale {
                    Some(stale) => serve_stale(stale, &why.to_string()),
                    None => Err(Fault::StoreUnavailable(why).into()),
                }
            }
        }
    }
}

/// The result of a query to the store.
enum Answered<T> {
    /// The store answered.
    Found(Option<String>),
    /// The store did not answer, and this is the cached value.
    Stale(T),
}

impl<C> Registry<C> {
    /// The store itself, for data that is not cached here.
    pub(crate) fn store(&self) -> &C {
        &self.store
    }
}

impl<C: ClientStore + LocationCache> Registry<C> {
    /// The record of `id`. It may be as old as the cache time, or older when the store fails. `Ok(None)`
    /// means that there is no such client.
    pub(crate) async fn find(
        &self,
        id: &ClientId,
        trail: &Trail,
    ) -> Result<Option<Rc<ClientRecord>>, TokenError> {
        // A disabled client may be enabled by now. The issuer neither lets a client in on a guess, nor
        // answers 401 on a guess.
        self.find_client(id, |record: &ClientRecord| !record.disabled, trail).await
    }

    /// The same, but a store failure is an error. For decisions that must not rest on a guess.
    pub(crate) async fn find_certain(
        &self,
        id: &ClientId,
        trail: &Trail,
    ) -> Result<Option<Rc<ClientRecord>>, TokenError> {
        self.find_client(id, |_: &ClientRecord| false, trail).await
    }

    async fn find_client(
        &self,
        id: &ClientId,
        may_be_stale: impl Fn(&ClientRecord) -> bool,
        trail: &Trail,
    ) -> Result<Option<Rc<ClientRecord>>, TokenError> {
        let stored = Stored {
            id,
            memory: &self.remembered,
            kv_key: ClientId::kv_key,
            noun: "client",
            parse: |json: &str| {
                ClientRecord::parse(id, json).map_err(|why| Fault::CorruptRecord(id.clone(), why))
            },
            weight: |json: &str| id.as_str().len() + weight::<ClientRecord>(json, CLIENT_FIELDS),
        };
        self.find_in(stored, self.store.find(id), may_be_stale, trail).await
    }
}

impl<C: ApiStore + LocationCache> Registry<C> {
    /// The record of the API `id`. It may be as old as the cache time, or older when the store fails.
    /// `Ok(None)` means that there is no such API.
    pub(crate) async fn find_api(
        &self,
        id: &ApiId,
        trail: &Trail,
    ) -> Result<Option<Rc<ApiRecord>>, TokenError> {
        let stored = Stored {
            id,
            memory: &self.apis,
            kv_key: ApiId::kv_key,
            noun: "API",
            parse: |json: &str| ApiRecord::parse(id, json).map_err(|why| Fault::CorruptApi(id.clone(), why)),
            weight: |json: &str| id.as_str().len() + weight::<ApiRecord>(json, API_FIELDS),
        };
        self.find_in(stored, self.store.find_api(id), |_: &ApiRecord| true, trail).await
    }
}

impl<C: IssuerStore + LocationCache> Registry<C> {
    /// The record of the trusted issuer `id`. It may be as old as the cache time, or older when the store
    /// fails, unless it was disabled. `Ok(None)` means that it is not registered.
    pub(crate) async fn find_issuer(
        &self,
        id: &TrustedIssuerId,
        trail: &Trail,
    ) -> Result<Option<Rc<TrustedIssuer>>, TokenError> {
        let stored = Stored {
            id,
            memory: &self.issuers,
            kv_key: TrustedIssuerId::kv_key,
            noun: "issuer",
            parse: |json: &str| {
                TrustedIssuer::parse(id, json).map_err(|why| Fault::CorruptIssuer(id.clone(), why))
            },
            // An uploaded JWKS is kept twice: as it was stored, and parsed.
            weight: |json: &str| id.as_str().len() + 2 * weight::<TrustedIssuer>(json, ISSUER_FIELDS),
        };
        self.find_in(stored, self.store.find_issuer(id), |issuer: &TrustedIssuer| !issuer.disabled, trail)
            .await
    }
}

/// How a kind of record is read and remembered.
struct Stored<'a, K, T, P, W> {
    id: &'a K,
    memory: &'a Memory<K, Rc<T>>,
    /// The name of the record in the store.
    kv_key: fn(&K) -> String,
    /// The kind, for the log.
    noun: &'static str,
    parse: P,
    /// An upper bound of the memory of a record with this JSON.
    weight: W,
}

impl<C: LocationCache> Registry<C> {
    /// The record from the memory, else from the cache of the location, else from the store by `read`. When the
    /// store fails, a stale record that `may_be_stale` serves.
    async fn find_in<K, T, P, W>(
        &self,
        stored: Stored<'_, K, T, P, W>,
        read: impl Future<Output = Result<Option<String>, Unavailable>>,
        may_be_stale: impl Fn(&T) -> bool,
        trail: &Trail,
    ) -> Result<Option<Rc<T>>, TokenError>
    where
        K: Clone + Eq + Hash + Display,
        P: Fn(&str) -> Result<T, Fault>,
        W: Fn(&str) -> usize,
    {
        let Stored { id, memory, noun, kv_key, parse, weight } = stored;
        if let Some(record) = memory.get(id, trail.now) {
            return Ok(Some(record));
        }
        let envelope = self.envelope.as_ref().filter(|_| trail.takes_location_lookup());
        let entry = envelope.map(|envelope| envelope.entry(&kv_key(id)));
        if let Some(entry) = &entry
            && let Some(text) = self.store.cached(entry.name()).await
            && let Some((json, read_at)) = entry.open(&text, trail.now)
            && let Ok(record) = parse(json)
        {
            let record = Rc::new(record);
            if memory.keeps_anything() {
                memory.put_from(id.clone(), Rc::clone(&record), weight(json), read_at, trail.now);
            }
            return Ok(Some(record));
        }
        let stale = memory.get_stale(id, trail.now).filter(|record| may_be_stale(record));
        let json = match self.ask(read, stale, || format!("{noun} {id}"), trail).await? {
            Answered::Stale(record) => return Ok(Some(record)),
            Answered::Found(json) => json,
        };
        // Whatever the store answered, the cached record is outdated.
        memory.forget(id);
        let Some(json) = json else { return Ok(None) };
        let record = Rc::new(parse(&json)?);
        if memory.keeps_anything() {
            memory.put(id.clone(), Rc::clone(&record), weight(&json), trail.now);
        }
        // Only here, so only a record that exists and is well-formed gets there.
        if let Some(entry) = entry {
            self.store.cache(entry.name(), &entry.seal(&json, trail.now), entry.seconds());
        }
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::http::arrival::Arrival;
    use crate::records::platform::Platform;
    use crate::records::trusted_issuer::IssuerKeys;

    /// Has a record for every client and every API, with this number of groups or scopes, and counts the
    /// reads.
    struct Endless {
        groups: usize,
        scopes: usize,
        reads: Cell<u32>,
    }

    impl Endless {
        fn read(&self, head: &str, items: impl Iterator<Item = String>) -> Option<String> {
            self.reads.set(self.reads.get() + 1);
            Some(format!("{head}{}]}}", items.collect::<Vec<_>>().join(",")))
        }
    }

    impl ClientStore for Endless {
        async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
            let head = format!(
                r#"{{"v":1,"id":"{id}","name":"","public":false,"disabled":false,"secrets":[],"trusted_peers":[],"token_lifetime":null,"revision":1,"groups":["#
            );
            Ok(self.read(&head, (0..self.groups).map(|_| r#""g""#.to_owned())))
        }
    }

    impl LocationCache for Endless {}

    impl ApiStore for Endless {
        async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
            let head = format!(
                r#"{{"v":1,"id":"{id}","name":"","token_lifetime":null,"alg":null,"profile":null,"revision":1,"scopes":["#
            );
            let scope = |i| format!(r#"{{"name":"{i:x}","description":""}}"#);
            Ok(self.read(&head, (0..self.scopes).map(scope)))
        }
    }

    impl IssuerStore for Endless {
        async fn find_issuer(&self, id: &TrustedIssuerId) -> Result<Option<String>, Unavailable> {
            let keys = IssuerKeys::Jwks(serde_json::json!({ "keys": [] }));
            let name = "x".repeat(self.groups);
            Ok(Some(TrustedIssuer::new(id.clone(), name, Platform::Custom, keys).to_json()))
        }
    }

    #[test]
    fn the_record_of_an_issuer_counts_twice_and_its_identifier_once() {
        let weight = |id: &str, length: usize| {
            let (issuers, trail) = (clients(length, 0), Trail::new(&Arrival::default(), 1000));
            let id = TrustedIssuerId::parse(id).unwrap();
            assert!(pollster::block_on(issuers.find_issuer(&id, &trail)).unwrap().is_some());
            issuers.issuers.weight_and_capacity().0
        };
        let short = weight("https://a", 0);
        assert_eq!(weight("https://a", 100), short + 200);
        assert_eq!(weight("https://aaaa", 0), short + 3 + 6, "it is in the record, too");
    }

    fn clients(groups: usize, scopes: usize) -> Registry<Endless> {
        let config = Config::parse([("ISSUER", "https://example.com"), ("SIGNING_KEY_A", KEY)]).unwrap();
        Registry::new(Endless { groups, scopes, reads: Cell::new(0) }, &config)
    }

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

    /// Looks up a client and an API, and returns the number of reads.
    fn find(clients: &Registry<Endless>, name: &str) -> u32 {
        let trail = Trail::new(&Arrival::default(), 1000);
        let before = clients.store.reads.get();
        let client = pollster::block_on(clients.find(&ClientId::parse(name).unwrap(), &trail)).unwrap();
        let api = pollster::block_on(clients.find_api(&ApiId::parse(name).unwrap(), &trail)).unwrap();
        assert!(client.is_some() && api.is_some());
        clients.store.reads.get() - before
    }

    #[test]
    fn records_are_remembered_as_far_as_they_fit_and_the_oldest_ones_go() {
        let clients = clients(4_000, 400);
        for i in 0..100 {
            assert_eq!(find(&clients, &format!("{i}")), 2);
            for (weight, capacity) in
                [clients.remembered.weight_and_capacity(), clients.apis.weight_and_capacity()]
            {
                assert!(weight <= capacity, "{i}");
            }
        }
        assert_eq!(find(&clients, "99"), 0, "the youngest ones are there");
        assert_eq!(find(&clients, "0"), 2, "the oldest ones are not");
    }

    #[test]
    fn the_largest_record_of_many_small_items_is_remembered() {
        let clients = clients(60_000, 7_500);
        let id = "a".repeat(200);
        assert_eq!((find(&clients, &id), find(&clients, &id)), (2, 0));
    }
}
