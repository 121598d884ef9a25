//! `wrangler dev`: started with given variables and secrets, watched, and ended with all its children.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, fs, thread};

use anyhow::{Context as _, Result, bail};

use crate::process::children::{Group, Watchdog};
use crate::process::command::last_lines;
use crate::process::lines::{Lines, PATIENCE};
use crate::process::port::Port;
use crate::process::{files, http, port};
use crate::serve::wrangler_config;
use crate::serve::wrangler_config::{Differences, Worker};

const POLL: Duration = Duration::from_millis(50);

/// Called with each line that wrangler or the Worker prints.
pub type OnLine = Arc<dyn Fn(&str) + Send + Sync>;

/// Options of a server. [`ServerOptions::new`] needs only a state directory and a Worker.
#[derive(Clone)]
pub struct ServerOptions {
    /// The port on 127.0.0.1; 0 for any free port.
    pub port: u16,
    /// The directory for KV and for this server's configuration.
    pub state: PathBuf,
    /// Variables that override those of wrangler.toml. `ISSUER` is the server's own address unless it is set here.
    pub vars: Vec<(String, String)>,
    /// Variables of wrangler.toml that the Worker does not get.
    pub unset: Vec<String>,
    /// Secrets: like variables, but wrangler never prints them.
    pub secrets: Vec<(String, String)>,
    /// The Worker. It must be built.
    pub worker: Worker,
    /// A callback for each line as it is printed, in addition to [`Server::log`].
    pub on_line: Option<OnLine>,
}

impl ServerOptions {
    /// Options for a Worker on a free port, with wrangler.toml's variables and no secret.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>, worker: Worker) -> Self {
        Self {
            port: 0,
            state: state.into(),
            vars: Vec::new(),
            unset: Vec::new(),
            secrets: Vec::new(),
            worker,
            on_line: None,
        }
    }

    /// Adds this variable.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes this variable of wrangler.toml.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.unset.push(name.to_owned());
        self
    }

    /// Adds this secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Does not show the secrets.
impl fmt::Debug for ServerOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets: Vec<&str> = self.secrets.iter().map(|(name, _)| name.as_str()).collect();
        out.debug_struct("ServerOptions")
            .field("port", &self.port)
            .field("state", &self.state)
            .field("vars", &self.vars)
            .field("unset", &self.unset)
            .field("secrets", &secrets)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

/// A server that answers. Dropping it ends it, including workerd.
#[derive(Debug)]
pub struct Server {
    group: Group,
    _watchdog: Watchdog,
    options: ServerOptions,
    dir: PathBuf,
    log: Lines,
    health: u16,
    /// The port where none was chosen: reserved until the server has ended.
    _port: Option<Port>,
}

