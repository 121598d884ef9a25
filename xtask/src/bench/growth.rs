//! Growth of a token's cost with the clients in the store and in memory, with groups, and with scopes; and of the
//! process's memory with the number of tokens.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use edgemint_issuer::{ApiId, ApiRecord, ApiScope, ScopeToken};
use serde::Serialize;

use crate::bench::Pace;
use crate::bench::case::token_of_one_of;
use crate::bench::load::{Duty, Generator, Measured};
use crate::bench::process::Server;
use crate::bench::request::{Body, Request};
use crate::bench::servers::{Kind, Servers, line_of};
use crate::process::progress::Progress;

/// How much of the growth is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// Only the ends of each line.
    Ends,
}

/// Pairs of a count and the cost of a token at that count, in microseconds of CPU time.
pub(super) type Line = Vec<(u64, f64)>;

/// All measured growth.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Growth {
    /// Clients that send requests in random order; each record is read from KV.
    pub(super) clients_in_store: Line,
    /// Clients that send requests in random order; their records are in memory, and 100,000 are in the store.
    pub(super) clients_in_memory: Line,
    /// Groups in a token.
    pub(super) groups: Line,
    /// Scopes of an API in a token.
    pub(super) scopes: Line,
    /// Number of issued tokens, and the memory of the process in KiB.
    pub(super) memory: Vec<(u64, u64)>,
}

