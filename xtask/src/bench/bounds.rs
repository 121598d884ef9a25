//! The ratios that must hold, and the check of them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bench::cold_start::ColdStart;
use crate::bench::growth::Growth;
use crate::bench::load::Measured;

/// A figure relative to another one, and the highest allowed ratio.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ratio {
    pub(super) what: String,
    pub(super) figure: f64,
    /// The divisor; 1 where the figure itself is bounded.
    pub(super) by: f64,
    pub(super) unit: &'static str,
    pub(super) ratio: f64,
    pub(super) at_most: f64,
    pub(super) holds: bool,
}

impl Ratio {
    fn new(what: impl Into<String>, (figure, by): (f64, f64), unit: &'static str, at_most: f64) -> Self {
        let ratio = figure / by;
        // A ratio that could not be computed (NaN) does not hold.
        Self { what: what.into(), figure, by, unit, ratio, at_most, holds: ratio <= at_most }
    }

    /// The same ratio, with a bound that is wider by this fraction of it.
    pub(super) fn with_slack(self, slack: f64) -> Self {
        let at_most = self.at_most * (1.0 + slack);
        Self { at_most, holds: self.ratio <= at_most, ..self }
    }
}

const US: &str = "µs CPU";

/// A case, the case that it is compared with, and the highest allowed ratio of their costs. Bounds against another
/// runtime, or against the crate's shim, leave room for other machines:
/// docs/internals/decisions/0021-bound-the-worker-against-limit.md.
const OF_CASES: [(&str, &str, f64); 17] = [
    ("token", "limit", 1.3),
    ("token", "floor-memory", 1.0),
    ("token", "floor-kv", 0.7),
    ("token", "openauth", 0.5),
    ("token", "oidc-provider", 0.7),
    ("token+id", "token", 1.45),
    ("token-kv", "floor-kv", 1.1),
    ("refused", "limit", 1.0),
    ("refused", "hello-rust", 1.25),
    ("discovery", "hello-rust-get", 1.1),
    ("oauth-metadata", "hello-rust-get", 1.1),
    ("keys", "hello-rust-get", 1.1),
    ("introspection", "token-kv", 1.15),
    ("token-assertion", "token", 1.6),
    ("token-dpop", "token", 1.8),
    ("token-assertion-dpop", "token", 2.4),
    ("assertion-refused", "refused", 1.2),
];

/// The bound of the compressed size, in KiB.
const WASM_KIB: f64 = 380.0;

/// The bound of the extra time of a cold start over hello, from the start of workerd to the first token, in
/// milliseconds.
const COLD_START_MS: f64 = 30.0;

/// The bound of the cost with many clients (up to 100,000 in the store, or as many as fit into memory) ÷ with few.
const CLIENTS: f64 = 1.05;

/// The bound of the memory after all tokens ÷ after enough tokens to warm the heap.
const MEMORY: f64 = 1.1;

/// The bound of the cost at the end of a line ÷ the cost that its first half predicts if growth is linear. Quadratic
/// growth would be far above it.
const LINEAR: f64 = 1.25;

/// All ratios with measured figures.
pub(super) fn ratios(
    figures: &BTreeMap<&'static str, Measured>,
    growth: Option<&Growth>,
    wasm_kib: Option<f64>,
    cold_start: Option<&ColdStart>,
) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for (case, by, at_most) in OF_CASES {
        if let Some((case_figures, by_figures)) = figures.get(case).zip(figures.get(by)) {
            let pair = (case_figures.cpu_us(), by_figures.cpu_us());
            ratios.push(Ratio::new(format!("{case} ÷ {by}"), pair, US, at_most));
        }
    }
    if let Some(growth) = growth {
        ratios.extend(of_growth(growth));
    }
    ratios.extend(wasm_kib.map(|kib| Ratio::new("the Worker, gzipped", (kib, 1.0), "KiB", WASM_KIB)));
    ratios.extend(cold_start.map(|cold| {
        let what = "start of workerd to the first token, extra over hello";
        Ratio::new(what, (cold.extra(), 1.0), "ms", COLD_START_MS)
    }));
    ratios
}

