//! The data that one request carries from step to step: its time, its network, and the failures that it
//! survived.

use std::cell::{Cell, RefCell};

use crate::http::arrival::Arrival;
use crate::log::seen::SeenAssertion;

/// The trail of one request.
#[derive(Debug)]
pub(crate) struct Trail {
    /// The time of arrival, in seconds since 1970.
    pub(crate) now: u64,
    /// The network of the sender, if known.
    pub(crate) network: Option<String>,
    /// How many more records may come from the cache of the location, and go there.
    location_lookups: Cell<u32>,
    degraded: RefCell<Vec<String>>,
    /// The client's assertion, if it presented one.
    assertion: RefCell<Option<Box<SeenAssertion>>>,
}

impl Trail {
    pub(crate) fn new(arrival: &Arrival<'_>, now: u64) -> Self {
        Self {
            now,
            network: arrival.network(),
            location_lookups: Cell::default(),
            degraded: RefCell::default(),
            assertion: RefCell::default(),
        }
    }

    /// The same, where this many records may come from the cache of the location.
    pub(crate) fn with_location_lookups(self, most: u32) -> Self {
        Self { location_lookups: Cell::new(most), ..self }
    }

    /// Whether one more record may come from the cache of the location.
    pub(crate) fn takes_location_lookup(&self) -> bool {
        let left = self.location_lookups.get();
        self.location_lookups.set(left.saturating_sub(1));
        left > 0
    }

    /// Records a failure that the request survives. The answer does not mention it, but the log does.
    pub(crate) fn goes_on_without(&self, what: String) {
        self.degraded.borrow_mut().push(what);
    }

    /// Records the assertion that came.
    pub(crate) fn saw(&self, assertion: SeenAssertion) {
        *self.assertion.borrow_mut() = Some(Box::new(assertion));
    }

    /// Adds what was found out about the assertion.
    pub(crate) fn learned(&self, what: impl FnOnce(&mut SeenAssertion)) {
        if let Some(seen) = self.assertion.borrow_mut().as_mut() {
            what(seen);
        }
    }

    /// The failures that the request survived, and the assertion that came.
    pub(crate) fn into_parts(self) -> (Vec<String>, Option<Box<SeenAssertion>>) {
        (self.degraded.into_inner(), self.assertion.into_inner())
    }
}
