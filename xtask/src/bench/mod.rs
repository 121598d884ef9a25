//! `cargo xtask bench`: what a token costs, in bare workerd, beside the floors and the peers, as ratios of one run.
//!
//! Cost is CPU time of the whole server process per request, because Workers are billed by it, and because it repeats
//! within a few per cent on a busy machine, where requests per second do not. Method and findings: docs/internals/benchmarks.md.

mod bounds;
mod case;
mod cold_start;
mod growth;
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
use load::{Duty, Generator, Measured};
use process::Server;
use report::Report;
use servers::Servers;

use crate::args;
use crate::install::{Tools, cargo_tools};
use crate::process::progress::{Progress, seconds};

/// How long each part takes.
pub(crate) struct Pace {
    warm_up: Duration,
    /// Long enough for several collections of the whole heap, which are a tenth of what a request costs and come all at
    /// once: of shorter runs, one has them and another does not.
    run: Duration,
    runs: u32,
    /// Of tokens, to see whether the memory grows; none to leave it out.
    endurance: Option<u64>,
    starts: u32,
    growth: growth::Extent,
    /// So much more than its bound a ratio may be, as a part of it: few and short runs tell no better.
    slack: f64,
}

const WHOLE: Pace = Pace {
    warm_up: Duration::from_secs(2),
    run: Duration::from_secs(2),
    runs: 6,
    endurance: Some(1_000_000),
    starts: 15,
    growth: growth::Extent::Whole,
    slack: 0.0,
};

const QUICK: Pace = Pace {
    // No shorter: V8 has then compiled what is called often, and wasm is dearer until it has.
    warm_up: Duration::from_secs(2),
    run: Duration::from_millis(550),
    runs: 4,
    endurance: None,
    starts: 5,
    growth: growth::Extent::Ends,
    slack: 0.15,
};

/// Measures, prints, and fails when a ratio is out of its bound.
pub(crate) fn command(options: &args::Bench, progress: &Progress) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("CPU time and memory of a process are read from /proc: measure on Linux");
    }
    let wanted = case::chosen(&options.only)?;
    let pace = if options.quick { QUICK } else { WHOLE };
    let tools = Tools::ensure(progress)?;
    let generator = Generator::new(cargo_tools::load_generator(progress)?);
    let kinds: Vec<_> = wanted.iter().map(|case| case.server).collect();
    let servers = Servers::prepare(&tools, &kinds, progress)?;
    let since = Instant::now();

    let figures = measure(&wanted, &servers, &generator, &pace, progress)?;
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
    let report = Report { figures, growth, wasm_kib, cold_start, slack: pace.slack };
    progress.say(&format!("measured in {}", seconds(since.elapsed())));
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    match report.broken() {
        0 => Ok(()),
        1 => bail!("one ratio is out of its bound"),
        many => bail!("{many} ratios are out of their bounds"),
    }
}

/// Every case in turn, and all that again: what drifts on the machine hits all alike.
fn measure(
    wanted: &[Case],
    servers: &Servers,
    generator: &Generator,
    pace: &Pace,
    progress: &Progress,
) -> Result<BTreeMap<&'static str, Measured>> {
    // Each with a server of its own: what others have left in its heap would be paid by whoever comes next.
    let mut running: BTreeMap<&str, Server> = BTreeMap::new();
    for case in wanted {
        running.insert(case.name, servers.start(case.server)?);
    }
    let mut measured: BTreeMap<&'static str, Measured> = BTreeMap::new();
    for run in 1..=pace.runs {
        for case in wanted {
            let Some(server) = running.get(case.name) else { continue };
            let step = progress.step(format!("run {run} of {}: {}", pace.runs, case.name));
            let request = case.request(servers, server)?;
            if run == 1 {
                server.answers_as_expected(&request)?;
                generator.send(server, &request, Duty::For(pace.warm_up))?;
            }
            measured.entry(case.name).or_default().add(generator.send(
                server,
                &request,
                Duty::For(pace.run),
            )?);
            drop(step);
        }
    }
    Ok(measured)
}
