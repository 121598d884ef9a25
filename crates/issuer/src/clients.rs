//! The clients, as the issuer asks for them: parsed, and kept in memory for the cache time.

use std::rc::Rc;

use crate::client::{ClientId, ClientRecord};
use crate::duration::Lifetime;
use crate::error::TokenError;
use crate::memory::Memory;
use crate::ports::ClientStore;

/// A [`ClientStore`] and the memory before it.
///
/// Only clients that exist are remembered: a stranger who tries many IDs fills nothing.
pub(crate) struct Clients<C> {
    store: C,
    remembered: Memory<ClientId, Rc<ClientRecord>>,
}

impl<C: ClientStore> Clients<C> {
    pub(crate) fn new(store: C, cache_time: Lifetime) -> Self {
        Self { store, remembered: Memory::new(cache_time) }
    }

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
