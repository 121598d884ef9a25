//! The built Worker in bare workerd, with a stand-in for KV and the rate limits that fails on command.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;

use edgemint_testkit::Answer;
use xtask::workerd::{self, Binding, DurableObject, Worker};
use xtask::{Lines, PATIENCE, Port, Variant};

use crate::reaper::Reaper;
use crate::{State, send, tools};

/// The highest number of log lines that are kept: a test under load produces a million.
const MAX_LOG: usize = 50_000;

/// The Worker and its stand-in, which are stopped when this is dropped.
pub struct Bare {
    _reaper: Reaper,
    child: Child,
    log: Lines,
    worker: u16,
    others: Vec<u16>,
    stand_in: u16,
    _state: State,
}

/// The bindings besides KV.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Nothing,
    RateLimiter,
    Counts,
    /// None, and another process serves KV at this port.
    KvAt(u16),
    /// None, but other processes serve KV and the Cache API at these ports.
    LocationAt {
        kv: u16,
        cache: u16,
    },
    /// None, but the size of wasm's memory can be read.
    Measured,
    /// The replay memory, which several isolates share, and fetches that reach this machine.
    Replay,
    /// The replay memory, and a proxy that reports about the network.
    Behind,
}

/// The header in which a proxy reports about the network, in the form of `request.cf`.
pub const REPORT: &str = "cf-blob";

/// The isolates that share a replay memory.
const ISOLATES: usize = 4;

impl Bare {
    /// Starts the Worker of `variant` with these variables. With `with_rate_limits`, the rate limits are bound too.
    pub fn start(variant: Variant, vars: &BTreeMap<String, String>, with_rate_limits: bool) -> Self {
        Self::start_with(variant, vars, if with_rate_limits { Bound::RateLimiter } else { Bound::Nothing })
    }

    /// Starts the Worker of `variant` with these variables and a dataset for counts. [`Bare::rows`] returns its rows.
    pub fn start_counting(variant: Variant, vars: &BTreeMap<String, String>) -> Self {
        Self::start_with(variant, vars, Bound::Counts)
    }

    /// Starts the deployed Worker with these variables and a KV that another process serves at this port.
    pub fn start_over_kv(vars: &BTreeMap<String, String>, port: u16) -> Self {
        Self::start_with(Variant::Release, vars, Bound::KvAt(port))
    }

    /// As [`Bare::start_over_kv`], with a cache of the location that another process serves at this port.
    pub fn start_at_location(vars: &BTreeMap<String, String>, kv: u16, cache: u16) -> Self {
        Self::start_with(Variant::Release, vars, Bound::LocationAt { kv, cache })
    }

    /// As [`Bare::start_over_kv`], at a port that the caller has reserved, so that its address can be the issuer.
    pub fn start_at(address: &Port, vars: &BTreeMap<String, String>, kv: u16) -> Self {
        Self::start_at_port(address.number(), Variant::Release, vars, Bound::KvAt(kv))
    }

    /// Starts the deployed Worker with these variables and with support for [`Bare::wasm_memory`].
    pub fn start_measured(vars: &BTreeMap<String, String>) -> Self {
        Self::start_with(Variant::Release, vars, Bound::Measured)
    }

    /// Starts the deployed Worker with these variables in several isolates. They share KV and the replay memory, and
    /// fetch keys from this machine. [`Bare::urls`] has their addresses.
    pub fn start_with_replay(vars: &BTreeMap<String, String>) -> Self {
        Self::start_with(Variant::Release, vars, Bound::Replay)
    }

    /// Starts the deployed Worker with these variables and a replay memory. It takes `request.cf` from the header
    /// [`REPORT`], as a proxy in front of it writes it.
    pub fn start_behind(vars: &BTreeMap<String, String>) -> Self {
        Self::start_with(Variant::Release, vars, Bound::Behind)
    }

    /// The URLs of all isolates.
    pub fn urls(&self) -> Vec<String> {
        let ports = [self.worker].into_iter().chain(self.others.iter().copied());
        ports.map(|port| format!("http://127.0.0.1:{port}")).collect()
    }