impl Server {
    /// Starts the server with this wrangler and waits until the Worker answers with any status.
    ///
    /// # Errors
    /// When the port is in use, or wrangler ends or prints nothing for a long time; with the last lines of its output.
    pub fn start(mut wrangler: Command, mut options: ServerOptions) -> Result<Self> {
        let port = if options.port == 0 { Some(Port::keep()?) } else { None };
        if let Some(port) = &port {
            options.port = port.number();
        } else if !port::is_free(options.port) {
            bail!(
                "port {} on 127.0.0.1 is in use; stop the program that listens there, or choose another port",
                options.port
            );
        }
        files::make_dir(&options.state)?;
        let shown = options.state.display().to_string();
        options.state = options.state.canonicalize().with_context(|| format!("could not find {shown}"))?;
        let dir = options.state.join(format!("dev/{}", options.port));
        let _ = fs::remove_dir_all(&dir);
        let config = configure(&options, &dir)?;

        wrangler.arg("dev").arg("--config").arg(config).arg("--persist-to").arg(&options.state);
        wrangler.args(["--ip", "127.0.0.1", "--port", &options.port.to_string(), "--inspector-port", "0"]);
        wrangler.args(["--local", "--show-interactive-dev-session=false"]).current_dir(&dir);
        offline_and_alone(&mut wrangler, &dir);
        let mut group = Group::start(wrangler.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let watchdog = Watchdog::over(&group)?;
        let log = Lines::default();
        let (stdout, stderr) = (group.child().stdout.take(), group.child().stderr.take());
        collect(stdout, &log, options.on_line.as_ref());
        collect(stderr, &log, options.on_line.as_ref());
        let mut server = Self { group, _watchdog: watchdog, options, dir, log, health: 0, _port: port };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`, without the issuer's path.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.options.port)
    }

    /// The URL of the endpoints: the base URL and the issuer's path.
    #[must_use]
    pub fn endpoints(&self) -> String {
        format!("{}{}", self.base_url(), http::path_of(&issuer(&self.options)))
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
    }

    /// The directory with the server's state, absolute.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.options.state
    }

    /// The status of `/healthz` when the server first answered.
    #[must_use]
    pub fn health(&self) -> u16 {
        self.health
    }

    /// Every line that wrangler and the Worker have printed so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.all()
    }

    /// The same lines, for code that waits for more.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.log
    }

    /// Waits until a line of the log contains `text`. A log line appears shortly after the answer that it belongs to.
    #[must_use]
    pub fn log_comes_to_contain(&self, text: &str) -> bool {
        self.log.come_to_contain(text)
    }

    /// Gives the running server other variables and secrets, and the current wrangler.toml. wrangler notices by itself
    /// and restarts the Worker within about a second; [`Server::log`] shows when.
    ///
    /// # Errors
    /// When the configuration cannot be written.
    pub fn reconfigure(&mut self, vars: Vec<(String, String)>, secrets: Vec<(String, String)>) -> Result<()> {
        self.options.vars = vars;
        self.options.secrets = secrets;
        configure(&self.options, &self.dir).map(drop)
    }

    /// Whether wrangler has stopped unexpectedly.
    pub fn has_ended(&mut self) -> bool {
        self.group.ended().is_some()
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let path = format!("{}/healthz", http::path_of(&issuer(&self.options)));
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.group.ended() {
                // Processes that wrangler started may still hold its outputs open.
                self.group.end();
                bail!("wrangler stopped before it served ({status}){}", last_lines(&self.log.to_the_end()));
            }
            if let Some(status) = http::status(self.options.port, &path) {
                self.health = status;
                return Ok(());
            }
            thread::sleep(POLL);
        }
        bail!("the Worker did not answer within {} s{}", PATIENCE.as_secs(), last_lines(&self.log()))
    }
}

/// Ends the server and deletes its configuration, which contains a copy of the secrets.
impl Drop for Server {
    fn drop(&mut self) {
        self.group.end();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn configure(options: &ServerOptions, dir: &Path) -> Result<PathBuf> {
    let mut vars = Vec::new();
    if !options.unset.iter().any(|name| name == "ISSUER") {
        vars.push(("ISSUER".to_owned(), format!("http://127.0.0.1:{}", options.port)));
    }
    vars.extend(options.vars.iter().cloned());
    let differences = Differences { vars: &vars, unset: &options.unset, secrets: &options.secrets };
    wrangler_config::write(dir, &options.worker, &differences)
}

fn issuer(options: &ServerOptions) -> String {
    let given = options.vars.iter().rev().find(|(name, _)| name == "ISSUER");
    given.map(|(_, value)| value.clone()).unwrap_or_default()
}

/// Prevents requests to the internet, and keeps several servers apart.
fn offline_and_alone(wrangler: &mut Command, dir: &Path) {
    wrangler.env("CLOUDFLARE_CF_FETCH_ENABLED", "false").env("WRANGLER_SEND_ERROR_REPORTS", "false");
    wrangler.env("X_LOCAL_EXPLORER", "false").env("X_LOCAL_OBSERVABILITY", "false").env("NO_COLOR", "1");
    wrangler.env("WRANGLER_LOG_PATH", dir.join("logs")).env("WRANGLER_REGISTRY_PATH", dir.join("registry"));
    // A developer's settings for deployments must not select another environment or add variables.
    wrangler
        .env_remove("CLOUDFLARE_ENV")
        .env_remove("CLOUDFLARE_INCLUDE_PROCESS_ENV")
        .env_remove("FORCE_COLOR");
}

fn collect(from: Option<impl Read + Send + 'static>, log: &Lines, on_line: Option<&OnLine>) {
    let on_line = on_line.cloned();
    log.collect(from, move |line| {
        let line = without_colour(line);
        if let Some(on_line) = &on_line {
            on_line(&line);
        }
        line
    });
}

/// The line without colour: wrangler colours what the Worker prints as an error, whatever its settings.
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{ServerOptions, Worker, without_colour};

    #[test]
    fn colours_are_taken_out() {
        let line =
            "\u{1b}[31m✘ \u{1b}[41;31m[\u{1b}[41;97mERROR\u{1b}[41;31m]\u{1b}[0m \u{1b}[1mwhy\u{1b}[0m";
        assert_eq!(without_colour(line), "✘ [ERROR] why");
    }

    #[test]
    fn secrets_are_not_shown() {
        let worker = Worker { config: "wrangler.toml".into(), main: "entry.js".into(), rebuild: None };
        let options =
            ServerOptions::new("/tmp", worker).secret("SIGNING_KEY_A", "the-key").var("ISSUER", "x");
        let shown = format!("{options:?}");
        assert!(shown.contains("SIGNING_KEY_A") && !shown.contains("the-key"), "{shown}");
    }
}
