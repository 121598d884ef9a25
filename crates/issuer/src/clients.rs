//! The clients and the APIs, as the issuer asks for them: parsed, kept in memory for the cache time, and for a while
//! longer in case that the store fails.

use std::cell::Cell;
use std::rc::Rc;

use crate::api::{ApiId, ApiRecord};
use crate::client::{ClientId, ClientRecord};
use crate::config::Config;
use crate::error::{TokenError, Unavailable};
use crate::memory::Memory;
use crate::ports::{ApiStore, ClientStore};
use crate::trail::Trail;

/// For so many seconds after a read that timed out, who can be served from memory does not wait for another one.
const HANGING: u64 = 10;

/// For so long one request tries again, and the others do not wait: a little longer than hosts wait for a read.
const PROBING: u64 = 3;

/// A [`ClientStore`] and [`ApiStore`], and the memory before it.
///
/// Only what exists is remembered: a stranger who tries many IDs fills nothing.
pub(crate) struct Clients<C> {
    store: C,
    remembered: Memory<ClientId, Rc<ClientRecord>>,
    apis: Memory<ApiId, Rc<ApiRecord>>,
    /// Until when the store is taken to hang; 0 when it answered last.
    hangs_until: Cell<u64>,
}

impl<C> Clients<C> {
    pub(crate) fn new(store: C, config: &Config) -> Self {
        let (fresh, stale) = (config.client_cache, config.stale_if_error);
        Self {
            store,
            remembered: Memory::lingering(fresh, stale),
            apis: Memory::lingering(fresh, stale),
            hangs_until: Cell::new(0),
        }
    }

    /// What the store says; or `stale`, when it fails or is known to hang. `name` is for the log.
    async fn ask<T>(
        &self,
        read: impl Future<Output = Result<Option<String>, Unavailable>>,
        stale: Option<T>,
        name: impl FnOnce() -> String,
        trail: &Trail,
    ) -> Result<Answered<T>, TokenError> {
        let (hangs_until, serve_stale) = (self.hangs_until.get(), |stale: T, why: &str| {
            trail.goes_on_without(format!("the store could not be asked for {}: {why}", name()));
            Ok(Answered::Stale(stale))
        });
        let stale = match stale {
            Some(stale) if trail.now < hangs_until => {
                return serve_stale(stale, "it did not answer a moment ago");
            }
            stale => stale,
        };
        if hangs_until != 0 {
            self.hangs_until.set(hangs_until.max(trail.now.saturating_add(PROBING)));
        }
        match (read.await, stale) {
            (Ok(found), _) => {
                self.hangs_until.set(0);
                Ok(Answered::Found(found))
            }
            (Err(why), stale) => {
                let hanging = if why.is_timeout() { trail.now.saturating_add(HANGING) } else { 0 };
                self.hangs_until.set(hanging);
                match stale {
                    Some(stale) => serve_stale(stale, &why.to_string()),
                    None => Err(TokenError::StoreUnavailable(why)),
                }
            }
        }
    }
}

/// What became of a question to the store.
enum Answered<T> {
    /// It answered.
    Found(Option<String>),
    /// It did not, and this is remembered.
    Stale(T),
}

impl<C: ClientStore> Clients<C> {
    /// The store itself, for what is not remembered.
    pub(crate) fn store(&self) -> &C {
        &self.store
    }

    /// The record of `id`, as it was at most the cache time ago, or longer when the store fails. `Ok(None)`: there is
    /// no such client.
    pub(crate) async fn find(
        &self,
        id: &ClientId,
        trail: &Trail,
    ) -> Result<Option<Rc<ClientRecord>>, TokenError> {
        // Who was disabled may have been enabled since; but nobody is let in, or told 401, on a guess.
        let stale = || self.remembered.get_stale(id, trail.now).filter(|record| !record.disabled);
        self.find_or(id, stale, trail).await
    }

    /// The same, but when the store fails that is an error: for what must be known, and not guessed.
    pub(crate) async fn find_certain(
        &self,
        id: &ClientId,
        trail: &Trail,
    ) -> Result<Option<Rc<ClientRecord>>, TokenError> {
        self.find_or(id, || None, trail).await
    }

    async fn find_or(
        &self,
        id: &ClientId,
        stale: impl FnOnce() -> Option<Rc<ClientRecord>>,
        trail: &Trail,
    ) -> Result<Option<Rc<ClientRecord>>, TokenError> {
        if let Some(record) = self.remembered.get(id, trail.now) {
            return Ok(Some(record));
        }
        let name = || format!("client {id}");
        let json = match self.ask(self.store.find(id), stale(), name, trail).await? {
            Answered::Stale(record) => return Ok(Some(record)),
            Answered::Found(json) => json,
        };
        // Whatever comes now, what was remembered is no longer so.
        self.remembered.forget(id);
        let Some(json) = json else { return Ok(None) };
        let record =
            ClientRecord::parse(id, &json).map_err(|why| TokenError::CorruptRecord(id.clone(), why))?;
        let record = Rc::new(record);
        self.remembered.put(id.clone(), Rc::clone(&record), trail.now);
        Ok(Some(record))
    }
}

impl<C: ApiStore> Clients<C> {
    /// The record of the API `id`, as it was at most the cache time ago, or longer when the store fails. `Ok(None)`:
    /// there is no such API.
    pub(crate) async fn find_api(
        &self,
        id: &ApiId,
        trail: &Trail,
    ) -> Result<Option<Rc<ApiRecord>>, TokenError> {
        if let Some(record) = self.apis.get(id, trail.now) {
            return Ok(Some(record));
        }
        let (stale, name) = (self.apis.get_stale(id, trail.now), || format!("API {id}"));
        let json = match self.ask(self.store.find_api(id), stale, name, trail).await? {
            Answered::Stale(record) => return Ok(Some(record)),
            Answered::Found(json) => json,
        };
        self.apis.forget(id);
        let Some(json) = json else { return Ok(None) };
        let record = ApiRecord::parse(id, &json).map_err(|why| TokenError::CorruptApi(id.clone(), why))?;
        let record = Rc::new(record);
        self.apis.put(id.clone(), Rc::clone(&record), trail.now);
        Ok(Some(record))
    }
}
