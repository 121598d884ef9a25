//! The keys of clients and of trusted issuers at registered URLs: fetched when they are needed, cached for a
//! few minutes, and kept for an hour while the fetch fails.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::grammar::duration::Lifetime;
use crate::grammar::key_set_url::KeySetUrl;
use crate::jose::jwks::KeySet;
use crate::log::trail::Trail;
use crate::ports::{KeySource, Unavailable};
use crate::registry::memory::{Memory, Share};

/// How long fetched keys are used without another fetch, in seconds.
const FRESH: u64 = 300;

/// How long fetched keys are used at most, while each fetch fails, in seconds.
const STALE: u64 = 3600;

/// The shortest time between two fetches because of a `kid` that the keys do not have, in seconds. A stranger
/// can name any `kid`.
const UNKNOWN_KEY_ID: u64 = 60;

/// The shortest time between two fetches of which the first one failed, while there are stale keys, in
/// seconds.
const FAILED: u64 = 10;

/// The time after which a fetch without a result counts as lost, in seconds: a little longer than hosts wait.
/// The runtime may drop the request that made it.
const LOST: u64 = 3;

/// The most fetches of one URL at a time while no keys of it are known.
const AT_ONCE: usize = 4;

/// The fetched keys.
pub(crate) struct RemoteKeys(Memory<KeySetUrl, Rc<Remote>>);

/// The keys at one URL, and the state of their fetches.
#[derive(Default)]
struct Remote {
    keys: RefCell<Option<Rc<KeySet>>>,
    /// When the known keys were fetched.
    fetched: Cell<u64>,
    /// The last time that a fetch began because of an unknown `kid`.
    searched: Cell<u64>,
    /// The last time that a fetch failed.
    failed: Cell<u64>,
    /// The times at which the fetches began that have no result yet.
    pending: RefCell<Vec<u64>>,
}

impl Remote {
    /// The number of fetches that have no result yet.
    fn pending(&self, now: u64) -> usize {
        let mut pending = self.pending.borrow_mut();
        pending.retain(|began| now < began.saturating_add(LOST));
        pending.len()
    }

    fn ends(&self, began: u64) {
        let mut pending = self.pending.borrow_mut();
        if let Some(at) = pending.iter().position(|other| *other == began) {
            pending.swap_remove(at);
        }
    }

    /// Whether a request that came at `now` should fetch the keys again although some are known, which may
    /// lack the one that it needs.
    fn needs_fetch(&self, lacks_key: bool, now: u64) -> bool {
        if self.pending(now) > 0 || now < self.failed.get().saturating_add(FAILED) {
            return false;
        }
        if now >= self.fetched.get().saturating_add(FRESH) {
            return true;
        }
        let may_search =
            lacks_key && now >= self.searched.get().max(self.fetched.get()).saturating_add(UNKNOWN_KEY_ID);
        if may_search {
            self.searched.set(now);
        }
        may_search
    }
}

/// A set of keys to look for.
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a KeySetUrl,
    /// The accepted values of `use` of its keys.
    pub(crate) uses: &'static [&'static str],
    /// The `kid` of the assertion.
    pub(crate) kid: Option<&'a str>,
}

impl RemoteKeys {
    pub(crate) fn new() -> Self {
        let (fresh, stale) = (Lifetime::from_seconds(FRESH), Lifetime::from_seconds(STALE));
        Self(Memory::lingering(Share::KEYS, fresh, stale))
    }

    /// The keys at `wanted.url`: the cached ones if they are fresh, else newly fetched ones, else stale ones.
    ///
    /// No request waits for the fetch of another one, because the runtime ends a request that does. While one
    /// request fetches, others use the known keys. Without known keys each fetches, at most four at a time.
    ///
    /// # Errors
    ///
    /// [`Fault::KeysUnavailable`], when no keys are known and none can be fetched.
    pub(crate) async fn find(
        &self,
        wanted: &Wanted<'_>,
        source: &impl KeySource,
        trail: &Trail,
    ) -> Result<Rc<KeySet>, TokenError> {
        let now = trail.now;
        let unavailable = |why| TokenError::Fault(Fault::KeysUnavailable(wanted.url.to_string(), why));
        let remote = self.0.get_stale(wanted.url, now).unwrap_or_else(|| {
            let remote = Rc::<Remote>::default();
            self.0.put(wanted.url.clone(), Rc::clone(&remote), wanted.url.as_str().len(), now);
            remote
        });
        let known = remote.keys.borrow().clone();
        let lacks = |known: &KeySet| {
            wanted.kid.is_some_and(|kid| known.keys().iter().all(|key| key.kid() != Some(kid)))
        };
        if let Some(known) = &known
            && !remote.needs_fetch(lacks(known), now)
        {
            // The issuer cannot know whether the key exists while the fetch that would show it fails.
            if lacks(known) && remote.failed.get() > remote.fetched.get() {
                return Err(unavailable(Unavailable::new("the last fetch failed")));
            }
            return Ok(Rc::clone(known));
        }
        if known.is_none() && remote.pending(now) >= AT_ONCE {
            return Err(unavailable(Unavailable::new("too many requests fetch them now")));
        }
        remote.pending.borrow_mut().push(now);
        let fetched = source.fetch_keys(wanted.url).await;
        remote.ends(now);
        let fetched = fetched.and_then(|json| {
            KeySet::parse(&json, wanted.uses).map_err(|why| Unavailable::new(why.to_string()))
        });
        match (fetched, known) {
            (Ok(keys), _) => {
                let keys = Rc::new(keys);
                *remote.keys.borrow_mut() = Some(Rc::clone(&keys));
                remote.fetched.set(now);
                let weight = wanted.url.as_str().len() + size_of::<Remote>() + keys.weight();
                self.0.put(wanted.url.clone(), remote, weight, now);
                Ok(keys)
            }
            (Err(why), Some(known)) if lacks(&known) => {
                remote.failed.set(now);
                Err(unavailable(why))
            }
            (Err(why), Some(known)) => {
                remote.failed.set(now);
                trail.goes_on_without(format!("the keys at {} could not be fetched: {why}", wanted.url));
                Ok(known)
            }
            (Err(why), None) => Err(unavailable(why)),
        }
    }
}
