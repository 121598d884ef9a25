//! `cargo xtask bench`: the cost of a token in bare workerd, beside floors and peers, as ratios within one run.
//!
//! Cost is the CPU time of the whole server process per request. Workers are billed by it, and it repeats within a few
//! per cent on a busy machine, while requests per second do not. Method and findings: docs/internals/benchmarks.md.

mod bounds;
mod case;
mod cold_start;
mod growth;
mod latency;
mod load;
mod plot;
mod process;
mod report;
mod request;
mod servers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use case::Case;
use latency::HalfLoad;
use load::{Duty, Generator, Measured};
use process::Server;
use report::Report;
use servers::Servers;

use crate::args;
use crate::install::{Tools, cargo_tools};
use crate::process::progress::{Progress, seconds};

/// Durations and counts of a measurement.
pub(crate) struct Pace {
    warm_up: Duration,
    /// A case is measured for this time, then the next one, until each has had all turns of a run. The shorter a turn, the
    /// more alike is the machine for all cases.
    turn: Duration,
    /// Number of turns of a run. Together they are long enough for several collections of the whole heap, which are a
    /// tenth of a request's cost. With fewer, one run would contain a collection and another would not.
    turns: u32,
    runs: u32,
    /// Number of tokens that show whether the memory grows; `None` skips that part.
    endurance: Option<u64>,
    starts: u32,
    growth: growth::Extent,
    /// Fraction by which a ratio may exceed its bound, because few and short runs are less precise.
    slack: f64,
}

impl Pace {
    /// How long a case is measured in one run.
    fn run(&self) -> Duration {
        self.turn * self.turns
    }
}

const WHOLE: Pace = Pace {
    warm_up: Duration::from_secs(2),
    turn: Duration::from_millis(500),
    turns: 4,
    runs: 6,
    endurance: Some(1_000_000),
    starts: 15,
    growth: growth::Extent::Whole,
    slack: 0.0,
};

/// For a few cases, to judge a change: twice as many runs, and shorter turns. A turn needs 0.1 s more for its start.
const CHOSEN: Pace = Pace { turn: Duration::from_millis(250), turns: 8, runs: 12, ..WHOLE };

const QUICK: Pace = Pace {
    // No shorter: V8 needs this time to compile what is called often, and wasm costs more until then.
    warm_up: Duration::from_secs(2),
    turn: Duration::from_millis(550),
    turns: 1,
    runs: 4,
    endurance: None,
    starts: 5,
    growth: growth::Extent::Ends,
    slack: 0.15,
};

/// Measures, prints the figures, and fails when a ratio exceeds its bound.
pub(crate) fn command(options: &args::Bench, progress: &Progress) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("cannot measure CPU time and memory: there is no /proc on this system. Run this on Linux");
    }
    let wanted = case::chosen(&options.only)?;
    let pace = match (options.quick, options.only.as_slice()) {
        (true, _) => QUICK,
        (false, []) => WHOLE,
        (false, _) => CHOSEN,
    };
    let tools = Tools::ensure(progress)?;
    let generator = Generator::new(cargo_tools::load_generator(progress)?);
    let kinds: Vec<_> = wanted.iter().map(|case| case.server).collect();
    let servers = Servers::prepare(&tools, &kinds, progress)?;
    let since = Instant::now();

    let (figures, half_load) = measure(&wanted, &servers, &generator, &pace, progress)?;
    let (cold_start, growth) = if options.only.is_empty() {
        let cold_start = cold_start::measure(&servers, pace.starts, progress)?;
        (Some(cold_start), Some(growth::measure(&servers, &generator, &pace, progress)?))
    } else {
        (None, None)
    };
    if let Some(growth) = growth.as_ref().filter(|_| !options.quick) {
        plot::write(growth)?;
    }
    let wasm_kib = Some(servers.gzipped_kib()?);
    let report = Report { figures, half_load, growth, wasm_kib, cold_start, slack: pace.slack };
    progress.say(&format!("measured in {}", seconds(since.elapsed())));
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    match report.broken() {
        0 => Ok(()),
        1 => bail!("one ratio exceeds its bound"),
        many => bail!("{many} ratios exceed their bounds"),
    }
}

/// Measures the cases in turns, so that drift of the machine affects all equally. Then measures the latency at half load,
/// if both of its cases are wanted.
fn measure(
    wanted: &[Case],
    servers: &Servers,
    generator: &Generator,
    pace: &Pace,
    progress: &Progress,
) -> Result<(BTreeMap<&'static str, Measured>, Option<HalfLoad>)> {
    // Each case has its own server. Otherwise the next case would pay for what the previous one left in the heap.
    let mut running: Vec<(&Case, Server)> = Vec::new();
    for case in wanted {
        let _step = progress.step(format!("warming up {}", case.name));
        let server = servers.start(case.server)?;
        let request = case.request(servers, &server)?;
        server.answers_as_expected(&request)?;
        generator.send(&server, &request, Duty::For(pace.warm_up))?;
        running.push((case, server));
    }
    let mut measured: BTreeMap<&'static str, Measured> = BTreeMap::new();
    for run in 1..=pace.runs {
        let _step = progress.step(format!("run {run} of {}", pace.runs));
        let mut each = Vec::new();
        for (case, server) in &running {
            each.push((server, case.request(servers, server)?));
        }
        let runs = generator.in_turns(&each, pace.turns, pace.turn)?;
        for ((case, _), turns) in running.iter().zip(runs) {
            measured.entry(case.name).or_default().add_run(turns);
        }
    }
    let of = |name: &str| running.iter().find(|(case, _)| case.name == name);
    let [limit, token] = latency::PAIR.map(of);
    let half_load = match (limit, token, measured.get(latency::PAIR[1])) {
        (Some((limit_case, limit)), Some((token_case, token)), Some(figures)) => {
            let _step = progress.step("latency at half load");
            let requests = (limit_case.request(servers, limit)?, token_case.request(servers, token)?);
            let per_second = figures.median(|sample| sample.per_second);
            let pair = ((limit, &requests.0), (token, &requests.1));
            Some(latency::measure(generator, pair, per_second, pace.run())?)
        }
        _ => None,
    };
    Ok((measured, half_load))
}
