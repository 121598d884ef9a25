//! The report of a measurement, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bench::bounds::{Ratio, ratios};
use crate::bench::case::CASES;
use crate::bench::cold_start::ColdStart;
use crate::bench::growth::Growth;
use crate::bench::latency::{self, HalfLoad};
use crate::bench::load::Measured;

/// All figures of one run.
#[derive(Default)]
pub(super) struct Report {
    pub(super) figures: BTreeMap<&'static str, Measured>,
    pub(super) half_load: Option<HalfLoad>,
    pub(super) growth: Option<Growth>,
    pub(super) wasm_kib: Option<f64>,
    pub(super) cold_start: Option<ColdStart>,
    /// Fraction by which a ratio may exceed its bound.
    pub(super) slack: f64,
}

impl Report {
    fn ratios(&self) -> Vec<Ratio> {
        let ratios = ratios(&self.figures, self.growth.as_ref(), self.wasm_kib, self.cold_start.as_ref());
        ratios.into_iter().map(|ratio| ratio.with_slack(self.slack)).collect()
    }

    /// How many ratios do not hold.
    pub(super) fn broken(&self) -> usize {
        self.ratios().iter().filter(|ratio| !ratio.holds).count()
    }

    /// The cases that were measured, in the order of the table.
    fn rows(&self) -> impl Iterator<Item = (&'static str, &Measured)> {
        CASES.iter().filter_map(|case| Some((case.name, self.figures.get(case.name)?)))
    }

    /// The report as tables.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<16}{:>12}{:>8}{:>10}{:>10}{:>10}",
            "", "CPU µs", "±", "req/s", "p50 ms", "MiB"
        );
        for (name, measured) in self.rows() {
            let _ = writeln!(
                text,
                "{name:<16}{:>12.1}{:>7.0}%{:>10.0}{:>10.2}{:>10.1}",
                measured.cpu_us(),
                measured.spread() * 100.0,
                measured.median(|sample| sample.per_second),
                measured.median(|sample| sample.p50_us) / 1e3,
                measured.memory_mib(),
            );
        }
        if let Some(HalfLoad { rate, limit, token }) = &self.half_load {
            let _ = writeln!(
                text,
                "\n{:<32}{:>10}{:>10}{:>12}",
                format!("latency at {rate} requests/s"),
                "p50 ms",
                "p99 ms",
                "p99.9 ms"
            );
            for (name, latency) in latency::PAIR.into_iter().zip([limit, token]) {
                let [p50, p99, p999] = [latency.p50_us, latency.p99_us, latency.p999_us].map(|us| us / 1e3);
                let _ = writeln!(text, "{name:<32}{p50:>10.2}{p99:>10.2}{p999:>12.2}");
            }
        }
        if let Some(cold) = &self.cold_start {
            let _ = writeln!(text, "\ntime from the start of workerd to the first answer (medians)");
            for (what, ms) in [
                ("hello in JavaScript", cold.hello_js),
                ("hello in Rust", cold.hello_rust),
                ("edgemint: 404 (compiles wasm, reads the configuration)", cold.not_found),
                ("edgemint: its keys", cold.keys),
                ("edgemint: a token (imports a key, reads a record)", cold.token),
                ("edgemint: only the second token", cold.second_token),
            ] {
                let _ = writeln!(text, "{ms:>10.1} ms  {what}");
            }
        }
        if let Some(growth) = &self.growth {
            let _ = writeln!(text, "\nCPU µs per token, by count");
            for (what, line) in growth.lines() {
                let points: Vec<String> = line.iter().map(|(n, cost)| format!("{n}: {cost:.0}")).collect();
                let _ = writeln!(text, "  {what:<20}{}", points.join("   "));
            }
            if !growth.memory.is_empty() {
                let points: Vec<String> =
                    growth.memory.iter().map(|(n, kib)| format!("{n}: {}", kib / 1024)).collect();
                let _ = writeln!(text, "MiB of the process, by issued tokens\n  {}", points.join("   "));
            }
        }
        let _ = writeln!(text, "\n{:<52}{:>20}{:>9}{:>10}", "ratio", "figures", "", "at most");
        for ratio in self.ratios() {
            let figures = if ratio.by == 1.0 {
                format!("{:.1} {}", ratio.figure, ratio.unit)
            } else {
                format!("{:.1} ÷ {:.1}", ratio.figure, ratio.by)
            };
            let verdict = if ratio.holds { "" } else { "  DOES NOT HOLD" };
            let _ = writeln!(
                text,
                "{:<52}{figures:>20}{:>9.2}{:>10.2}{verdict}",
                ratio.what, ratio.ratio, ratio.at_most
            );
        }
        text
    }

    /// The report as one JSON object.
    pub(super) fn json(&self) -> Value {
        let cases: BTreeMap<&str, Value> = self
            .rows()
            .map(|(name, measured)| {
                let figures = json!({
                    "cpu_us": measured.cpu_us(),
                    "spread": measured.spread(),
                    "requests_per_second": measured.median(|sample| sample.per_second),
                    "p50_us": measured.median(|sample| sample.p50_us),
                    "memory_mib": measured.memory_mib(),
                });
                (name, figures)
            })
            .collect();
        json!({
            "cases": cases,
            "half_load": self.half_load,
            "cold_start_ms": self.cold_start,
            "growth": self.growth,
            "gzipped_kib": self.wasm_kib,
            "ratios": self.ratios(),
            "broken": self.broken(),
        })
    }
}
