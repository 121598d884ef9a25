//! Cold start of an isolate: the time from the start of workerd to the first answer, beside a Worker that answers "hi".

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::bench::load::median;
use crate::bench::request::{Body, Request};
use crate::bench::servers::{Kind, Servers};
use crate::process::progress::Progress;

/// Median times over all starts, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ColdStart {
    /// A Worker in JavaScript answers "hi".
    pub(super) hello_js: f64,
    /// A Worker in Rust answers "hi".
    pub(super) hello_rust: f64,
    /// edgemint answers 404: its wasm is compiled and its configuration read.
    pub(super) not_found: f64,
    /// edgemint publishes its keys.
    pub(super) keys: f64,
    /// edgemint issues a token: the key is imported and a record read.
    pub(super) token: f64,
    /// The second token of the same isolate, without the start.
    pub(super) second_token: f64,
}

impl ColdStart {
    /// The extra time of the first token over hello.
    pub(super) fn extra(&self) -> f64 {
        self.token - self.hello_js
    }
}

const LONGEST: Duration = Duration::from_secs(20);

/// Measures the cases in turns, so that drift of the machine affects all of them equally.
pub(super) fn measure(servers: &Servers, starts: u32, progress: &Progress) -> Result<ColdStart> {
    let step = progress.step("cold starts");
    let get = |path: &str, expected| Request {
        method: "GET",
        path: path.to_owned(),
        basic: None,
        dpop: None,
        body: Body::None,
        expected,
    };
    let firsts = [
        (Kind::HelloJs, get("/", 200)),
        (Kind::HelloRust, get("/", 200)),
        (Kind::Edgemint, get("/nothing", 404)),
        (Kind::Edgemint, get("/keys", 200)),
        (Kind::Edgemint, servers.token_request()),
    ];
    let mut times = [const { Vec::new() }; 6];
    for _ in 0..starts {
        for (i, (kind, request)) in firsts.iter().enumerate() {
            let begin = Instant::now();
            let server = servers.launch(*kind)?;
            answered(server.port(), request, begin)?;
            note(&mut times, i, begin.elapsed());
            if request.method == "POST" {
                let begin = Instant::now();
                answered(server.port(), request, begin)?;
                note(&mut times, firsts.len(), begin.elapsed());
            }
        }
    }
    step.done();
    let [hello_js, hello_rust, not_found, keys, token, second_token] = times.map(median);
    Ok(ColdStart { hello_js, hello_rust, not_found, keys, token, second_token })
}

fn note(times: &mut [Vec<f64>], i: usize, took: Duration) {
    if let Some(times) = times.get_mut(i) {
        times.push(took.as_secs_f64() * 1e3);
    }
}

/// Sends requests until the server listens, and checks the status.
fn answered(port: u16, request: &Request, since: Instant) -> Result<()> {
    loop {
        match request.send(port) {
            Ok(answer) if answer.status == request.expected => return Ok(()),
            Ok(answer) => bail!("a new server did not answer {}: {answer:?}", request.expected),
            Err(error) if since.elapsed() > LONGEST => {
                return Err(error).context("a new server does not answer");
            }
            Err(_) => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}
