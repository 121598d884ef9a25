//! The built Worker in bare workerd, over a stand-in for KV and the rate limits that fails on command.

#![allow(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use edgemint_testkit::Answer;
use xtask::Variant;
use xtask::workerd::{self, Binding, Worker};

use crate::{State, send, tools};

/// The most lines of the log that are kept: a test under load makes a million.
const MAX_LOG: usize = 50_000;

/// The Worker and its stand-in, which end when this is dropped.
pub struct Bare {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    worker: u16,
    stand_in: u16,
    _state: State,
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// What is bound beside KV.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Nothing,
    Brakes,
    Counts,
}

impl Bare {
    /// Starts the Worker of `variant` with these variables. `with_brakes`: the rate limits are bound, too.
    pub fn start(variant: Variant, vars: &BTreeMap<String, String>, with_brakes: bool) -> Self {
        Self::start_with(variant, vars, if with_brakes { Bound::Brakes } else { Bound::Nothing })
    }

    /// Starts the deployed Worker with these variables and a dataset for counts, whose rows are [`Bare::rows`].
    pub fn start_counting(vars: &BTreeMap<String, String>) -> Self {
        Self::start_with(Variant::Release, vars, Bound::Counts)
    }

    fn start_with(variant: Variant, vars: &BTreeMap<String, String>, bound: Bound) -> Self {
        crate::build(variant);
        let state = State::empty();
        let built = xtask::root().join(variant.out_dir());
        for file in ["entry.js", "index.js", "index_bg.wasm"] {
            std::fs::copy(built.join(file), state.path().join(file)).expect("it is built");
        }
        for (name, text) in [
            ("stand_in.js", include_str!("stand_in.js")),
            ("stand_in_counts.js", include_str!("stand_in_counts.js")),
        ] {
            std::fs::write(state.path().join(name), text).expect("a file");
        }
        let (worker, stand_in) = (free_port(), free_port());
        let config = config(worker, stand_in, vars, bound);
        std::fs::write(state.path().join("config.capnp"), config).expect("a file");
        let mut workerd = workerd::command(tools(), state.path()).expect("workerd is installed");
        let mut child = workerd.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = Arc::default();
        collect(child.stdout.take().expect("a pipe"), &log);
        collect(child.stderr.take().expect("a pipe"), &log);
        let bare = Self { child, log, worker, stand_in, _state: state };
        bare.wait_until_it_listens();
        bare
    }

    fn wait_until_it_listens(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", self.worker)).is_err() {
            assert!(Instant::now() < deadline, "workerd does not listen: {}", self.log().join("\n"));
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where the Worker is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.worker)
    }

    /// The Worker's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.worker
    }

    /// How much memory the process has, in KiB: 0 where there is no /proc.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        resident.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
    }

    /// Has everything that the Worker asks do this from now on: `none`, `throw` or `hang`.
    pub fn fault(&self, fault: &str) {
        self.command("POST", &format!("fault/{fault}"), "");
    }

    /// Stores `value` under `key`, whatever the fault.
    pub fn put(&self, key: &str, value: &str) {
        let path: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.command("PUT", &path, value);
    }

    /// How often KV and the rate limits were asked.
    pub fn asked(&self) -> u32 {
        self.command("GET", "asked", "").body.parse().expect("a number")
    }

    /// The rows that were handed to the dataset.
    pub fn rows(&self) -> Vec<serde_json::Value> {
        let rows = self.log();
        let rows = rows.iter().filter_map(|line| line.strip_prefix("row "));
        rows.map(|row| serde_json::from_str(row).expect("JSON")).collect()
    }

    fn command(&self, method: &str, path: &str, body: &str) -> Answer {
        let url = format!("http://127.0.0.1:{}/{path}", self.stand_in);
        send(method, &url, &BTreeMap::new(), body.as_bytes().to_vec())
    }

    /// All that was logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log has a line with `text`.
    pub fn log_comes_to_contain(&self, text: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if self.log().iter().any(|line| line.contains(text)) {
                return true;
            }
            thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

/// Every line of the log that it wrote is one that the schema promises.
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

fn collect(from: impl std::io::Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            // What comes later is read all the same, or workerd would wait for its reader.
            if log.len() < MAX_LOG {
                log.push(line);
            }
        }
    });
}

fn config(worker: u16, stand_in: u16, vars: &BTreeMap<String, String>, bound: Bound) -> String {
    let namespace = Binding::Kv("standIn".into(), Some("kv".into()));
    let mut bindings = vec![("CLIENTS".to_owned(), namespace)];
    bindings.extend(vars.iter().map(|(name, value)| (name.clone(), Binding::Text(value.clone()))));
    match bound {
        Bound::Nothing => {}
        Bound::Brakes => {
            let limit = || Binding::Service("standIn".into(), "Limit".into());
            bindings.extend(
                ["CLIENT_BRAKE", "NETWORK_BRAKE", "PREFIX_BRAKE"].map(|name| (name.to_owned(), limit())),
            );
        }
        Bound::Counts => bindings.push(("COUNTS".to_owned(), Binding::Made("stand_in_counts.js".into()))),
    }
    let modules = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect();
    let worker = Worker {
        name: "worker".into(),
        modules: modules(&["entry.js", "index.js", "index_bg.wasm"]),
        bindings,
        port: Some(worker),
    };
    let stand_in = Worker {
        name: "standIn".into(),
        modules: modules(&["stand_in.js"]),
        bindings: Vec::new(),
        port: Some(stand_in),
    };
    Worker::configuration(&[worker, stand_in]).expect("wrangler.toml has a date")
}
