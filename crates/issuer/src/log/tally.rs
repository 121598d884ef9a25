//! Issued tokens as numbers instead of lines (`LOG_ISSUED=counted`).

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::log::count::{COUNTED, Count};
use crate::log::event::{Decision, Event};

/// How long a token is only counted in the memory of an instance before its row is due, in seconds.
pub const COUNTED_FOR: u64 = 60;

/// The most rows that wait. At some 3 KB for the longest texts, they take at most 3 MB.
const MANY: usize = 1_000;

/// The tokens of this instance that were counted, and that no row tells yet.
///
/// A row counts the tokens that one client got with the same proof and for the same audience within
/// [`COUNTED_FOR`], beginning with its first token. An instance that ends loses what is in here: at most the
/// tokens that it issued in its last [`COUNTED_FOR`] seconds, if each of its requests writes the rows that are
/// due.
#[derive(Debug, Default)]
pub struct Tally {
    rows: HashMap<Rc<Texts<'static>>, Row>,
    /// The rows by the time of their first token.
    by_age: VecDeque<Rc<Texts<'static>>>,
}

/// The columns that the tokens of a row have in common.
type Texts<'a> = [Cow<'a, str>; COUNTED.len()];

/// The part of a row that is not in its texts.
#[derive(Debug)]
struct Row {
    group: String,
    audience: Vec<String>,
    tokens: Cell<u64>,
    /// The time of the first token, in seconds since 1970.
    time: u64,
}

impl Tally {
    /// Counts `event` if it is an issued token and nothing failed. Any other event needs a line and a row of its
    /// own, and the result is false.
    pub fn count(&mut self, event: &Event) -> bool {
        let Decision::Issued { audience, .. } = event.decision() else { return false };
        if event.is_failure() {
            return false;
        }
        let Count { group, texts, time, .. } = event.count();
        let texts = alike(texts);
        // Seen with the lifetime of `texts`, so that a token of a known row copies no text.
        let rows: &HashMap<Rc<Texts<'_>>, Row> = &self.rows;
        if let Some(row) = rows.get(&texts) {
            row.tokens.set(row.tokens.get() + 1);
        } else {
            let texts = Rc::new(texts.map(|text| Cow::Owned(text.into_owned())));
            self.by_age.push_back(Rc::clone(&texts));
            let (group, audience) = (group.into_owned(), audience.clone());
            self.rows.insert(texts, Row { group, audience, tokens: Cell::new(1), time });
        }
        true
    }

    /// Takes the oldest row out if it is due at `now` (seconds since 1970), or if too many rows wait.
    pub fn due(&mut self, now: u64) -> Option<Counted> {
        let oldest = self.rows.get(self.by_age.front()?)?;
        let is_due = now.saturating_sub(oldest.time) >= COUNTED_FOR || self.rows.len() > MANY;
        if is_due { self.oldest() } else { None }
    }

    /// Takes the oldest row out.
    pub fn oldest(&mut self) -> Option<Counted> {
        let texts = self.by_age.pop_front()?;
        let Row { group, audience, tokens, time } = self.rows.remove(&texts)?;
        let texts = Rc::unwrap_or_clone(texts);
        let row = Count { group: group.into(), texts, degraded: 0, times: tokens.get(), time };
        Some(Counted { row, audience })
    }
}

