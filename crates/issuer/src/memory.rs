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
    entries: RefCell<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    value: V,
    until: u64,
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    pub(crate) fn new(time: Lifetime) -> Self {
        Self { seconds: time.seconds(), entries: RefCell::default() }
    }

    /// What was remembered under `key`, unless its time is up.
    pub(crate) fn get(&self, key: &K, now: u64) -> Option<V> {
        self.entries.borrow().get(key).filter(|entry| now < entry.until).map(|entry| entry.value.clone())
    }

    /// Remembers `value` from `now` on.
    pub(crate) fn put(&self, key: K, value: V, now: u64) {
        if self.seconds == 0 {
            return;
        }
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= CAPACITY {
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