impl Growth {
    /// The lines, each with the name of what is counted.
    pub(super) fn lines(&self) -> [(&'static str, &Line); 4] {
        [
            ("clients in the store", &self.clients_in_store),
            ("clients in memory", &self.clients_in_memory),
            ("groups", &self.groups),
            ("scopes", &self.scopes),
        ]
    }
}

const STORED: u64 = 100_000;

const IN_STORE: [u64; 6] = [1, 10, 100, 1_000, 10_000, STORED];

/// Counts up to what the issuer's memory holds: 11 MiB of clients (`memory.rs`), which are 5,800 of these records.
const IN_MEMORY: [u64; 5] = [1, 10, 100, 1_000, 5_000];

const IN_MEMORY_AT_MOST: usize = 10_000;

/// The longest time that a point is measured in one run: long enough for a collection of the heap.
const POINT: Duration = Duration::from_secs(1);

const GROUPS: [u64; 5] = [0, 125, 250, 375, 500];

const SCOPES: [u64; 5] = [0, 50, 100, 150, 200];

const API: &str = "https://api.example.com";

/// The number of tokens from which the memory is compared with the memory at the end. By then the runtime's heap has
/// the size that it keeps returning to, as with a Worker that answers "hi".
const WARM: u64 = 100_000;

/// Measures all lines, and the memory.
pub(super) fn measure(
    servers: &Servers,
    generator: &Generator,
    pace: &Pace,
    progress: &Progress,
) -> Result<Growth> {
    let mut growth = Growth::default();
    let ends = |points: &[u64]| match pace.growth {
        Extent::Whole => points.to_vec(),
        Extent::Ends => points.first().into_iter().chain(points.last()).copied().collect(),
    };
    let (cached, uncached) = (servers.start(Kind::Edgemint)?, servers.start(Kind::EdgemintUncached)?);
    let step = progress.step("storing 100,000 clients");
    let records = records(servers)?;
    cached.store(&records)?;
    uncached.store(&records)?;
    step.done();

    let among = |number: u64| -> Result<Request> {
        let file = servers.scratch().join(format!("clients-{number}"));
        let mut lines = String::new();
        for i in 0..number {
            let secret = servers.secret.expose();
            let _ = writeln!(
                lines,
                "grant_type=client_credentials&client_id=service-{i}&client_secret={secret}&scope=profile"
            );
        }
        fs::write(&file, lines).context("could not write a file of requests")?;
        Ok(token_of_one_of(file))
    };
    let of = |client: String, form: String| Request {
        method: "POST",
        path: "/token".into(),
        basic: Some((client, servers.secret.expose().to_owned())),
        dpop: None,
        body: Body::Form(format!("grant_type=client_credentials&{form}")),
        expected: 200,
    };
    let line = |points: &[u64], server: &Server, what: &str, request: &dyn Fn(u64) -> Result<Request>| {
        let mut measured = vec![Measured::default(); points.len()];
        for run in 0..pace.runs {
            // To and fro: collections of the heap come at regular times, and would otherwise fall on the same point.
            let mut order: Vec<_> = points.iter().zip(&mut measured).collect();
            if run % 2 == 1 {
                order.reverse();
            }
            for (point, measured) in order {
                let step = progress.step(format!("run {} of {}: {point} {what}", run + 1, pace.runs));
                let request = request(*point)?;
                if run == 0 {
                    server.answers_as_expected(&request)?;
                    // With random requests, records would come into memory only gradually. So each client sends one
                    // request first.
                    request.send_each(server.port(), IN_MEMORY_AT_MOST)?;
                    generator.send(server, &request, Duty::For(pace.warm_up / 2))?;
                }
                let time = pace.run().min(POINT);
                measured.add(generator.send(server, &request, Duty::For(time))?);
                drop(step);
            }
        }
        anyhow::Ok(points.iter().copied().zip(measured.iter().map(Measured::cpu_us)).collect::<Line>())
    };

    growth.clients_in_store = line(&ends(&IN_STORE), &uncached, "clients in the store", &among)?;
    growth.clients_in_memory = line(&ends(&IN_MEMORY), &cached, "clients in memory", &among)?;
    growth.groups =
        line(&ends(&GROUPS), &cached, "groups", &|n| Ok(of(format!("groups-{n}"), "scope=groups".into())))?;
    growth.scopes = line(&ends(&SCOPES), &cached, "scopes", &|n| {
        let scopes =
            if n == 0 { "profile".to_owned() } else { (0..n).map(scope).collect::<Vec<_>>().join("+") };
        Ok(of("scopes".into(), format!("resource={API}&scope={scopes}")))
    })?;
    if let Some(tokens) = pace.endurance {
        growth.memory = endurance(servers, generator, tokens, progress)?;
    }
    Ok(growth)
}

fn scope(i: u64) -> String {
    format!("orders:{i}")
}

/// All records, in the format of the KV stand-in.
fn records(servers: &Servers) -> Result<String> {
    let mut lines = String::new();
    for i in 0..STORED {
        lines += &line_of(&servers.record(&format!("service-{i}"))?);
    }
    for groups in GROUPS {
        let mut record = servers.record(&format!("groups-{groups}"))?;
        record.groups = (0..groups).map(|i| format!("g{i}")).collect();
        lines += &line_of(&record);
    }
    let most = SCOPES.last().copied().unwrap_or_default();
    let scopes = (0..most).map(|i| ScopeToken::parse(&scope(i))).collect::<Result<Vec<_>, _>>()?;
    let mut api = ApiRecord::new(ApiId::parse(API)?, "Orders");
    api.scopes =
        scopes.iter().map(|name| ApiScope { name: name.clone(), description: "An order.".into() }).collect();
    let _ = writeln!(lines, "{}\t{}", api.id.kv_key(), api.to_json());
    let mut record = servers.record("scopes")?;
    record.grants.insert(api.id.clone(), scopes);
    lines += &line_of(&record);
    Ok(lines)
}

/// The memory at ten points on the way to all tokens, from [`WARM`] tokens on.
fn endurance(
    servers: &Servers,
    generator: &Generator,
    tokens: u64,
    progress: &Progress,
) -> Result<Vec<(u64, u64)>> {
    let server = servers.start(Kind::Edgemint)?;
    let request =
        super::case::CASES.iter().find(|case| case.name == "token").context("there is no case token")?;
    let request = request.request(servers, &server)?;
    let mut memory = Vec::new();
    let mut issued = 0;
    let parts = (1..=10).map(|part| tokens * part / 10).filter(|until| *until >= WARM);
    for until in parts {
        let step = progress.step(format!("{until} tokens of {tokens}"));
        generator.send(&server, &request, Duty::Requests(until - issued))?;
        issued = until;
        memory.push((issued, server.memory_kib()?));
        drop(step);
    }
    Ok(memory)
}
