//! A collection of waiting work, by number: bounded in count, in bytes, and in seconds.

use std::collections::HashMap;

struct Entry<T> {
    work: T,
    bytes: usize,
    since: u64,
}

/// The waiting work. It is taken out to go on, and put back to wait for something else.
pub(crate) struct Waiting<T> {
    entries: HashMap<u32, Entry<T>>,
    bytes: usize,
    swept: u64,
    most: usize,
    most_bytes: usize,
    longest: u64,
}

impl<T> Waiting<T> {
    /// An empty collection. It has room until it holds `most` items or `most_bytes`. Work that waits longer
    /// than `longest` seconds is swept out.
    pub(crate) fn new(most: usize, most_bytes: usize, longest: u64) -> Self {
        Self { entries: HashMap::new(), bytes: 0, swept: 0, most, most_bytes, longest }
    }

    /// Whether another item may come in. That item may exceed the bounds, but no further one can.
    pub(crate) fn has_room(&self) -> bool {
        self.entries.len() < self.most && self.bytes < self.most_bytes
    }

    /// Makes `work`, of this number of `bytes`, wait from `now` on. There is always room for work that was
    /// admitted before. Returns the work that waited under this number before, if any.
    pub(crate) fn insert(&mut self, id: u32, now: u64, bytes: usize, work: T) -> Option<T> {
        let displaced = self.take(id);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.insert(id, Entry { work, bytes, since: now });
        displaced
    }

    /// Takes out the work under this number.
    pub(crate) fn take(&mut self, id: u32) -> Option<T> {
        let Entry { work, bytes, .. } = self.entries.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(work)
    }

    /// Takes out all work that has waited too long at `now`. It searches only once per second, because the
    /// cost of a search is proportional to the number of items.
    pub(crate) fn sweep(&mut self, now: u64) -> Vec<T> {
        if self.swept == now {
            return Vec::new();
        }
        self.swept = now;
        let longest = self.longest;
        let old = |_: &u32, entry: &mut Entry<T>| now > entry.since.saturating_add(longest);
        let old: Vec<Entry<T>> = self.entries.extract_if(old).map(|(_, entry)| entry).collect();
        self.bytes = self.bytes.saturating_sub(old.iter().map(|entry| entry.bytes).sum());
        old.into_iter().map(|entry| entry.work).collect()
    }
}
