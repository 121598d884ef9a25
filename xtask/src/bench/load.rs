//! Load on a server, and its cost: oha sends the requests, and the cost is read from /proc.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::bench::process::Server;
use crate::bench::request::{Body, FORM, Request};
use crate::process::command;

/// The number of connections: what a gateway in front of a few services keeps open.
const CONNECTIONS: &str = "16";

/// How many requests are sent, or for how long.
#[derive(Clone, Copy, Debug)]
pub(super) enum Duty {
    For(Duration),
    Requests(u64),
    /// This many requests per second. The latency of a request counts from when it was due.
    At(u32, Duration),
}

/// The figures of one call of the load generator.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) requests: f64,
    /// CPU time of the server for all of them, in microseconds.
    pub(super) cpu_us: f64,
    pub(super) per_second: f64,
    /// Latencies, in microseconds.
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    pub(super) memory_kib: u64,
}

/// All runs of one case. A run consists of one or more turns.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured(Vec<Vec<Sample>>);

impl Measured {
    /// Adds a run of one turn.
    pub(super) fn add(&mut self, turn: Sample) {
        self.add_run(vec![turn]);
    }

    pub(super) fn add_run(&mut self, turns: Vec<Sample>) {
        self.0.push(turns);
    }

    /// The median of a figure over all turns.
    pub(super) fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.0.iter().flatten().map(of).collect())
    }

    /// The interquartile range of the CPU times, relative to [`Measured::cpu_us`].
    pub(super) fn spread(&self) -> f64 {
        (self.quartile(3) - self.quartile(1)) / self.cpu_us()
    }

    /// The CPU time of a request: the mean over the middle half of the runs. One disturbed run affects it as little as
    /// the median, and it repeats better, because it averages the heap collections of many runs.
    pub(super) fn cpu_us(&self) -> f64 {
        let times = self.sorted();
        let quarter = times.len() / 4;
        let middle = times.get(quarter..times.len() - quarter).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "the number of runs is small")]
        let number = middle.len() as f64;
        middle.iter().sum::<f64>() / number
    }

    fn quartile(&self, which: usize) -> f64 {
        let times = self.sorted();
        times.get(times.len() * which / 4).copied().unwrap_or(f64::NAN)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut times: Vec<f64> = self.0.iter().map(|turns| cpu_of_a_request(turns)).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    #[expect(clippy::cast_precision_loss, reason = "KiB of a process are exact in an f64")]
    pub(super) fn memory_mib(&self) -> f64 {
        self.median(|sample| sample.memory_kib as f64 / 1024.0)
    }
}

/// The CPU time of a run ÷ its requests. Not the mean over the turns: a turn in which the whole heap is collected serves
/// few requests, and would count as much as the others.
fn cpu_of_a_request(turns: &[Sample]) -> f64 {
    let sum = |of: fn(&Sample) -> f64| turns.iter().map(of).sum::<f64>();
    sum(|turn| turn.cpu_us) / sum(|turn| turn.requests)
}

/// The median; of an even number of values, the upper of the two in the middle. NaN when there are no values.
pub(super) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The load generator.
pub(super) struct Generator(PathBuf);

impl Generator {
    pub(super) fn new(program: PathBuf) -> Self {
        Self(program)
    }

    /// Sends each request to its server for `turn`, then all of them again, until each has had this number of turns.
    /// Returns the turns of each.
    pub(super) fn in_turns(
        &self,
        each: &[(&Server, Request)],
        turns: u32,
        turn: Duration,
    ) -> Result<Vec<Vec<Sample>>> {
        let mut samples = vec![Vec::new(); each.len()];
        for _ in 0..turns {
            for ((server, request), samples) in each.iter().zip(&mut samples) {
                samples.push(self.send(server, request, Duty::For(turn))?);
            }
        }
        Ok(samples)
    }

