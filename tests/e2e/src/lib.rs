//! Shared code of the end-to-end tests: a Worker that serves in workerd, clients in its KV, and plain HTTP.
//!
//! `cargo xtask test` runs them after building the Workers. `cargo test -p edgemint-e2e` builds the Workers itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

mod bare;
mod bound_api;
mod certificates;
mod deployment;
mod https;
mod languages;
mod npm;
mod prepared;
mod python;
mod reaper;
mod rehearsal;
mod remote_cache;
mod remote_kv;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use edgemint_testkit::{Answer, Page, apis, issuers, misfits};
use serde_json::Value;
use xtask::{PATIENCE, Port, Progress, Server, ServerOptions, Tools, Variant};

pub use bare::{Bare, REPORT};
pub use bound_api::BoundApi;
pub use certificates::{AUTHORITY, BILLING, Certificates};
pub use deployment::Deployment;
pub use https::Https;
pub use languages::{NIMBUS, built, go, java, python, python_program};
pub use npm::{Npm, Served, packaged};
pub use prepared::prepared;
pub use python::{PYTHON, python_with};
pub use rehearsal::{Failure, Rehearsal};
pub use remote_cache::{CacheFault, RemoteCache};
pub use remote_kv::RemoteKv;

/// The interval for polling what does not report its changes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The tools, installed once.
pub fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| Tools::ensure(&Progress::to_stderr()).expect("the tools can be installed"))
}

/// A state directory that is deleted when the test ends.
pub struct State(PathBuf);

impl State {
    /// An empty state directory.
    pub fn empty() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("edgemint-e2e-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    /// A state directory with a filled KV. The command line adds the clients of the vectors; wrangler adds the APIs,
    /// the trusted issuers, and records that are not usable.
    pub fn seeded() -> Self {
        static SEEDED: OnceLock<State> = OnceLock::new();
        // The first program of a run fills a KV for all of them, because wrangler takes seconds for it.
        let Some(shared) = shared() else { return Self::copy_of(SEEDED.get_or_init(Self::fill).path()) };
        let _held = xtask::lock(&shared.join("seeded.lock")).expect("it can be locked");
        let seeded = shared.join("seeded");
        if !seeded.exists() {
            std::fs::rename(Self::fill().path(), &seeded).expect("both are in the temporary directory");
        }
        Self::copy_of(&seeded)
    }

    fn fill() -> Self {
        let state = Self::empty();
        let vectors = xtask::root().join("vectors");
        edgemint(&state, &["client", "import", vectors.join("clients.json").to_str().unwrap()]);
        let apis = apis().into_iter().map(|api| (api.id.kv_key(), api.to_json()));
        let issuers = issuers().into_iter().map(|issuer| (issuer.id.kv_key(), issuer.to_json()));
        state.put(misfits().into_iter().chain(apis).chain(issuers));
        state
    }

    fn copy_of(filled: &Path) -> Self {
        let copy = Self::empty();
        run(Command::new("cp").arg("-a").arg(filled.join(".")).arg(copy.path()));
        copy
    }

    /// Lets wrangler write these keys and values into KV.
    pub fn put(&self, records: impl IntoIterator<Item = (String, String)>) {
        let pairs: Vec<_> = records
            .into_iter()
            .map(|(key, value)| serde_json::json!({ "key": key, "value": value }))
            .collect();
        let file = self.path().join("records.json");
        std::fs::write(&file, Value::from(pairs).to_string()).expect("a file");
        let mut wrangler = tools().npm_program("wrangler").expect("wrangler is installed");
        wrangler.args(["kv", "bulk", "put", file.to_str().unwrap(), "--binding", "CLIENTS", "--local"]);
        run(wrangler.arg("--persist-to").arg(self.path()).current_dir(xtask::root()));
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Prints a line of the test output, even if the test passes: the test harness captures what `println!` prints.
pub fn note(line: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("note: {line}\n").as_bytes());
}

/// Runs a program that must succeed. Returns its stdout.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// The path of the command line, when `cargo xtask test` has built it and the Workers.
#[expect(clippy::disallowed_methods, reason = "the path comes from the environment")]
fn given_program() -> Option<PathBuf> {
    std::env::var_os(xtask::BUILT).map(PathBuf::from)
}

/// The directory that all test programs of one run share.
#[expect(clippy::disallowed_methods, reason = "the path comes from the environment")]
fn shared() -> Option<PathBuf> {
    std::env::var_os(xtask::SHARED).map(PathBuf::from)
}

/// The command line, built once.
pub fn edgemint_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = given_program() {
            return program;
        }
        let mut cargo = Command::new(env!("CARGO"));
        let build = ["build", "-p", "edgemint-cli", "--bin", "edgemint", "--message-format", "json"];
        let messages = run(cargo.args(build).current_dir(xtask::root()));
        let program = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|message| Some(message.get("executable")?.as_str()?.to_owned()));
        PathBuf::from(program.expect("cargo says where it is"))
    })
}

/// An example of this package, built beside the tests.
pub fn example_program(name: &str) -> PathBuf {
    if given_program().is_none() {
        let build = ["build", "-p", "edgemint-e2e", "--examples"];
        run(Command::new(env!("CARGO")).args(build).current_dir(xtask::root()));
    }
    // The test program is in `deps`, and the example program is in `examples` beside it.
    let test = std::env::current_exe().expect("a test is a program");
    test.parent().and_then(Path::parent).expect("it is below target").join("examples").join(name)
}

