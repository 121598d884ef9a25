//! How long clients wait at half load: the limit and a token, at the same rate, in turns.
//!
//! At full load, latency is the number of connections divided by the throughput. At half load, it shows what a client
//! meets: mostly nothing, and sometimes a collection of the heap.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::bench::load::{Duty, Generator, Measured};
use crate::bench::process::Server;
use crate::bench::request::Request;

/// The case that latencies are compared with, and the case itself.
pub(super) const PAIR: [&str; 2] = ["limit", "token"];

/// How often each of the two is measured.
const RUNS: u32 = 3;

/// How much longer than a run at full load each measurement is: long enough for a collection of the whole heap, which
/// happens about once in 10,000 requests and decides the slowest one per cent.
const LONGER: u32 = 3;

/// The latencies of one case, in microseconds: the medians over the runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// One request of a thousand waits longer.
    pub(super) p999_us: f64,
}

/// The latencies of [`PAIR`] at half load.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct HalfLoad {
    /// Requests per second: half of what the case serves at full load.
    pub(super) rate: u32,
    pub(super) limit: Latency,
    pub(super) token: Latency,
}

/// Measures both at half of the rate that `token` serves.
pub(super) fn measure(
    generator: &Generator,
    (limit, token): ((&Server, &Request), (&Server, &Request)),
    per_second: f64,
    run: Duration,
) -> Result<HalfLoad> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate of requests is positive and fits"
    )]
    let rate = ((per_second / 2.0) as u32).max(1);
    let mut measured = [Measured::default(), Measured::default()];
    for _ in 0..RUNS {
        for ((server, request), measured) in [limit, token].into_iter().zip(&mut measured) {
            measured.add(generator.send(server, request, Duty::At(rate, run * LONGER))?);
        }
    }
    let [limit, token] = measured.map(|measured| Latency {
        p50_us: measured.median(|sample| sample.p50_us),
        p99_us: measured.median(|sample| sample.p99_us),
        p999_us: measured.median(|sample| sample.p999_us),
    });
    Ok(HalfLoad { rate, limit, token })
}
