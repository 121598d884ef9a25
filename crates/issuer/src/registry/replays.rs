//! The assertions that were used (RFC 7523 §3 item 7): those that this instance knows, before a [`Replay`].

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use crate::error::TokenError;
use crate::error::assertion::{AssertionError, AssertionFlaw, AssertionUse};
use crate::error::fault::Fault;
use crate::log::trail::Trail;
use crate::ports::{Replay, SingleUse};
use crate::registry::memory::Share;

/// An upper bound of the bytes of one entry: in the table, which may be half empty, and in the tree, whose
/// nodes may be half full.
const ENTRY: usize = 4 * size_of::<(u64, [u8; 32])>() + 16;

/// The most entries.
fn capacity() -> usize {
    Share::REPLAYS.bytes() / ENTRY
}

/// The proof that nothing was used twice. Only this module makes one, and no token is signed without one.
#[derive(Debug)]
pub(crate) struct Spent(());

/// The used assertions.
pub(crate) struct Replays<R> {
    replay: R,
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    until: HashMap<[u8; 32], u64>,
    by_time: BTreeSet<(u64, [u8; 32])>,
}

impl Known {
    fn contains(&self, key: &[u8; 32], now: u64) -> bool {
        self.until.get(key).is_some_and(|until| now < *until)
    }

    /// Adds an entry. Those that are over make room, and after them the ones that end first.
    fn add(&mut self, key: [u8; 32], until: u64, now: u64) {
        if let Some(earlier) = self.until.insert(key, until) {
            self.by_time.remove(&(earlier, key));
        }
        self.by_time.insert((until, key));
        while let Some(first) = self.by_time.first().copied() {
            if first.0 > now && self.by_time.len() <= capacity() {
                break;
            }
            self.by_time.remove(&first);
            self.until.remove(&first.1);
        }
    }
}

impl<R> Replays<R> {
    pub(crate) fn new(replay: R) -> Self {
        Self { replay, known: RefCell::default() }
    }
}

impl<R: Replay> Replays<R> {
    /// Uses `used`, if the client presented something that may be used only once.
    ///
    /// Called last before an answer, so a stranger cannot fill the memory. There is no fallback when the
    /// shared memory fails: a time-out may hide a success.
    ///
    /// # Errors
    ///
    /// If it was used before, or if that cannot be found out.
    pub(crate) async fn spend(
        &self,
        used: Option<&SingleUse>,
        used_as: AssertionUse,
        trail: &Trail,
    ) -> Result<Spent, TokenError> {
        let Some(used) = used else { return Ok(Spent(())) };
        let replayed = || AssertionError { flaw: AssertionFlaw::Replayed, used_as }.into();
        if self.known.borrow().contains(&used.key, trail.now) {
            return Err(replayed());
        }
        if !self.replay.is_shared() {
            trail.goes_on_without(
                "the binding REPLAY is missing: an assertion is used once per isolate".to_owned(),
            );
        }
        let is_first = self.replay.first_use(used).await;
        let is_first = is_first.map_err(|why| TokenError::Fault(Fault::ReplayUnavailable(why)))?;
        // Another request with the same assertion may have come in the meantime.
        let mut known = self.known.borrow_mut();
        if !is_first || known.contains(&used.key, trail.now) {
            return Err(replayed());
        }
        known.add(used.key, used.until, trail.now);
        Ok(Spent(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> [u8; 32] {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    }

    #[test]
    fn the_entries_fit_into_the_share_and_fill_most_of_it() {
        // Two places in the table, each with its control byte, and two in the tree.
        let taken = 4 * size_of::<(u64, [u8; 32])>() + 2;
        assert!((taken..2 * taken).contains(&ENTRY), "{taken}");
        assert_eq!(capacity(), Share::REPLAYS.bytes() / ENTRY);
    }

    #[test]
    fn of_too_many_entries_those_go_that_end_first() {
        let (mut known, most) = (Known::default(), capacity() as u64);
        for n in 0..most {
            known.add(key(n), 1000 + n, 0);
        }
        assert!(known.contains(&key(0), 999) && !known.contains(&key(0), 1000));
        known.add(key(most), 1000 + most, 0);
        assert!(!known.contains(&key(0), 0) && known.contains(&key(1), 0) && known.contains(&key(most), 0));
        assert_eq!((known.until.len(), known.by_time.len()), (capacity(), capacity()));
        known.add(key(most + 1), u64::MAX, 1000 + most - 1);
        assert_eq!((known.until.len(), known.by_time.len()), (2, 2), "those that are over are gone");
    }

    #[test]
    fn a_key_that_comes_again_has_only_its_later_time() {
        let mut known = Known::default();
        known.add(key(1), 1000, 0);
        known.add(key(1), 2000, 0);
        assert!(known.contains(&key(1), 1999) && !known.contains(&key(1), 2000));
        assert_eq!((known.until.len(), known.by_time.len()), (1, 1));
    }
}