fn edgemint_command(state: &State, arguments: &[&str]) -> Command {
    let mut command = Command::new(edgemint_program());
    command.args(arguments).args(["--local", "--state"]).arg(state.path()).current_dir(xtask::root());
    command
}

/// Runs `edgemint` on the local state. Returns its stdout.
pub fn edgemint(state: &State, arguments: &[&str]) -> String {
    run(&mut edgemint_command(state, arguments))
}

/// Runs `edgemint` on the local state, and expects a failure. Returns its stderr.
pub fn edgemint_refuses(state: &State, arguments: &[&str]) -> String {
    let output = edgemint_command(state, arguments).output().expect("it can be run");
    assert_eq!(output.status.code(), Some(1), "{arguments:?} was not refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Builds a Worker once per process.
fn build(worker: Variant) {
    if given_program().is_some() {
        return;
    }
    static RELEASE: OnceLock<()> = OnceLock::new();
    static PROVOKE_PANIC: OnceLock<()> = OnceLock::new();
    let built = if worker == Variant::ProvokePanic { &PROVOKE_PANIC } else { &RELEASE };
    built.get_or_init(|| {
        xtask::build_worker(tools(), worker, &Progress::to_stderr()).expect("the Worker builds");
    });
}

/// Starts a Worker on `state` with only the variables in `vars`. `SIGNING_KEY_…` become secrets.
pub fn serve(state: &State, vars: &BTreeMap<String, String>, worker: Variant) -> Server {
    let mut options = ServerOptions::new(state.path(), worker.worker());
    for (name, value) in vars {
        let is_secret = name.starts_with("SIGNING_KEY_");
        options = if is_secret { options.secret(name, value) } else { options.var(name, value) };
    }
    for name in ["ISSUER", "GRANT_TYPES"] {
        if !vars.contains_key(name) {
            options = options.without(name);
        }
    }
    start(worker, options)
}

/// Starts a Worker whose issuer is its own address, with one key for each of `algorithms`. The first one signs.
pub fn serve_at_its_own_address(state: &State, algorithms: &[&str]) -> Server {
    let mut options =
        ServerOptions::new(state.path(), Variant::Release.worker()).var("GRANT_TYPES", "client_credentials");
    for (i, alg) in algorithms.iter().enumerate() {
        let nbf = Value::from(algorithms.len() - i);
        options = options
            .secret(&format!("SIGNING_KEY_{alg}"), &edgemint_testkit::signing_key(alg, &[("nbf", nbf)]));
    }
    serve_with(options)
}

/// Starts the deployed variant of the Worker with these options.
pub fn serve_with(options: ServerOptions) -> Server {
    start(Variant::Release, options)
}

fn start(worker: Variant, options: ServerOptions) -> Server {
    build(worker);
    let wrangler = tools().npm_program("wrangler").expect("wrangler is installed");
    Server::start(wrangler, options).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Sends a request and reads the answer, with any status.
pub fn send(method: &str, url: &str, headers: &BTreeMap<String, String>, body: Vec<u8>) -> Answer {
    let config = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
    let agent: ureq::Agent = config.max_redirects(0).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    answer(
        if body.is_empty() && method != "POST" {
            agent.run(request.body(()).unwrap())
        } else {
            agent.run(request.body(body).unwrap())
        }
        .unwrap_or_else(|error| panic!("{method} {url}: {error}")),
    )
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: response.body_mut().read_to_string().unwrap_or_default(),
    }
}

/// A port of this machine that no other program gets while the value exists.
pub fn port() -> Port {
    Port::keep().expect("a free port")
}

/// Polls until `is_so` returns true, for up to [`PATIENCE`]. Returns whether it did.
pub fn comes_true(is_so: impl FnMut() -> bool) -> bool {
    comes_true_within(PATIENCE, is_so)
}

/// Polls until `is_so` returns true, for up to `limit`. Returns whether it did. For what may rightly not come true:
/// anything else is worth all of [`PATIENCE`].
#[expect(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]
pub fn comes_true_within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The time in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs()
}

/// Waits until the clock reaches this second, which comes from a record, a token or a key.
pub fn wait_for_the_clock(second: u64) {
    while now() < second {
        thread::sleep(LOOK_EVERY);
    }
}

/// GETs a JSON document.
pub fn get_json(url: &str) -> Value {
    let answer = send("GET", url, &BTreeMap::new(), Vec::new());
    assert_eq!(answer.status, 200, "{url}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{url}: {error}: {}", answer.body))
}

/// Whether a command works on this machine. Otherwise prints that `what` is skipped.
pub fn has(command: &str, what: &str) -> bool {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let found = Command::new(program).args(words).output().is_ok_and(|output| output.status.success());
    if !found {
        note(&format!("skipped: {what}, because `{command}` does not work on this machine"));
    }
    found
}

/// The code with this mark, such as `yaml envoy`, from the page of the guides that contains it.
pub fn documented(mark: &str) -> String {
    let pages = Page::below(xtask::root(), &["docs/guides"]);
    let code = pages.iter().find_map(|page| page.code(mark));
    code.unwrap_or_else(|| panic!("no guide has code with the mark {mark}")).to_owned()
}