/// The columns `texts` without those of the sender, which differ from token to token.
fn alike(texts: Texts<'_>) -> Texts<'_> {
    let mut names = COUNTED.iter();
    texts.map(|text| match names.next() {
        Some(&("network" | "country")) | None => Cow::Borrowed(""),
        Some(_) => text,
    })
}

/// Counted tokens that leave the memory.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    /// Their row.
    pub row: Count<'static>,
    pub(crate) audience: Vec<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::arrival::Arrival;
    use crate::http::request::Request;
    use crate::log::event::Proof;
    use crate::log::trail::Trail;

    /// The event of a token for a client with this number, issued at `now`.
    fn issued(client: u64, now: u64) -> Event {
        let decision = Decision::Issued {
            client: format!("client-{client}"),
            proof: Proof::Secret("s1".to_owned()),
            grant: "client_credentials",
            scopes: Vec::new(),
            audience: vec!["https://orders.example.com/".to_owned(), "reports".to_owned()],
            jti: format!("{now}"),
            kid: "k1".to_owned(),
            expires_in: 600,
            profile: "dex",
            id_token: false,
            bound: None,
        };
        let arrival = Arrival { address: Some("203.0.113.9"), country: Some("NL"), ..Arrival::default() };
        let request = Request { arrival, ..Request::default() };
        Event::new(decision, &request, Trail::new(&request.arrival, now))
    }

    fn refused(now: u64) -> Event {
        let decision = Decision::Unhealthy { reason: "no_active_key", detail: String::new() };
        Event::new(decision, &Request::default(), Trail::new(&Arrival::default(), now))
    }

    #[test]
    fn tokens_that_are_alike_share_a_row_for_a_minute() {
        let mut tally = Tally::default();
        for now in [1000, 1001, 1059] {
            assert!(tally.count(&issued(1, now)));
        }
        assert!(tally.count(&issued(2, 1030)));
        assert_eq!(tally.due(1059), None);
        let row = tally.due(1060).unwrap().row;
        assert_eq!((row.times, row.time, &*row.group), (3, 1000, "client-1"));
        let texts = row.texts.each_ref().map(AsRef::as_ref);
        let audience = "https://orders.example.com/ reports";
        assert_eq!(
            texts,
            ["token.issued", "ok", "client-1", "", "s1", audience, "", "k1", "", "", "secret", "s1", ""]
        );
        assert_eq!((tally.due(1089), tally.due(1090).map(|counted| counted.row.times)), (None, Some(1)));
        assert_eq!((tally.due(9999), tally.oldest()), (None, None));
    }

    #[test]
    fn only_an_issued_token_without_any_failure_is_counted() {
        let mut tally = Tally::default();
        assert!(!tally.count(&refused(1000)));
        let mut degraded = issued(1, 1000);
        degraded.goes_on_without("something failed".to_owned());
        assert!(!tally.count(&degraded));
        assert_eq!(tally.oldest(), None);
    }

    #[test]
    fn the_memory_is_bounded_and_the_oldest_rows_leave_first() {
        let mut tally = Tally::default();
        for client in 0..3 * MANY as u64 {
            tally.count(&issued(client, 1000));
            if let Some(Counted { row, .. }) = tally.due(1000) {
                assert_eq!((&*row.group, row.times), (&*format!("client-{}", client - MANY as u64), 1));
            }
            assert!(tally.rows.len() <= MANY && tally.rows.len() == tally.by_age.len());
        }
    }

    #[test]
    fn a_row_that_is_not_accepted_has_a_line() {
        let mut tally = Tally::default();
        tally.count(&issued(1, 1000));
        let line = tally.oldest().unwrap().line("COUNTS took no row");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            line,
            serde_json::json!({
                "time": 1000, "event": "tokens.counted", "outcome": "ok", "tokens": 1, "client": "client-1",
                "proof": {"kind": "secret", "id": "s1"}, "kid": "k1",
                "audience": ["https://orders.example.com/", "reports"], "degraded": ["COUNTS took no row"],
            })
        );
    }

    /// What happens to one of several instances.
    #[derive(Debug, Clone)]
    enum Step {
        /// It issues a token for a client.
        Issue { instance: usize, client: u64 },
        /// It ends, and another one takes its place.
        End { instance: usize },
        /// Seconds pass.
        Wait { seconds: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => (0..3_usize, 0..4_u64).prop_map(|(instance, client)| Step::Issue { instance, client }),
            1 => (0..3_usize).prop_map(|instance| Step::End { instance }),
            5 => (0..40_u64).prop_map(|seconds| Step::Wait { seconds }),
        ]
    }

    proptest! {
        /// Every token is in exactly one row, unless its instance ended within a minute of the instance's
        /// last request.
        #[test]
        fn an_instance_that_ends_loses_at_most_the_tokens_of_its_last_minute(
            steps in prop::collection::vec(step(), 1..300)
        ) {
            let mut now = 1_000_000;
            let mut instances: [Tally; 3] = Default::default();
            // The times of the tokens that each instance issued, and the time of its last request.
            let mut times: [Vec<u64>; 3] = Default::default();
            let mut last = [now; 3];
            let (mut all, mut written, mut most_lost) = (0, 0, 0);
            let end = |tally: &mut Tally, times: &mut Vec<u64>, last: u64| {
                *tally = Tally::default();
                let lost = times.iter().filter(|time| **time + COUNTED_FOR > last).count() as u64;
                times.clear();
                lost
            };
            for step in steps {
                match step {
                    Step::Wait { seconds } => now += seconds,
                    Step::End { instance } => {
                        most_lost += end(&mut instances[instance], &mut times[instance], last[instance]);
                    }
                    Step::Issue { instance, client } => {
                        let tally = &mut instances[instance];
                        while let Some(Counted { row, .. }) = tally.due(now) {
                            prop_assert!(now - row.time >= COUNTED_FOR);
                            written += row.times;
                        }
                        prop_assert!(tally.count(&issued(client, now)));
                        times[instance].push(now);
                        last[instance] = now;
                        all += 1;
                    }
                }
            }
            for (mut tally, (mut times, last)) in instances.into_iter().zip(times.into_iter().zip(last)) {
                most_lost += end(&mut tally, &mut times, last);
            }
            prop_assert!(written <= all, "a token is in two rows");
            prop_assert!(all - written <= most_lost, "{} of {all} are lost, at most {most_lost} may be", all - written);
        }
    }
}
