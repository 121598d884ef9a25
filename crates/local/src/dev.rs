//! Serves tokens on this machine until a signal ends it: with a signing key, example clients, and `wrangler dev`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, fs, thread};

use anyhow::{Context as _, Result, anyhow, bail};
use edgemint_printable::{printable, shell};

use crate::process::progress::Progress;
use crate::process::{children, files, port};
use crate::serve::operator::{Edgemint, Loaded};
use crate::serve::server::{Server, ServerOptions};
use crate::serve::wrangler_config::Worker;
use crate::serve::{noise, state};

/// The clients that are loaded unless the user names a file.
const EXAMPLE: &str = include_str!("../../../examples/dex.yaml");

/// The example's first client, whose secret is public.
const EXAMPLE_USER: (&str, &str) = ("example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0");

const LOOK_EVERY: Duration = Duration::from_millis(200);

const LOG_WITHIN: Duration = Duration::from_secs(2);

/// Options of `edgemint dev` and `cargo xtask dev`.
#[derive(Debug, clap::Args)]
pub struct DevArgs {
    /// The port to listen on, on 127.0.0.1
    #[arg(long, value_name = "N", default_value_t = 8787, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Directory for keys and client records between runs [default: .wrangler/state next to wrangler.toml]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Load this dex configuration, or bare list of staticClients (YAML or JSON), instead of the example
    #[arg(long, value_name = "FILE")]
    pub clients: Option<PathBuf>,
    /// Set this variable of the Worker, overriding wrangler.toml (repeatable); an empty value is passed as empty
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    pub vars: Vec<(String, String)>,
}

/// Parses `NAME=VALUE`. The name must be a valid name of an environment variable; the value is taken literally.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or("it must be NAME=VALUE (NAME= for an empty value)".to_owned())?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("`{name}` is not the name of a variable (letters, digits and _)"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The programs and files to serve with.
#[derive(Debug)]
pub struct Setup {
    /// The Worker. It must be built.
    pub worker: Worker,
    /// The wrangler that serves it.
    pub wrangler: Command,
    /// The program that creates the key and loads the clients.
    pub edgemint: Edgemint,
    /// The state directory, as [`state_dir`] returns it.
    pub state: PathBuf,
}

/// The running server, and how to get a token from it.
#[derive(Debug)]
pub struct Ready {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// A command for a shell that requests a token, if a client can authenticate.
    pub request: Option<String>,
    /// What the reader must do before running [`Ready::request`].
    pub note: Option<&'static str>,
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ready: {}", self.url)?;
        let lines = self.request.as_deref().into_iter().chain(self.note);
        lines.into_iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Reports errors in the arguments, before anything is installed or built.
///
/// # Errors
/// When the port is in use, or the file of clients cannot be read.
pub fn check(args: &DevArgs) -> Result<()> {
    if !port::is_free(args.port) {
        bail!(
            "port {0} on 127.0.0.1 is in use; stop the program that listens there, or pass --port N",
            args.port
        );
    }
    args.clients.as_deref().map(readable).transpose().map(drop)
}

/// Creates the state directory: the given one, or `.wrangler/state` in `project`. Returns its absolute path.
///
/// # Errors
/// When it cannot be created.
pub fn state_dir(args: &DevArgs, project: &Path) -> Result<PathBuf> {
    let dir = args.state.clone().unwrap_or_else(|| project.join(".wrangler/state"));
    files::make_dir(&dir)?;
    dir.canonicalize().with_context(|| format!("could not find {}", dir.display()))
}

/// Serves until a signal ends it. Calls `announce` once the Worker answers.
///
/// # Errors
/// Returns one sentence: what failed, and what to do about it.
pub fn run(args: &DevArgs, setup: Setup, progress: &Progress, announce: impl FnOnce(&Ready)) -> Result<()> {
    let Setup { worker, wrangler, edgemint, state: dir } = setup;
    let clients = match &args.clients {
        Some(file) => readable(file)?,
        None => state::write_example(&dir, EXAMPLE)?,
    };
    first_key(&edgemint, &dir, progress)?;
    let config = worker.config.clone();
    let options = server_options(args, &dir, worker, progress)?;
    let starting = || {
        let step = progress.step("starting the Workers runtime");
        let server = Server::start(wrangler, options)?;
        step.done();
        Ok(server)
    };
    let loading = || load_clients(args, &edgemint, &dir, &clients, progress);
    let (mut server, loaded) = if dir.join("v3/kv").is_dir() {
        in_parallel(starting, loading)?
    } else {
        // On a first run, both would create the same database at the same time and block each other.
        let loaded = loading()?;
        (starting()?, loaded)
    };
    warn_of_errors(&server);
    announce(&ready(&server, args, &loaded));
    children::ending_is_success();
    serve(&mut server, args, &config, &dir)
}

fn in_parallel<A: Send, B>(
    one: impl FnOnce() -> Result<A> + Send,
    other: impl FnOnce() -> Result<B>,
) -> Result<(A, B)> {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().map_err(|_| anyhow!("a thread panicked"))?;
        // The user chose the clients file, so its error is the likelier cause and is reported first.
        let other = other?;
        Ok((one?, other))
    })
}

