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

#[cfg(test)]
mod tests {
    use std::future::{self, Future};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use serde_json::json;

    use super::*;
    use crate::http::arrival::Arrival;

    /// A source with one answer. Without an answer, each fetch hangs.
    struct Source {
        answer: RefCell<Option<Result<String, Unavailable>>>,
        fetches: Cell<usize>,
    }

    impl KeySource for Source {
        async fn fetch_keys(&self, _: &KeySetUrl) -> Result<String, Unavailable> {
            self.fetches.set(self.fetches.get() + 1);
            let answer = self.answer.borrow().clone();
            match answer {
                Some(answer) => answer,
                None => future::pending().await,
            }
        }
    }

    struct Issuer {
        remote: RemoteKeys,
        source: Source,
        url: KeySetUrl,
    }

    /// What a request for the key with some `kid` gets.
    #[derive(Debug, PartialEq)]
    enum Found {
        /// A set with this many keys.
        Keys(usize),
        Unavailable,
        /// Its fetch hung, and the request was dropped.
        Nothing,
    }

    impl Issuer {
        fn new(path: &str) -> Self {
            Self {
                remote: RemoteKeys::new(),
                source: Source { answer: RefCell::default(), fetches: Cell::default() },
                url: KeySetUrl::parse(&format!("https://keys.example.com/{path}")).unwrap(),
            }
        }

        fn serves(&self, kids: &[&str]) {
            let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
            let key = |kid: &&str| json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid });
            let keys: Vec<_> = kids.iter().map(key).collect();
            self.source.answer.replace(Some(Ok(json!({ "keys": keys }).to_string())));
        }

        fn fails(&self) {
            self.source.answer.replace(Some(Err(Unavailable::new("the answer has status 500"))));
        }

        fn hangs(&self) {
            self.source.answer.replace(None);
        }

        fn find(&self, kid: &str, now: u64) -> Found {
            let trail = Trail::new(&Arrival::default(), now);
            let wanted = Wanted { url: &self.url, uses: &["sig"], kid: Some(kid) };
            let request = pin!(self.remote.find(&wanted, &self.source, &trail));
            match request.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(keys)) => Found::Keys(keys.keys().len()),
                Poll::Ready(Err(_)) => Found::Unavailable,
                Poll::Pending => Found::Nothing,
            }
        }
    }

    #[test]
    fn without_keys_four_requests_fetch_at_a_time_until_their_fetches_are_lost() {
        let issuer = Issuer::new("a");
        for now in [1000, 1000, 1001, 1001] {
            assert_eq!(issuer.find("a", now), Found::Nothing);
        }
        assert_eq!(issuer.find("a", 1002), Found::Unavailable, "four fetches have no result yet");
        assert_eq!(issuer.source.fetches.get(), AT_ONCE);
        assert_eq!(issuer.find("a", 1003), Found::Nothing, "two of them are lost");
        issuer.serves(&["a"]);
        assert_eq!(issuer.find("a", 1003), Found::Keys(1));
    }

    #[test]
    fn a_fetch_with_a_result_makes_room_for_another_one() {
        let issuer = Issuer::new("a");
        issuer.fails();
        for _ in 0..2 * AT_ONCE {
            assert_eq!(issuer.find("a", 1000), Found::Unavailable);
        }
        assert_eq!(issuer.source.fetches.get(), 2 * AT_ONCE);
    }

    #[test]
    fn the_fetch_that_ends_is_the_one_that_began_then() {
        let remote = Remote::default();
        remote.pending.borrow_mut().extend([1000, 1001, 1002]);
        remote.ends(1001);
        assert_eq!(*remote.pending.borrow(), [1000, 1002]);
        remote.ends(1001);
        assert_eq!((remote.pending(1002), remote.pending(1003), remote.pending(1005)), (2, 1, 0));
    }

    #[test]
    fn while_one_request_fetches_others_use_the_known_keys() {
        let issuer = Issuer::new("a");
        issuer.serves(&["a"]);
        assert_eq!(issuer.find("a", 1000), Found::Keys(1));
        issuer.hangs();
        assert_eq!(issuer.find("a", 1000 + FRESH - 1), Found::Keys(1));
        assert_eq!(issuer.find("a", 1000 + FRESH), Found::Nothing);
        assert_eq!(issuer.find("a", 1000 + FRESH), Found::Keys(1));
        assert_eq!(issuer.find("a", 1000 + FRESH + LOST), Found::Nothing);
        assert_eq!(issuer.source.fetches.get(), 3);
    }

    #[test]
    fn after_a_failure_known_keys_are_used_for_ten_seconds_without_a_fetch() {
        let issuer = Issuer::new("a");
        issuer.serves(&["a"]);
        assert_eq!(issuer.find("a", 1000), Found::Keys(1));
        issuer.fails();
        let failed = 1000 + UNKNOWN_KEY_ID;
        assert_eq!(issuer.find("b", failed), Found::Unavailable, "the key may exist");
        assert_eq!(issuer.find("b", failed + 1), Found::Unavailable);
        assert_eq!(issuer.find("a", failed + 1), Found::Keys(1));
        assert_eq!(issuer.source.fetches.get(), 2);
        let due = 1000 + FRESH;
        issuer.fails();
        assert_eq!(issuer.find("a", due), Found::Keys(1));
        issuer.serves(&["a", "b"]);
        assert_eq!(issuer.find("a", due + FAILED - 1), Found::Keys(1));
        assert_eq!(issuer.find("a", due + FAILED), Found::Keys(2));
        assert_eq!(issuer.find("c", due + FAILED), Found::Keys(2), "no key has this ID");
    }

    #[test]
    fn a_success_and_a_failure_of_the_same_second_are_no_failure() {
        let issuer = Issuer::new("a");
        issuer.serves(&["a"]);
        assert_eq!(issuer.find("a", 1000), Found::Keys(1));
        let remote = issuer.remote.0.get(&issuer.url, 1000).unwrap();
        remote.failed.set(1000);
        assert_eq!(issuer.find("b", 1001), Found::Keys(1));
    }

    #[test]
    fn the_memory_counts_the_url_and_the_keys() {
        let weight = |path: &str, kids: &[&str]| {
            let issuer = Issuer::new(path);
            issuer.serves(kids);
            assert_eq!(issuer.find("a", 1000), Found::Keys(kids.len()));
            let set = issuer.remote.0.get(&issuer.url, 1000).unwrap().keys.borrow().clone().unwrap();
            (issuer.remote.0.weight_and_capacity().0, set.weight())
        };
        let (one, keys_of_one) = weight("a", &["a"]);
        let (two, keys_of_two) = weight("a", &["a", "b"]);
        assert_eq!(two - one, keys_of_two - keys_of_one);
        assert_eq!(weight("aaaaa", &["a"]).0, one + 4);
    }
}
