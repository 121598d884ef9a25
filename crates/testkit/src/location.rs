//! The cache of a location in memory, which several issuers share, and which can be made to fail.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use edgemint_issuer::ports::LocationCache;

/// A cache that never forgets by itself. Its clones are the same cache.
#[derive(Default, Clone)]
pub struct Location(Rc<Shared>);

#[derive(Default)]
struct Shared {
    entries: RefCell<BTreeMap<String, String>>,
    lookups: Cell<u32>,
    puts: Cell<u32>,
    is_down: Cell<bool>,
}

impl Location {
    /// The number of lookups.
    pub fn lookups(&self) -> u32 {
        self.0.lookups.get()
    }

    /// The number of texts that it was given.
    pub fn puts(&self) -> u32 {
        self.0.puts.get()
    }

    /// Changes every entry.
    pub fn alter(&self, change: impl Fn(&mut String)) {
        self.0.entries.borrow_mut().values_mut().for_each(change);
    }

    /// All names and texts.
    pub fn entries(&self) -> Vec<(String, String)> {
        self.0.entries.borrow().clone().into_iter().collect()
    }

    /// Makes every later call fail, or no more.
    pub fn set_down(&self, is_down: bool) {
        self.0.is_down.set(is_down);
    }
}

impl LocationCache for Location {
    async fn cached(&self, name: &str) -> Option<String> {
        self.0.lookups.set(self.0.lookups.get() + 1);
        if self.0.is_down.get() { None } else { self.0.entries.borrow().get(name).cloned() }
    }

    fn cache(&self, name: &str, text: &str, seconds: u64) {
        assert!(seconds > 0, "nothing is kept for no time");
        self.0.puts.set(self.0.puts.get() + 1);
        if !self.0.is_down.get() {
            self.0.entries.borrow_mut().insert(name.to_owned(), text.to_owned());
        }
    }
}
