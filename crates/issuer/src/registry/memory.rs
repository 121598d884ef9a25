//! A small memory, with the time passed in: entries expire, and the oldest ones make room for new ones.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::rc::Rc;

use crate::grammar::duration::Lifetime;

/// The bytes that all memories of one isolate may hold together: a quarter of an isolate's 128 MB. The size
/// of an entry is rounded up. That leaves room for uncounted memory, such as the table of a [`HashMap`],
/// which does not shrink.
const TOTAL: usize = 32 << 20;

/// The bytes that one memory may hold. Every memory has one of these shares, so their sum is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share(usize);

impl Share {
    /// Records of clients.
    pub(crate) const CLIENTS: Self = Self(11 << 20);
    /// Records of APIs. The largest possible record fits.
    pub(crate) const APIS: Self = Self(8 << 20);
    /// Networks and clients with failed attempts.
    pub(crate) const FAILURES: Self = Self(4 << 20);
    /// Imported secrets that are known to match.
    pub(crate) const PROOFS: Self = Self(2 << 20);
    /// Revoked tokens.
    pub(crate) const REVOCATIONS: Self = Self(2 << 20);
    /// Records of trusted issuers.
    pub(crate) const ISSUERS: Self = Self(1 << 20);
    /// Keys of clients and of trusted issuers that were fetched.
    pub(crate) const KEYS: Self = Self(2 << 20);
    /// Assertions that were used.
    pub(crate) const REPLAYS: Self = Self(2 << 20);

    const ALL: [Self; 8] = [
        Self::CLIENTS,
        Self::APIS,
        Self::FAILURES,
        Self::PROOFS,
        Self::REVOCATIONS,
        Self::ISSUERS,
        Self::KEYS,
        Self::REPLAYS,
    ];

    /// The bytes of this share.
    pub(crate) fn bytes(self) -> usize {
        self.0
    }
}

const fn sum(shares: &[Share]) -> usize {
    match shares {
        [] => 0,
        [first, rest @ ..] => first.0 + sum(rest),
    }
}

const _: () = assert!(sum(&Share::ALL) <= TOTAL, "the memories of one isolate stay below the total");

/// A memory that keeps values for a fixed time. With a time of 0 it keeps nothing.
///
/// An entry may be older than its place in the memory ([`Memory::put_from`]), so entries need not expire in the
/// order in which they were put.
pub(crate) struct Memory<K, V> {
    seconds: u64,
    stale: u64,
    capacity: usize,
    entries: RefCell<Entries<K, V>>,
}

struct Entries<K, V> {
    by_key: HashMap<Rc<K>, Entry<V>>,
    /// The keys: the one that expires first is the first, and of several the one that was put first.
    by_age: BTreeMap<Age, Rc<K>>,
    /// The number of entries ever put.
    count: u64,
    /// The bytes of all entries.
    weight: usize,
}

/// The time at which an entry expires, and the number of entries that were put until then.
type Age = (u64, u64);

struct Entry<V> {
    value: V,
    /// Its key in [`Entries::by_age`].
    age: Age,
    weight: usize,
}

impl<V> Entry<V> {
    fn until(&self) -> u64 {
        self.age.0
    }
}

