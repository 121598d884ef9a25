//! The clients and the APIs, as the issuer asks for them: parsed, and kept in memory for the cache time.

use std::rc::Rc;

use crate::api::{ApiId, ApiRecord};
use crate::client::{ClientId, ClientRecord};
use crate::duration::Lifetime;
use crate::error::TokenError;
use crate::memory::Memory;
use crate::ports::{ApiStore, ClientStore};

/// A [`ClientStore`] and [`ApiStore`], and the memory before it.
///
/// Only what exists is remembered: a stranger who tries many IDs fills nothing.
pub(crate) struct Clients<C> {
    store: C,
    remembered: Memory<ClientId, Rc<ClientRecord>>,
    apis: Memory<ApiId, Rc<ApiRecord>>,
}

impl<C> Clients<C> {
    pub(crate) fn new(store: C, cache_time: Lifetime) -> Self {
        Self { store, remembered: Memory::new(cache_time), apis: Memory::new(cache_time) }
    }
}

impl<C: ClientStore> Clients<C> {
    /// The store itself, for what is not remembered.
    pub(crate) fn store(&self) -> &C {
        &self.store
    }

    /// The record of `id`, as it was at most the cache time ago. `Ok(None)`: there is no such client.
    pub(crate) async fn find(&self, id: &ClientId, now: u64) -> Result<Option<Rc<ClientRecord>>, TokenError> {
        if let Some(record) = self.remembered.get(id, now) {
            return Ok(Some(record));
        }
        let Some(json) = self.store.find(id).await.map_err(TokenError::StoreUnavailable)? else {
            self.remembered.forget(id);
            return Ok(None);
        };
        let record =
            ClientRecord::parse(id, &json).map_err(|why| TokenError::CorruptRecord(id.clone(), why))?;
        let record = Rc::new(record);
        self.remembered.put(id.clone(), Rc::clone(&record), now);
        Ok(Some(record))
    }
}

impl<C: ApiStore> Clients<C> {
    /// The record of the API `id`, as it was at most the cache time ago. `Ok(None)`: there is no such API.
    pub(crate) async fn find_api(&self, id: &ApiId, now: u64) -> Result<Option<Rc<ApiRecord>>, TokenError> {
        if let Some(record) = self.apis.get(id, now) {
            return Ok(Some(record));
        }
        let Some(json) = self.store.find_api(id).await.map_err(TokenError::StoreUnavailable)? else {
            self.apis.forget(id);
            return Ok(None);
        };
        let record = ApiRecord::parse(id, &json).map_err(|why| TokenError::CorruptApi(id.clone(), why))?;
        let record = Rc::new(record);
        self.apis.put(id.clone(), Rc::clone(&record), now);
        Ok(Some(record))
    }
}
