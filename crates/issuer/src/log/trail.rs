//! The data that one request carries from step to step: its time, its network, and the failures that it
//! survived.

use std::cell::RefCell;

use crate::http::arrival::Arrival;

/// The trail of one request.
#[derive(Debug)]
pub(crate) struct Trail {
    /// The time of arrival, in seconds since 1970.
    pub(crate) now: u64,
    /// The network of the sender, if known.
    pub(crate) network: Option<String>,
    degraded: RefCell<Vec<String>>,
}

impl Trail {
    pub(crate) fn new(arrival: &Arrival<'_>, now: u64) -> Self {
        Self { now, network: arrival.network(), degraded: RefCell::default() }
    }

    /// Records a failure that the request survives. The answer does not mention it, but the log does.
    pub(crate) fn goes_on_without(&self, what: String) {
        self.degraded.borrow_mut().push(what);
    }

    /// The failures that the request survived.
    pub(crate) fn into_degraded(self) -> Vec<String> {
        self.degraded.into_inner()
    }
}