impl<K: Eq + Hash, V> Entries<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.by_key.remove(key) {
            self.by_age.remove(&entry.age);
            self.weight = self.weight.saturating_sub(entry.weight);
        }
    }

    fn oldest(&self) -> Option<&Entry<V>> {
        self.by_age.first_key_value().and_then(|(_, key)| self.by_key.get(key))
    }

    fn remove_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_first() {
            self.remove(&key);
        }
    }
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    /// The memory of an entry, without the bytes that its caller counts: its key, and its places in the table
    /// and in the tree. Just after the table has doubled, less than half of it is in use. A node of the tree
    /// may be half full.
    const OVERHEAD: usize = 3 * size_of::<(Rc<K>, Entry<V>)>() + size_of::<K>() + 64;

    pub(crate) fn new(share: Share, time: Lifetime) -> Self {
        Self::lingering(share, time, Lifetime::from_seconds(0))
    }

    /// A memory that keeps an entry for `stale` longer than `time`, for callers of [`Memory::get_stale`].
    pub(crate) fn lingering(share: Share, time: Lifetime, stale: Lifetime) -> Self {
        let entries = Entries { by_key: HashMap::new(), by_age: BTreeMap::new(), count: 0, weight: 0 };
        Self {
            seconds: time.seconds(),
            stale: stale.seconds(),
            capacity: share.0,
            entries: RefCell::new(entries),
        }
    }

    /// Whether it keeps anything. If not, no caller needs the weight of a value.
    pub(crate) fn keeps_anything(&self) -> bool {
        self.seconds.saturating_add(self.stale) > 0
    }

    /// The value under `key`, unless expired.
    pub(crate) fn get(&self, key: &K, now: u64) -> Option<V> {
        let entries = self.entries.borrow();
        entries.by_key.get(key).filter(|entry| now < entry.until()).map(|entry| entry.value.clone())
    }

    /// The value under `key`, expired or not, until the stale time is over.
    pub(crate) fn get_stale(&self, key: &K, now: u64) -> Option<V> {
        let entries = self.entries.borrow();
        let entry = entries.by_key.get(key).filter(|entry| now < entry.until().saturating_add(self.stale));
        entry.map(|entry| entry.value.clone())
    }

    /// Stores `value` from `now` on. `heap` is the number of bytes that `key` and `value` point to.
    ///
    /// The oldest entries make room. A value larger than the whole memory is not stored, and the previous
    /// value of its key is removed.
    pub(crate) fn put(&self, key: K, value: V, heap: usize, now: u64) {
        self.put_from(key, value, heap, now, now);
    }

    /// The same for a value that was right at `from`, an earlier time: it expires as if it had been put then.
    pub(crate) fn put_from(&self, key: K, value: V, heap: usize, from: u64, now: u64) {
        let mut entries = self.entries.borrow_mut();
        entries.remove(&key);
        let weight = Self::OVERHEAD.saturating_add(heap);
        if !self.keeps_anything() || weight > self.capacity {
            return;
        }
        let room = self.capacity - weight;
        while entries
            .oldest()
            .is_some_and(|oldest| entries.weight > room || oldest.until().saturating_add(self.stale) <= now)
        {
            entries.remove_oldest();
        }
        entries.count += 1;
        let (age, key) = ((from.min(now).saturating_add(self.seconds), entries.count), Rc::new(key));
        entries.by_age.insert(age, Rc::clone(&key));
        entries.by_key.insert(key, Entry { value, age, weight });
        entries.weight += weight;
    }

    /// Removes `key`.
    pub(crate) fn forget(&self, key: &K) {
        self.entries.borrow_mut().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sum_is_that_of_all_shares() {
        assert_eq!(sum(&Share::ALL), Share::ALL.iter().map(|share| share.bytes()).sum::<usize>());
        assert_eq!(sum(&[Share(5), Share(7)]), 12);
        assert!(Share::ALL.iter().all(|share| share.bytes() >= 1_000_000), "each has room for many entries");
    }

    #[test]
    fn the_overhead_is_more_than_an_entry_takes_and_less_than_twice_that() {
        type Key = [u8; 100];
        // Two places in the table, each with its control byte, the shared key with its two counters, and two places
        // in the tree.
        let table = 2 * (size_of::<(Rc<Key>, Entry<u32>)>() + 1);
        let taken = table + size_of::<Key>() + 2 * size_of::<usize>() + 2 * size_of::<(u64, Rc<Key>)>();
        assert!((taken..2 * taken).contains(&Memory::<Key, u32>::OVERHEAD), "{taken}");
    }

    /// Room for nine entries without heap bytes.
    const SMALL: Share = Share(9 * Memory::<u8, u32>::OVERHEAD);

    fn seconds(seconds: u64) -> Lifetime {
        Lifetime::from_seconds(seconds)
    }

    /// Accessors for other tests.
    impl<K, V> Memory<K, V> {
        /// The number of entries.
        pub(crate) fn len(&self) -> usize {
            self.entries.borrow().by_key.len()
        }

        /// The bytes that it holds, and its capacity.
        pub(crate) fn weight_and_capacity(&self) -> (usize, usize) {
            let entries = self.entries.borrow();
            let sum = entries.by_key.values().map(|entry| entry.weight).sum();
            assert_eq!((entries.weight, entries.by_age.len()), (sum, entries.by_key.len()));
            (sum, self.capacity)
        }
    }

    #[test]
    fn an_entry_is_gone_when_its_time_is_up() {
        let memory = Memory::new(Share::CLIENTS, seconds(60));
        memory.put("a", 1, 0, 1000);
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
            let memory = Memory::lingering(Share::CLIENTS, seconds(time), seconds(600));
            memory.put("a", 1, 0, 1000);
            assert_eq!(memory.get(&"a", from), None);
            assert_eq!(
                (memory.get_stale(&"a", from + 599), memory.get_stale(&"a", from + 600)),
                (Some(1), None)
            );
        }
    }

    #[test]
    fn without_time_nothing_is_remembered() {
        let memory = Memory::new(Share::CLIENTS, seconds(0));
        memory.put("a", 1, 0, 1000);
        assert_eq!((memory.get(&"a", 1000), memory.weight_and_capacity().0), (None, 0));
    }

    #[test]
    fn when_it_is_full_the_oldest_entry_goes_and_no_other() {
        let memory: Memory<u8, u32> = Memory::new(SMALL, seconds(60));
        for key in 0..9 {
            memory.put(key, 0, 0, 1000);
        }
        memory.put(0, 1, 0, 1000);
        memory.put(9, 1, 0, 1000);
        let kept: Vec<u8> = (0..10).filter(|key| memory.get(key, 1000).is_some()).collect();
        assert_eq!(kept, [0, 2, 3, 4, 5, 6, 7, 8, 9], "the entry that was put again is the youngest but one");
    }

    #[test]
    fn an_entry_that_is_older_than_its_place_expires_first_and_makes_room_first() {
        let memory: Memory<u8, u32> = Memory::lingering(SMALL, seconds(60), seconds(600));
        memory.put(0, 0, 0, 1000);
        memory.put_from(1, 1, 0, 950, 1000);
        assert_eq!((memory.get(&1, 1009), memory.get(&1, 1010)), (Some(1), None));
        assert_eq!((memory.get_stale(&1, 1609), memory.get_stale(&1, 1610)), (Some(1), None));
        // It is over before the entry that was put before it, and no longer takes room then.
        memory.put(2, 2, 0, 1610);
        assert_eq!((memory.len(), memory.get_stale(&0, 1610)), (2, Some(0)));

        let memory: Memory<u8, u32> = Memory::new(SMALL, seconds(60));
        for key in 0..8 {
            memory.put(key, 0, 0, 1000);
        }
        memory.put_from(8, 0, 0, 990, 1000);
        memory.put(9, 0, 0, 1000);
        let kept: Vec<u8> = (0..10).filter(|key| memory.get(key, 1000).is_some()).collect();
        assert_eq!(kept, [0, 1, 2, 3, 4, 5, 6, 7, 9]);
        // A time in the future counts as now.
        memory.put_from(9, 0, 0, 2000, 1000);
        assert_eq!(memory.get(&9, 1060), None);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put { key: u8, value: u32, heap: usize, age: u64 },
        Get(u8),
        Forget(u8),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let heap =
            prop_oneof![Just(0), 0..SMALL.0 / 3, Just(8 * SMALL.0 / 9), Just(SMALL.0), Just(usize::MAX)];
        prop_oneof![
            6 => (0..16_u8, any::<u32>(), heap, prop_oneof![2 => Just(0), 1 => 0..60_u64])
                .prop_map(|(key, value, heap, age)| Step::Put { key, value, heap, age }),
            2 => (0..16_u8).prop_map(Step::Get),
            1 => (0..16_u8).prop_map(Step::Forget),
            3 => (0..40_u64).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// Compared with a list, the entry that expires first at the beginning, that is searched from end to end.
        #[test]
        fn it_never_holds_more_than_fits(
            (fresh, stale) in prop_oneof![Just((60, 0)), Just((60, 100)), Just((0, 100)), Just((0, 0))],
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let memory: Memory<u8, u32> = Memory::lingering(SMALL, seconds(fresh), seconds(stale));
            let mut model: Vec<(u8, u32, usize, u64)> = Vec::new();
            let mut now = 1000;
            for step in steps {
                match step {
                    Step::Put { key, value, heap, age } => {
                        let from = now - age.min(fresh);
                        memory.put_from(key, value, heap, from, now);
                        model.retain(|(other, ..)| *other != key);
                        let weight = Memory::<u8, u32>::OVERHEAD.saturating_add(heap);
                        if weight <= SMALL.0 && fresh + stale > 0 {
                            model.retain(|(.., put)| now < put + fresh + stale);
                            while model.iter().map(|(_, _, weight, _)| weight).sum::<usize>() + weight > SMALL.0 {
                                model.remove(0);
                            }
                            let at = model.partition_point(|(.., put)| *put <= from);
                            model.insert(at, (key, value, weight, from));
                        }
                    }
                    Step::Forget(key) => {
                        memory.forget(&key);
                        model.retain(|(other, ..)| *other != key);
                    }
                    Step::Wait(time) => now += time,
                    Step::Get(key) => {
                        let found = |until: u64| model.iter().find(|(other, _, _, put)| *other == key && now < put + until);
                        let (fresh, stale) = (found(fresh), found(fresh + stale));
                        prop_assert_eq!(memory.get(&key, now), fresh.map(|(_, value, ..)| *value));
                        prop_assert_eq!(memory.get_stale(&key, now), stale.map(|(_, value, ..)| *value));
                    }
                }
                let (weight, capacity) = memory.weight_and_capacity();
                prop_assert!(weight <= capacity);
                prop_assert_eq!(weight, model.iter().map(|(_, _, weight, _)| weight).sum::<usize>());
            }
            for (key, value, _, put) in &model {
                prop_assert_eq!(memory.get(key, now), (now < put + fresh).then_some(*value));
            }
        }
    }
}