/// The absolute path of a file to load clients from.
fn readable(path: &Path) -> Result<PathBuf> {
    fs::read_to_string(path).with_context(|| format!("could not read the client file {}", path.display()))?;
    path.canonicalize().with_context(|| format!("could not find {}", path.display()))
}

fn first_key(edgemint: &Edgemint, dir: &Path, progress: &Progress) -> Result<()> {
    if state::keys(dir)?.is_none() {
        let key = edgemint.new_key().context("could not create a signing key")?;
        state::write_first_key(dir, &key)?;
        progress.say(&format!("created a signing key in {}", state::keys_file(dir).display()));
    }
    Ok(())
}

/// Loads the file's clients, and removes clients that an earlier run loaded from another file.
fn load_clients(
    args: &DevArgs,
    edgemint: &Edgemint,
    dir: &Path,
    file: &Path,
    progress: &Progress,
) -> Result<Vec<Loaded>> {
    let step = progress.step(format!("loading clients from {}", file.display()));
    let import = edgemint
        .import(dir, file)
        .with_context(|| format!("could not load the clients from {}", file.display()))?;
    for line in &import.remarks {
        progress.say(line);
    }
    if !import.unused_fields.is_empty() && args.clients.is_some() {
        progress.say(&format!(
            "{}: edgemint does not use these fields: {}",
            file.display(),
            import.unused_fields.join(", ")
        ));
    }
    let now: Vec<String> = import.clients.iter().map(|client| client.id.clone()).collect();
    let before = state::own_clients(dir);
    let gone: Vec<String> = before.iter().filter(|id| !now.contains(*id)).cloned().collect();
    if !gone.is_empty() {
        // Recorded until they are removed, in case this run is interrupted.
        state::remember_clients(dir, &now.iter().chain(&gone).cloned().collect::<Vec<_>>())?;
        edgemint.remove(dir, &gone).context("could not remove the clients of an earlier run")?;
    }
    if now != before {
        state::remember_clients(dir, &now)?;
    }
    step.done();
    Ok(import.clients)
}

fn server_options(
    options: &DevArgs,
    dir: &Path,
    worker: Worker,
    progress: &Progress,
) -> Result<ServerOptions> {
    let progress = progress.clone();
    let (vars, secrets) = settings(options, dir)?;
    Ok(ServerOptions {
        port: options.port,
        vars,
        secrets,
        on_line: Some(Arc::new(move |line: &str| {
            if !noise::is_noise(line) {
                progress.say(&printable(line));
            }
        })),
        ..ServerOptions::new(dir, worker)
    })
}

type Values = Vec<(String, String)>;

/// Variables and secrets. Typed values override stored ones. wrangler prints variables but not secrets.
fn settings(options: &DevArgs, dir: &Path) -> Result<(Values, Values)> {
    let is_secret = |(name, _): &(String, String)| name.starts_with("SIGNING_KEY_");
    let (typed, vars) = options.vars.iter().cloned().partition::<Values, _>(is_secret);
    let mut secrets = state::keys(dir)?.unwrap_or_default();
    secrets.extend(typed);
    Ok((vars, secrets))
}