    fn start_with(variant: Variant, vars: &BTreeMap<String, String>, bound: Bound) -> Self {
        // The system chooses the port when the Worker begins to listen.
        Self::start_at_port(0, variant, vars, bound)
    }

    fn start_at_port(port: u16, variant: Variant, vars: &BTreeMap<String, String>, bound: Bound) -> Self {
        crate::build(variant);
        let state = State::empty();
        let built = xtask::root().join(variant.out_dir());
        for file in ["entry.js", "index.js", "index_bg.wasm"] {
            std::fs::copy(built.join(file), state.path().join(file)).expect("it is built");
        }
        for (name, text) in [
            ("stand_in.js", include_str!("stand_in.js")),
            ("stand_in_counts.js", include_str!("stand_in_counts.js")),
            ("measured.js", include_str!("measured.js")),
            ("wasm_memory.js", include_str!("wasm_memory.js")),
        ] {
            std::fs::write(state.path().join(name), text).expect("a file");
        }
        let config = config(state.path(), port, vars, bound);
        std::fs::write(state.path().join("config.capnp"), config).expect("a file");
        let mut workerd =
            workerd::command_that_tells_ports(tools(), state.path()).expect("workerd is installed");
        let mut child = workerd.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (told, log) = (Lines::default(), Lines::at_most(MAX_LOG));
        told.collect(child.stdout.take(), str::to_owned);
        log.collect(child.stderr.take(), str::to_owned);
        let reaper = Reaper::of(&child);
        let mut bare =
            Self { _reaper: reaper, child, log, worker: 0, others: Vec::new(), stand_in: 0, _state: state };
        let port = |name: &str| {
            workerd::port(&told, name)
                .unwrap_or_else(|| panic!("{name} does not listen: {}", bare.log().join("\n")))
        };
        let others = if bound == Bound::Replay { 1..ISOLATES } else { 0..0 };
        let others = others.map(|i| port(&format!("worker{i}"))).collect();
        (bare.worker, bare.stand_in, bare.others) = (port("worker"), port("standIn"), others);
        bare
    }

    /// The URL of the Worker.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.worker)
    }

    /// The Worker's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.worker
    }

    /// The memory of the process, in KiB; 0 where there is no /proc.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        resident.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
    }

    /// The memory of the wasm instance, in KiB. It never shrinks. Makes V8 collect its garbage first: by itself, V8
    /// does that late, because it does not know that a `Request` holds long headers.
    pub fn wasm_memory(&self) -> u64 {
        let url = format!("{}/wasm-memory", self.url());
        let bytes: u64 = send("GET", &url, &BTreeMap::new(), Vec::new()).body.parse().expect("a number");
        bytes / 1024
    }

    /// Sets the behaviour of everything that the Worker calls: `none`, `throw` or `hang`.
    pub fn fault(&self, fault: &str) {
        self.command("POST", &format!("fault/{fault}"), "");
    }

    /// Stores `value` under `key`, whatever the fault.
    pub fn put(&self, key: &str, value: &str) {
        let path: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.command("PUT", &path, value);
    }

    /// The number of calls to KV and to the rate limits.
    pub fn asked(&self) -> u32 {
        self.command("GET", "asked", "").body.parse().expect("a number")
    }

    /// The rows that the dataset got, after waiting for `count` of them.
    pub fn rows(&self, count: usize) -> Vec<serde_json::Value> {
        let rows = |lines: &[String]| -> Vec<serde_json::Value> {
            let rows = lines.iter().filter_map(|line| line.strip_prefix("row "));
            rows.map(|row| serde_json::from_str(row).expect("JSON")).collect()
        };
        let _ = self.log.come_to(PATIENCE, |lines| rows(lines).len() >= count);
        let rows = rows(&self.log());
        assert_eq!(rows.len(), count, "{rows:?}");
        rows
    }

    fn command(&self, method: &str, path: &str, body: &str) -> Answer {
        let url = format!("http://127.0.0.1:{}/{path}", self.stand_in);
        send(method, &url, &BTreeMap::new(), body.as_bytes().to_vec())
    }

    /// All log lines so far.
    pub fn log(&self) -> Vec<String> {
        self.log.all()
    }

    /// Waits until the log has a line with `text`.
    pub fn log_comes_to_contain(&self, text: &str) -> bool {
        self.log.come_to_contain(text)
    }
}

