//! A small memory with a clock passed in: entries that expire, and never more than fit.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

use crate::duration::Lifetime;

/// The most entries: at the some hundred bytes of a usual record, far below an isolate's 128 MB.
const CAPACITY: usize = 10_000;

/// Remembers values for a fixed time. With a time of 0 it remembers nothing.
pub(crate) struct Memory<K, V> {
    seconds: u64,
    stale: u64,
    entries: RefCell<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    value: V,
    until: u64,
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    pub(crate) fn new(time: Lifetime) -> Self {
        Self::lingering(time, Lifetime::from_seconds(0))
    }

    /// Where what is older than `time` can still be had, for `stale` more, by who asks for it
    /// ([`Memory::get_stale`]).
    pub(crate) fn lingering(time: Lifetime, stale: Lifetime) -> Self {
        Self { seconds: time.seconds(), stale: stale.seconds(), entries: RefCell::default() }
    }

    /// What was remembered under `key`, unless its time is up.
    pub(crate) fn get(&self, key: &K, now: u64) -> Option<V> {
        self.entries.borrow().get(key).filter(|entry| now < entry.until).map(|entry| entry.value.clone())
    }

    /// What was remembered under `key`, its time up or not.
    pub(crate) fn get_stale(&self, key: &K, now: u64) -> Option<V> {
        let entries = self.entries.borrow();
        let entry = entries.get(key).filter(|entry| now < entry.until.saturating_add(self.stale));
        entry.map(|entry| entry.value.clone())
    }

    /// Remembers `value` from `now` on.
    pub(crate) fn put(&self, key: K, value: V, now: u64) {
        if self.seconds == 0 && self.stale == 0 {
            return;
        }
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= CAPACITY {
            // What is stale goes first: it is wanted only when something else fails.
            entries.retain(|_, entry| now < entry.until);
            // Sweeping pays only when it frees a good part; else every further entry would sweep again.
            if entries.len() > CAPACITY / 2 {
                entries.clear();
            }
        }
        entries.insert(key, Entry { value, until: now.saturating_add(self.seconds) });
    }

    /// Forgets `key`.
    pub(crate) fn forget(&self, key: &K) {
        self.entries.borrow_mut().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_gone_when_its_time_is_up() {
        let memory = Memory::new(Lifetime::from_seconds(60));
        memory.put("a", 1, 1000);
        assert_eq!(
            (memory.get(&"a", 1059), memory.get(&"a", 1060), memory.get(&"b", 1000)),
            (Some(1), None, None)
        );
        memory.forget(&"a");
        assert_eq!(memory.get(&"a", 1000), None);
    }

    #[test]
    fn what_is_stale_can_be_had_for_as_long_as_it_lingers() {
        for (time, from) in [(60, 1060), (0, 1000)] {
            let memory = Memory::lingering(Lifetime::from_seconds(time), Lifetime::from_seconds(600));
            memory.put("a", 1, 1000);
            assert_eq!(memory.get(&"a", from), None);
            assert_eq!(
                (memory.get_stale(&"a", from + 599), memory.get_stale(&"a", from + 600)),
                (Some(1), None)
            );
        }
    }

    #[test]
    fn without_time_nothing_is_remembered() {
        let memory = Memory::new(Lifetime::from_seconds(0));
        memory.put("a", 1, 1000);
        assert_eq!(memory.get(&"a", 1000), None);
    }

    #[test]
    fn it_never_holds_more_than_fits() {
        let memory = Memory::new(Lifetime::from_seconds(60));
        for i in 0..3 * CAPACITY {
            memory.put(i, (), 1000);
            assert!(memory.entries.borrow().len() <= CAPACITY);
        }
        assert_eq!(memory.get(&(3 * CAPACITY - 1), 1000), Some(()));
    }
}
