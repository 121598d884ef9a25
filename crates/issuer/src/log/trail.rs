//! What one request carries along from step to step: its time, its network, and what went wrong beside its way.

use std::cell::RefCell;

use crate::http::arrival::Arrival;

/// The trail of one request.
#[derive(Debug)]
pub(crate) struct Trail {
    /// When it came, in seconds since 1970.
    pub(crate) now: u64,
    /// Where it came from, as far as that is known.
    pub(crate) network: Option<String>,
    degraded: RefCell<Vec<String>>,
}

impl Trail {
    pub(crate) fn new(arrival: &Arrival<'_>, now: u64) -> Self {
        Self { now, network: arrival.network(), degraded: RefCell::default() }
    }

    /// Something failed, and the request goes on without it: the answer does not say so, the log does.
    pub(crate) fn goes_on_without(&self, what: String) {
        self.degraded.borrow_mut().push(what);
    }

    /// What the request went on without.
    pub(crate) fn into_degraded(self) -> Vec<String> {
        self.degraded.into_inner()
    }
}