fn of_growth(growth: &Growth) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for (line, where_) in
        [(&growth.clients_in_store, "in the store"), (&growth.clients_in_memory, "in memory")]
    {
        // Each half of the line as a whole, because the line is flat and two single points differ by chance.
        let half = line.len() / 2;
        if let (Some(few), Some(many)) = (line.get(..half), line.get(line.len() - half..))
            && let ([(one, _), ..], [.., (all, _)]) = (few, many)
        {
            let what = format!("up to {all} clients {where_} ÷ {one} and a few more");
            ratios.push(Ratio::new(what, (mean(many), mean(few)), US, CLIENTS));
        }
    }
    for (line, what) in [(&growth.groups, "groups"), (&growth.scopes, "scopes")] {
        if let [first, .., last] = line.as_slice()
            && let Some(middle) = line.get(line.len() / 2).filter(|_| line.len() > 2)
        {
            let straight = first.1 + 2.0 * (middle.1 - first.1).max(0.0);
            let what = format!("{} {what} ÷ linear growth from {}", last.0, middle.0);
            ratios.push(Ratio::new(what, (last.1, straight), US, LINEAR));
        }
    }
    if let (Some((few, before)), Some((many, after))) = (growth.memory.first(), growth.memory.last()) {
        #[expect(clippy::cast_precision_loss, reason = "KiB of a process are exact in an f64")]
        let pair = (*after as f64, *before as f64);
        ratios.push(Ratio::new(format!("memory after {many} tokens ÷ after {few}"), pair, "KiB", MEMORY));
    }
    ratios
}

#[expect(clippy::cast_precision_loss, reason = "the number of points is small")]
fn mean(line: &[(u64, f64)]) -> f64 {
    line.iter().map(|(_, cost)| cost).sum::<f64>() / line.len() as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Ratio, ratios};
    use crate::bench::case::CASES;
    use crate::bench::growth::Growth;
    use crate::bench::load::{Measured, Sample};

    fn costing(cpu_us: f64) -> Measured {
        let mut measured = Measured::default();
        measured.add(Sample { requests: 1.0, cpu_us, ..Sample::default() });
        measured
    }

    #[test]
    fn a_ratio_holds_up_to_its_bound_and_one_without_figures_never() {
        assert!(Ratio::new("", (110.0, 100.0), "", 1.1).holds);
        assert!(!Ratio::new("", (111.0, 100.0), "", 1.1).holds);
        assert!(Ratio::new("", (120.0, 100.0), "", 1.1).with_slack(0.1).holds);
        assert!(!Ratio::new("", (122.0, 100.0), "", 1.1).with_slack(0.1).holds);
        assert!(!Ratio::new("", (111.0, 100.0), "", 1.1).with_slack(0.0).holds);
        assert!(!Ratio::new("", (f64::NAN, 100.0), "", 1.1).holds);
        assert!(!Ratio::new("", (1.0, 0.0), "", 1.1).holds);
    }

    #[test]
    fn every_ratio_of_cases_names_cases_that_are_measured() {
        let figures: BTreeMap<_, _> = CASES.iter().map(|case| (case.name, costing(100.0))).collect();
        assert_eq!(ratios(&figures, None, None, None).len(), super::OF_CASES.len());
        assert!(ratios(&BTreeMap::new(), None, None, None).is_empty());
    }

    #[test]
    fn what_grows_with_the_clients_is_seen() {
        let hold = |costs: &[f64]| {
            let clients_in_store = (0..).map(|i| 10_u64.pow(i)).zip(costs.iter().copied()).collect();
            let growth = Growth { clients_in_store, ..Growth::default() };
            ratios(&BTreeMap::new(), Some(&growth), None, None).iter().all(|ratio| ratio.holds)
        };
        assert!(hold(&[100.0, 104.0, 98.0, 101.0, 97.0, 107.0]), "flat, but for chance");
        assert!(!hold(&[100.0, 101.0, 102.0, 105.0, 110.0, 120.0]));
        assert!(hold(&[100.0, 105.0]) && !hold(&[100.0, 106.0]), "of two points");
    }

    #[test]
    fn what_grows_more_than_linearly_is_seen() {
        let line = |costs: [f64; 3]| (0..).step_by(100).zip(costs).collect();
        let grown = |groups| Growth { groups: line(groups), ..Growth::default() };
        let hold =
            |groups| ratios(&BTreeMap::new(), Some(&grown(groups)), None, None).iter().all(|r| r.holds);
        assert!(hold([100.0, 200.0, 300.0]));
        assert!(hold([100.0, 98.0, 103.0]));
        assert!(!hold([100.0, 170.0, 380.0]), "with the square");
    }
}
