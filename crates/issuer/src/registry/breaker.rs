//! The circuit breaker before the store: after a read timed out, requests with a cached record skip the
//! store.

use std::cell::Cell;

use crate::ports::Unavailable;

/// After a read timed out, requests that have a cached record skip the store for this many seconds.
pub(crate) const HANGING: u64 = 10;

/// After that, one request probes the store, and the others skip it for this many more seconds. This is a
/// little longer than hosts wait for a read.
pub(crate) const PROBING: u64 = 3;

/// Whether the store is considered to hang.
///
/// The breaker keeps requests from the store for at most [`HANGING`] plus [`PROBING`] seconds after an
/// observed time-out. A probe whose future is dropped, because its client closed the connection, releases its
/// place and adds no time. Otherwise a disabled client could keep its cached record in use by probing and
/// closing connections again and again.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Cell<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// The time until which the store is considered to hang. 0 if its last outcome was not a time-out.
    hangs_until: u64,
    /// The time until which requests wait for the outcome of a probe, counted from the first probe after
    /// `hangs_until`.
    probing_until: Option<u64>,
    /// Whether a probe is under way.
    is_probing: bool,
}

/// A read of the store that the breaker allowed.
///
/// If dropped without an outcome, it releases the place of the probe, if it had it. The probe of an earlier
/// outage may do so late, during a later outage. Then two requests probe.
#[must_use]
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    breaker: &'a Breaker,
    now: u64,
    is_probe: bool,
}

impl Breaker {
    /// Whether a request that came at `now` and has a cached record should use that record. A request without
    /// one always queries the store, because one slow key must not lock out all clients.
    pub(crate) fn is_open(&self, now: u64) -> bool {
        let state = self.0.get();
        now < state.hangs_until || state.is_probing && state.probing_until.is_some_and(|until| now < until)
    }

    /// Begins a read for a request that came at `now`. It becomes the probe if the store is due for one.
    pub(crate) fn attempt(&self, now: u64) -> Attempt<'_> {
        let state = self.0.get();
        let is_due = state.hangs_until != 0 && now >= state.hangs_until && !state.is_probing;
        let probing_until = state.probing_until.unwrap_or(now.saturating_add(PROBING));
        // After this second no request waits for a probe, so there is none. Each request queries the store
        // until there is an outcome.
        let is_probe = is_due && now < probing_until;
        if is_probe {
            self.0.set(State { probing_until: Some(probing_until), is_probing: true, ..state });
        }
        Attempt { breaker: self, now, is_probe }
    }
}

