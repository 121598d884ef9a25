//! Bare workerd, without wrangler around it: the built Worker as it is deployed, and a stand-in for KV that can be made
//! to fail. For what wrangler's own work would hide: time, memory, and a store that does not answer.

use crate::children::{Group, Watchdog};
use crate::command::{each_line, last_lines};
use crate::http;
use crate::project;
use crate::tools::Tools;
use crate::worker::Variant;
use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const START_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// As in wrangler.toml.
const COMPATIBILITY_DATE: &str = "2026-11-01";

/// What the Worker gets.
#[derive(Default)]
pub struct BareOptions {
    /// Variables and secrets. `ISSUER` is the server's own address unless it is here.
    pub variables: Vec<(String, String)>,
    /// What KV holds: keys and values.
    pub records: Vec<(String, String)>,
    /// A client record with the ID `service-N`; KV holds one for every N.
    pub many: String,
}

/// A workerd that serves. Dropping it ends it, and removes its folder.
pub struct Bare {
    group: Group,
    _watchdog: Watchdog,
    dir: PathBuf,
    port: u16,
    kv_port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Bare {
    /// Starts the release Worker, which must be built, in a new folder `dir`, and waits until it answers.
    ///
    /// # Errors
    /// When it does not serve; with what it said last.
    pub fn start(tools: &Tools, dir: &Path, options: &BareOptions) -> Result<Self> {
        let free = || http::free_port().context("there is no free port on 127.0.0.1");
        let (port, kv_port) = (free()?, free()?);
        fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
        let built = project::root().join(Variant::Release.out_dir());
        for file in ["index.js", "index_bg.wasm"] {
            fs::copy(built.join(file), dir.join(file)).with_context(|| format!("{file} is not built"))?;
        }
        fs::write(dir.join("kv.js"), include_str!("kv.js"))?;
        fs::write(dir.join("config.capnp"), config(port, kv_port, options)?)?;

        let mut workerd = tools.npm_program("workerd")?;
        workerd.args(["serve", "config.capnp"]).current_dir(dir);
        let mut group = Group::start(workerd.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let watchdog = Watchdog::over(group.id())?;
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (stdout, stderr) = (group.child().stdout.take(), group.child().stderr.take());
        let keep = |log: &Arc<Mutex<Vec<String>>>| {
            let log = Arc::clone(log);
            move |line: &str| log.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned())
        };
        let (out, err) = (keep(&log), keep(&log));
        thread::spawn(move || each_line(stdout, out));
        thread::spawn(move || each_line(stderr, err));
        let mut bare = Self { group, _watchdog: watchdog, dir: dir.to_owned(), port, kv_port, log };
        bare.wait_until_it_answers()?;
        Ok(bare)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on KV fails in this way: `none`, `throw`, `hang` or `garbage` (see kv.js).
    ///
    /// # Errors
    /// When the stand-in does not answer.
    pub fn fault(&self, fault: &str) -> Result<()> {
        match http::status(self.kv_port, &format!("/fault/{fault}")) {
            Some(200) => Ok(()),
            other => bail!("the stand-in for KV answered {other:?}"),
        }
    }

    /// The CPU time, user and system, that the process has used so far.
    ///
    /// # Errors
    /// Where there is no /proc.
    pub fn cpu(&self) -> Result<Duration> {
        // One tick is 10 ms on every Linux that is not built otherwise.
        const TICK: Duration = Duration::from_millis(10);
        let stat = self.proc("stat")?;
        let fields: Vec<&str> =
            stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
        let ticks = [11, 12].iter().filter_map(|i| fields.get(*i)?.parse::<u32>().ok()).sum::<u32>();
        Ok(TICK * ticks)
    }

    /// Its memory, in KiB (resident).
    ///
    /// # Errors
    /// Where there is no /proc.
    pub fn memory(&self) -> Result<u64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).context("no VmRSS")
    }

    /// Every line that workerd and the Worker have printed so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.group.id());
        fs::read_to_string(&path).with_context(|| format!("could not read {path}"))
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.group.ended() {
                thread::sleep(POLL);
                bail!("workerd ended before it served ({status}){}", last_lines(&self.log()));
            }
            if http::status(self.port, "/healthz").is_some() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        bail!("workerd did not answer within {} s{}", START_WITHIN.as_secs(), last_lines(&self.log()))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.group.end();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The text of config.capnp.
fn config(port: u16, kv_port: u16, options: &BareOptions) -> Result<String> {
    let issuer = ("ISSUER".to_owned(), format!("http://127.0.0.1:{port}"));
    let named = options.variables.iter().any(|(name, _)| name == "ISSUER");
    let mut bindings = String::new();
    for (name, value) in options.variables.iter().chain((!named).then_some(&issuer)) {
        let _ = write!(bindings, "\n    (name = {}, text = {}),", quoted(name)?, quoted(value)?);
    }
    let records: serde_json::Map<String, serde_json::Value> =
        options.records.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    let records = quoted(&serde_json::Value::from(records).to_string())?;
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "kv", worker = .kv)],
  sockets = [
    (name = "http", address = "127.0.0.1:{port}", http = (), service = "main"),
    (name = "control", address = "127.0.0.1:{kv_port}", http = (), service = "kv"),
  ],
);
const main :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  bindings = [{bindings}
    (name = "CLIENTS", kvNamespace = "kv"),
  ],
);
const kv :Workerd.Worker = (
  modules = [(name = "kv.js", esModule = embed "kv.js")],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  bindings = [
    (name = "RECORDS", text = {records}),
    (name = "MANY", text = {many}),
    (name = "CONTROL", text = "127.0.0.1"),
  ],
);
"#,
        many = quoted(&options.many)?,
    ))
}

/// As Cap'n Proto writes a text: JSON's escapes are among its own.
fn quoted(text: &str) -> Result<String> {
    serde_json::to_string(text).context("a text cannot be quoted")
}