fn warn_of_errors(server: &Server) {
    if server.health() != 200 {
        // The log line of a request appears shortly after its answer.
        let request = format!("/healthz {}", server.health());
        let _ = server.lines().contain_within(&request, LOG_WITHIN);
        eprintln!(
            "the configuration has errors, and every request gets 503 until you fix them; the log above names them"
        );
    }
}

fn ready(server: &Server, options: &DevArgs, loaded: &[Loaded]) -> Ready {
    let token = format!("{}/token", server.endpoints());
    let request = |user: &str| format!("curl -X POST {token} -u {user} -d \"grant_type=client_credentials\"");
    let mut ready = Ready { url: server.base_url(), request: None, note: None };
    if options.clients.is_none() {
        let (id, secret) = EXAMPLE_USER;
        ready.request = Some(request(&format!("\"{id}:{secret}\"")));
    } else if let Some(client) = loaded.iter().find(|client| client.has_secret) {
        ready.request = Some(request(&format!("{}:\"$CLIENT_SECRET\"", shell::word(&client.id))));
        ready.note = Some("(set CLIENT_SECRET to this client's secret from your file)");
    }
    ready
}

/// Serves until a signal ends it. Passes edits of the configuration or the keys on to the running server.
fn serve(server: &mut Server, options: &DevArgs, config: &Path, dir: &Path) -> Result<()> {
    let watched = [config.to_owned(), state::keys_file(dir)];
    let stamps = || watched.each_ref().map(|path| changed_at(path));
    let mut seen = stamps();
    while !server.has_ended() {
        thread::sleep(LOOK_EVERY);
        let now = stamps();
        if now != seen {
            seen = now;
            let (vars, secrets) = settings(options, dir)?;
            if let Err(error) = server.reconfigure(vars, secrets) {
                eprintln!("the running server keeps its old settings: {error:#}");
            }
        }
    }
    if children::is_ending() {
        return Ok(());
    }
    bail!("wrangler stopped unexpectedly; see the log above for the reason")
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{DevArgs, Ready, variable};

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        dev: DevArgs,
    }

    fn dev(words: &[&str]) -> DevArgs {
        Program::parse_from(["program"].iter().chain(words)).dev
    }

    fn var(name: &str, value: &str) -> Result<(String, String), String> {
        Ok((name.to_owned(), value.to_owned()))
    }

    #[test]
    fn a_variable_keeps_its_value_exactly() {
        assert_eq!(variable("GRANT_TYPES="), var("GRANT_TYPES", ""));
        assert_eq!(variable("A=b=c"), var("A", "b=c"));
        assert_eq!(variable("A= x, 'y' \"z\":$HOME "), var("A", " x, 'y' \"z\":$HOME "));
    }

    #[test]
    fn a_variable_needs_a_name() {
        for text in ["", "A", "=x", "1A=x", "A B=x", "A:B=x"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dev_has_the_documented_defaults() {
        let dev = dev(&[]);
        assert_eq!(dev.port, 8787);
        assert!(dev.state.is_none() && dev.clients.is_none() && dev.vars.is_empty());
    }

    #[test]
    fn variables_may_be_repeated_and_begin_with_a_dash() {
        let dev = dev(&["--var", "A=1", "--var=B=-2"]);
        assert_eq!(dev.vars, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "-2".to_owned())]);
    }

    #[test]
    fn the_first_line_says_where_the_worker_serves() {
        let mut ready = Ready { url: "http://127.0.0.1:1".to_owned(), request: None, note: None };
        assert_eq!(ready.to_string(), "ready: http://127.0.0.1:1");
        (ready.request, ready.note) = (Some("curl x".to_owned()), Some("(set x)"));
        assert_eq!(ready.to_string(), "ready: http://127.0.0.1:1\ncurl x\n(set x)");
    }
}
