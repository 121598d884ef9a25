//! What waits, by its number: bounded in count, in bytes, and in seconds.

use std::collections::HashMap;

struct Entry<T> {
    work: T,
    bytes: usize,
    since: u64,
}

/// What waits. It is taken out to go on, and put back to wait for something else.
pub(crate) struct Waiting<T> {
    entries: HashMap<u32, Entry<T>>,
    bytes: usize,
    swept: u64,
    most: usize,
    most_bytes: usize,
    longest: u64,
}

impl<T> Waiting<T> {
    /// Nothing yet; then there is room until it is `most`, or `most_bytes`. What waits for more than `longest` seconds is
    /// swept out.
    pub(crate) fn new(most: usize, most_bytes: usize, longest: u64) -> Self {
        Self { entries: HashMap::new(), bytes: 0, swept: 0, most, most_bytes, longest }
    }

    /// Whether another may come in. The bounds are exceeded by at most that one.
    pub(crate) fn has_room(&self) -> bool {
        self.entries.len() < self.most && self.bytes < self.most_bytes
    }

    /// Has `work` of so many `bytes` wait from the second `now` on. There is always room for work that was let in before.
    /// Gives what waited under this number until now, if anything did.
    pub(crate) fn insert(&mut self, id: u32, now: u64, bytes: usize, work: T) -> Option<T> {
        let displaced = self.take(id);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.insert(id, Entry { work, bytes, since: now });
        displaced
    }

    /// Takes out what waits under this number.
    pub(crate) fn take(&mut self, id: u32) -> Option<T> {
        let Entry { work, bytes, .. } = self.entries.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(work)
    }

    /// Takes out, at the second `now`, all that has waited for too long. It looks once in a second: each look costs as much
    /// as there is.
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