/// Checks that every log line of the Worker matches the schema.
impl Drop for Bare {
    fn drop(&mut self) {
        if !thread::panicking() {
            let lines = self.log();
            let events = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
            for event in events {
                edgemint_testkit::check_log_line(&event).unwrap_or_else(|why| panic!("{why}"));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration, with the Worker at this port.
fn config(state: &Path, port: u16, vars: &BTreeMap<String, String>, bound: Bound) -> String {
    let namespace = match bound {
        Bound::KvAt(port) | Bound::LocationAt { kv: port, .. } => Binding::KvAt(port),
        Bound::Nothing
        | Bound::RateLimiter
        | Bound::Counts
        | Bound::Measured
        | Bound::Replay
        | Bound::Behind => Binding::Kv("standIn".into(), Some("kv".into())),
    };
    let mut bindings = vec![("CLIENTS".to_owned(), namespace)];
    bindings.extend(vars.iter().map(|(name, value)| (name.clone(), Binding::Text(value.clone()))));
    match bound {
        Bound::Nothing | Bound::KvAt(_) | Bound::LocationAt { .. } | Bound::Measured => {}
        Bound::Replay | Bound::Behind => {
            bindings.push(("REPLAY".to_owned(), Binding::DurableObjects("Replay".into())));
        }
        Bound::RateLimiter => {
            let limit = || Binding::Service("standIn".into(), "Limit".into());
            bindings.extend(
                ["CLIENT_BRAKE", "NETWORK_BRAKE", "PREFIX_BRAKE"].map(|name| (name.to_owned(), limit())),
            );
        }
        Bound::Counts => bindings.push(("COUNTS".to_owned(), Binding::Made("stand_in_counts.js".into()))),
    }
    let modules = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect();
    let of_worker: &[&str] = if bound == Bound::Measured {
        &["measured.js", "wasm_memory.js", "entry.js", "index.js", "index_bg.wasm"]
    } else {
        &["entry.js", "index.js", "index_bg.wasm"]
    };
    let mut worker = Worker {
        name: "worker".into(),
        modules: modules(of_worker),
        bindings,
        port: Some(port),
        ..Worker::default()
    };
    if let Bound::LocationAt { cache, .. } = bound {
        worker.cache = Some(cache);
    }
    let mut workers = Vec::new();
    if matches!(bound, Bound::Replay | Bound::Behind) {
        worker.fetches_locally = true;
        worker.network_report = (bound == Bound::Behind).then(|| REPORT.to_owned());
        let isolates = if bound == Bound::Replay { ISOLATES } else { 1 };
        for i in 1..isolates {
            let mut other = Worker { name: format!("worker{i}"), port: Some(0), ..worker.clone() };
            for (_, binding) in other.bindings.iter_mut().filter(|(name, _)| name == "REPLAY") {
                *binding = Binding::DurableObjectsOf("Replay".into(), "worker".into());
            }
            workers.push(other);
        }
        let storage = state.join("replay");
        std::fs::create_dir_all(&storage).expect("a directory");
        worker.durable_objects.push(DurableObject { class: "Replay".into(), key: "Replay".into(), storage });
    }
    workers.push(worker);
    workers.push(Worker {
        name: "standIn".into(),
        modules: modules(&["stand_in.js"]),
        port: Some(0),
        ..Worker::default()
    });
    let config = Worker::configuration(&workers).expect("wrangler.toml has a date");
    if bound == Bound::Measured {
        let (before, after) = config.split_once(":Workerd.Config = (").expect("a configuration");
        return format!("{before}:Workerd.Config = (v8Flags = [\"--expose-gc\"], {after}");
    }
    config
}