    /// Sends `request` repeatedly and returns the cost. An answer with an unexpected status is an error, because the
    /// figure would then measure something else.
    pub(super) fn send(&self, server: &Server, request: &Request, duty: Duty) -> Result<Sample> {
        let mut oha = Command::new(&self.0);
        oha.args([
            "--no-tui",
            "--output-format",
            "json",
            "-c",
            CONNECTIONS,
            "-m",
            request.method,
            "-T",
            FORM,
        ]);
        match duty {
            // oha waits for requests in flight at the end, because the server has already spent time on them.
            Duty::For(time) => oha.args(["-w", "-z", &format!("{}ms", time.as_millis())]),
            Duty::Requests(number) => oha.args(["-n", &number.to_string()]),
            Duty::At(rate, time) => {
                let time = format!("{}ms", time.as_millis());
                oha.args(["-w", "-z", &time, "-q", &rate.to_string(), "--latency-correction"])
            }
        };
        if let Some((id, secret)) = &request.basic {
            oha.args(["-a", &format!("{id}:{secret}")]);
        }
        if let Some(proof) = &request.dpop {
            oha.args(["-H", &format!("DPoP: {proof}")]);
        }
        match &request.body {
            Body::None => {}
            Body::Form(form) => drop(oha.args(["-d", form])),
            Body::OneOf(file) => drop(oha.arg("-Z").arg(file)),
        }
        oha.arg(format!("http://127.0.0.1:{}{}", server.port(), request.path));
        let before = server.cpu()?;
        let said = command::run(&mut oha)?;
        let cpu = server.cpu()?.saturating_sub(before);
        let told = told(&said, request.expected)?;
        Ok(Sample {
            requests: told.requests,
            cpu_us: cpu.as_secs_f64() * 1e6,
            per_second: told.per_second,
            p50_us: told.p50 * 1e6,
            p99_us: told.p99 * 1e6,
            p999_us: told.p999 * 1e6,
            memory_kib: server.memory_kib()?,
        })
    }
}

struct Told {
    requests: f64,
    per_second: f64,
    p50: f64,
    p99: f64,
    p999: f64,
}

/// Reads oha's report.
fn told(said: &str, expected: u16) -> Result<Told> {
    let report: Value = serde_json::from_str(said).context("oha printed no JSON")?;
    let number = |pointer: &str| {
        let number = report.pointer(pointer).and_then(Value::as_f64);
        number.with_context(|| format!("oha's report has no {pointer}"))
    };
    let statuses = report.pointer("/statusCodeDistribution").and_then(Value::as_object);
    let statuses = statuses.context("oha's report has no statusCodeDistribution")?;
    if statuses.keys().any(|status| *status != expected.to_string()) {
        bail!("not every answer had the status {expected}: {statuses:?}");
    }
    let errors = report.pointer("/errorDistribution").and_then(Value::as_object);
    if let Some(errors) = errors.filter(|errors| !errors.is_empty()) {
        bail!("not every request was answered: {errors:?}");
    }
    let requests: f64 = statuses.values().filter_map(Value::as_f64).sum();
    if requests < 1.0 {
        bail!("no request was answered");
    }
    Ok(Told {
        requests,
        per_second: number("/summary/requestsPerSec")?,
        p50: number("/latencyPercentiles/p50")?,
        p99: number("/latencyPercentiles/p99")?,
        p999: number("/latencyPercentiles/p99.9")?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Measured, Sample, median, told};

    #[test]
    fn those_in_the_middle_count() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
        let mut measured = Measured::default();
        assert!(measured.cpu_us().is_nan());
        for cpu_us in [100.0, 120.0, 90.0, 110.0, 500.0] {
            measured.add(Sample { requests: 1.0, cpu_us, ..Sample::default() });
        }
        assert!((measured.cpu_us() - 110.0).abs() < 1e-9 && (measured.spread() - 20.0 / 110.0).abs() < 1e-9);
    }

    #[test]
    fn each_request_of_a_run_counts_the_same() {
        let mut measured = Measured::default();
        let turn = |requests, cpu_us| Sample { requests, cpu_us, ..Sample::default() };
        measured.add_run(vec![turn(900.0, 90_000.0), turn(100.0, 60_000.0)]);
        assert!((measured.cpu_us() - 150.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_with_another_answer_or_none_is_no_figure() {
        let report = |statuses: &str, errors: &str| {
            format!(
                "{{\"summary\":{{\"requestsPerSec\":5000.0}},\"latencyPercentiles\":{{\"p50\":0.002,\"p99\":0.004,\"p99.9\":0.08}},\"statusCodeDistribution\":{statuses},\"errorDistribution\":{errors}}}"
            )
        };
        let good = told(&report("{\"200\":40}", "{}"), 200).expect("it is one");
        assert!((good.requests - 40.0).abs() < 1e-9);
        for (statuses, errors) in
            [("{\"200\":40,\"500\":1}", "{}"), ("{}", "{}"), ("{\"200\":40}", "{\"refused\":1}")]
        {
            assert!(told(&report(statuses, errors), 200).is_err(), "{statuses} {errors}");
        }
    }
}