impl Attempt<'_> {
    /// The store answered.
    pub(crate) fn answered(self) {
        self.breaker.0.set(State::default());
    }

    /// The store did not answer. After an immediate error, each request queries the store.
    pub(crate) fn failed(self, why: &Unavailable) {
        let hangs_until = if why.is_timeout() {
            // A read that began before another one may time out after it.
            self.now.saturating_add(HANGING).max(self.breaker.0.get().hangs_until)
        } else {
            0
        };
        self.breaker.0.set(State { hangs_until, ..State::default() });
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            let state = self.breaker.0.get();
            self.breaker.0.set(State { is_probing: false, ..state });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn timed_out() -> Unavailable {
        Unavailable::timed_out("it hung")
    }

    #[test]
    fn after_a_time_out_requests_skip_the_store_and_then_one_of_them_probes() {
        let breaker = Breaker::default();
        assert!(!breaker.is_open(0));
        breaker.attempt(0).failed(&timed_out());
        assert!(breaker.is_open(HANGING - 1));
        assert!(!breaker.is_open(HANGING));
        let probe = breaker.attempt(HANGING);
        assert!(breaker.is_open(HANGING), "the others wait for its outcome");
        probe.answered();
        assert!(!breaker.is_open(HANGING));
    }

    #[test]
    fn after_an_error_that_came_at_once_each_request_asks() {
        let breaker = Breaker::default();
        breaker.attempt(0).failed(&timed_out());
        breaker.attempt(HANGING).failed(&Unavailable::new("it threw"));
        assert!(!breaker.is_open(HANGING));
    }

    #[test]
    fn a_probe_that_is_dropped_gives_its_place_back() {
        let breaker = Breaker::default();
        breaker.attempt(0).failed(&timed_out());
        drop(breaker.attempt(HANGING));
        assert!(!breaker.is_open(HANGING), "the next request probes");
        let probe = breaker.attempt(HANGING);
        assert!(breaker.is_open(HANGING + PROBING - 1));
        assert!(!breaker.is_open(HANGING + PROBING), "a probe without an outcome stops no request");
        drop(probe);
    }

    #[test]
    fn nobody_waits_for_a_read_that_begins_when_the_time_of_probes_is_over() {
        let breaker = Breaker::default();
        breaker.attempt(0).failed(&timed_out());
        drop(breaker.attempt(HANGING));
        let late = breaker.attempt(HANGING + PROBING);
        assert!(!breaker.is_open(HANGING + PROBING - 1), "also a request that came a second earlier");
        drop(late);
    }

    #[test]
    fn a_read_that_is_not_the_probe_takes_and_gives_back_nothing() {
        let breaker = Breaker::default();
        breaker.attempt(0).failed(&timed_out());
        let early = breaker.attempt(1);
        let probe = breaker.attempt(HANGING);
        drop(early);
        drop(breaker.attempt(HANGING));
        assert!(breaker.is_open(HANGING), "the probe is still under way");
        drop(probe);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Wait(u64),
        /// A request, with or without a cached record.
        Begin(bool),
        /// The outcome of a pending read.
        Answer(usize),
        Fail(usize),
        TimeOut(usize),
        Drop(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0..4_u64).prop_map(Step::Wait),
            8 => any::<bool>().prop_map(Step::Begin),
            1 => any::<usize>().prop_map(Step::Answer),
            1 => any::<usize>().prop_map(Step::Fail),
            1 => any::<usize>().prop_map(Step::TimeOut),
            6 => any::<usize>().prop_map(Step::Drop),
        ]
    }

    proptest! {
        /// The bound holds however many connections are closed.
        #[test]
        fn a_time_out_spares_no_more_reads_than_its_seconds(steps in proptest::collection::vec(step(), 0..300)) {
            let breaker = Breaker::default();
            let (mut now, mut under_way) = (1000, Vec::new());
            // Whether the last outcome was a time-out, and the seconds at which a request has skipped the
            // store since then.
            let (mut has_timed_out, mut spared) = (false, BTreeSet::new());
            for step in steps {
                let ended = match step {
                    Step::Wait(seconds) => {
                        now += seconds;
                        continue;
                    }
                    Step::Begin(is_cached) => {
                        if is_cached && breaker.is_open(now) {
                            prop_assert!(has_timed_out, "skipped without cause");
                            spared.insert(now);
                        } else {
                            under_way.push(breaker.attempt(now));
                        }
                        prop_assert!(spared.len() as u64 <= HANGING + PROBING, "{spared:?}");
                        continue;
                    }
                    Step::Answer(i) | Step::Fail(i) | Step::TimeOut(i) | Step::Drop(i) => i,
                };
                if under_way.is_empty() {
                    continue;
                }
                let attempt = under_way.swap_remove(ended % under_way.len());
                match step {
                    Step::Answer(_) => attempt.answered(),
                    Step::Fail(_) => attempt.failed(&Unavailable::new("it threw")),
                    Step::TimeOut(_) => attempt.failed(&timed_out()),
                    Step::Drop(_) | Step::Wait(_) | Step::Begin(_) => {
                        drop(attempt);
                        continue;
                    }
                }
                has_timed_out = matches!(step, Step::TimeOut(_));
                spared.clear();
                if !has_timed_out {
                    prop_assert!(!breaker.is_open(now), "the store answered");
                }
            }
        }
    }
}
