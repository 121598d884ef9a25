//! `cargo xtask dev`: sets up a clean checkout, starts the issuer, and serves until a signal ends it.

use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, thread};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::args::Dev;
use crate::install::Tools;
use crate::process::progress::Progress;
use crate::process::{children, port, project};
use crate::serve::operator::{Edgemint, Loaded};
use crate::serve::pack::Packing;
use crate::serve::server::{Server, ServerOptions};
use crate::serve::worker::Variant;
use crate::serve::{noise, state, worker};

const EXAMPLE: &str = "examples/dex.yaml";

/// The example's first client, whose secret is public.
const EXAMPLE_USER: (&str, &str) = ("example-app", "ZXhhbXBsZS1hcHAtc2VjcmV0");

const LOOK_EVERY: Duration = Duration::from_millis(200);

const LOG_WITHIN: Duration = Duration::from_secs(2);

/// Runs the command.
pub(crate) fn command(options: &Dev, progress: &Progress) -> Result<()> {
    // Errors in the arguments are reported before anything is installed.
    if !port::is_free(options.port) {
        bail!(
            "port {0} on 127.0.0.1 is in use; stop the program that listens there, or pass --port N",
            options.port
        );
    }
    let clients = readable(options.clients.as_deref())?;
    let dir = state_dir(options.state.as_deref())?;

    let (tools, edgemint) = Tools::ensure_while(progress, |toolchain| {
        worker::compile(toolchain, Variant::Release, progress)?;
        let step = progress.step("building the edgemint program");
        let edgemint = Edgemint::build()?;
        step.done();
        Ok(edgemint)
    })?;
    worker::build(&tools, Variant::Release, Packing::Quick, progress)?;
    first_key(&edgemint, &tools, &dir, progress)?;
    if options.state.is_none() {
        state::share_keys(&dir, project::root())?;
    }

    let starting = || {
        let step = progress.step("starting the Workers runtime");
        let server = Server::start(&tools, server_options(options, &dir, progress)?)?;
        step.done();
        Ok(server)
    };
    let loading = || load_clients(&edgemint, &tools, &dir, &clients, progress);
    let (mut server, loaded) = if dir.join("v3/kv").is_dir() {
        in_parallel(starting, loading)?
    } else {
        // On a first run, both would create the same database at the same time and block each other.
        let loaded = loading()?;
        (starting()?, loaded)
    };

    announce(&server, options, &loaded);
    children::ending_is_success();
    serve(&mut server, options, &dir)
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

/// The file to load clients from.
fn readable(given: Option<&Path>) -> Result<PathBuf> {
    let path = given.map_or_else(|| project::root().join(EXAMPLE), Path::to_path_buf);
    fs::read_to_string(&path)
        .with_context(|| format!("could not read the client file {}", path.display()))?;
    path.canonicalize().with_context(|| format!("could not find {}", path.display()))
}

fn state_dir(given: Option<&Path>) -> Result<PathBuf> {
    let dir = given.map_or_else(|| project::root().join(".wrangler/state"), Path::to_path_buf);
    project::make_dir(&dir)?;
    dir.canonicalize().with_context(|| format!("could not find {}", dir.display()))
}

fn first_key(edgemint: &Edgemint, tools: &Tools, dir: &Path, progress: &Progress) -> Result<()> {
    if state::keys(dir)?.is_none() {
        let key = edgemint.new_key(tools).context("could not create a signing key")?;
        state::write_first_key(dir, &key)?;
        progress.say(&format!("created a signing key in {}", state::keys_file(dir).display()));
    }
    Ok(())
}

/// Loads the file's clients, and removes clients that an earlier run loaded from another file.
fn load_clients(
    edgemint: &Edgemint,
    tools: &Tools,
    dir: &Path,
    file: &Path,
    progress: &Progress,
) -> Result<Vec<Loaded>> {
    let step = progress.step(format!("loading clients from {}", file.display()));
    let import = edgemint
        .import(tools, dir, file)
        .with_context(|| format!("could not load the clients from {}", file.display()))?;
    for line in &import.remarks {
        progress.say(line);
    }
    if !import.unused_fields.is_empty() && !file.ends_with(EXAMPLE) {
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
        edgemint.remove(tools, dir, &gone).context("could not remove the clients of an earlier run")?;
    }
    if now != before {
        state::remember_clients(dir, &now)?;
    }
    step.done();
    Ok(import.clients)
}

fn server_options(options: &Dev, dir: &Path, progress: &Progress) -> Result<ServerOptions> {
    let progress = progress.clone();
    let (vars, secrets) = settings(options, dir)?;
    Ok(ServerOptions {
        port: options.port,
        vars,
        secrets,
        rebuild: true,
        on_line: Some(Arc::new(move |line: &str| {
            if !noise::is_noise(line) {
                progress.say(line);
            }
        })),
        ..ServerOptions::new(dir)
    })
}

type Values = Vec<(String, String)>;

/// Variables and secrets. Typed values override stored ones. wrangler prints variables but not secrets.
fn settings(options: &Dev, dir: &Path) -> Result<(Values, Values)> {
    let is_secret = |(name, _): &(String, String)| name.starts_with("SIGNING_KEY_");
    let (typed, vars) = options.vars.iter().cloned().partition::<Values, _>(is_secret);
    let mut secrets = state::keys(dir)?.unwrap_or_default();
    secrets.extend(typed);
    Ok((vars, secrets))
}

fn announce(server: &Server, options: &Dev, loaded: &[Loaded]) {
    if server.health() != 200 {
        // The log line of a request appears shortly after its answer.
        let request = format!("/healthz {}", server.health());
        let _ = server.lines().contain_within(&request, LOG_WITHIN);
        eprintln!(
            "the configuration has errors, and every request gets 503 until you fix them; the log above names them"
        );
    }
    let token = format!("{}/token", server.endpoints());
    let mut lines = format!("ready: {}\n", server.base_url());
    let request =
        |user: &str| format!("curl -X POST {token} -u {user} -d \"grant_type=client_credentials\"\n");
    if options.clients.is_none() {
        let (id, secret) = EXAMPLE_USER;
        lines.push_str(&request(&format!("\"{id}:{secret}\"")));
    } else if let Some(client) = loaded.iter().find(|client| client.has_secret) {
        lines.push_str(&request(&format!("{}:\"$CLIENT_SECRET\"", shell_word(&client.id))));
        lines.push_str("(set CLIENT_SECRET to this client's secret from your file)\n");
    }
    // The reader may close the pipe after the first line, so an error here is ignored.
    let _ = stdout().write_all(lines.as_bytes()).and_then(|()| stdout().flush());
}

/// The text quoted so that a shell takes it literally.
fn shell_word(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@%+/".contains(c)) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Serves until a signal ends it. Passes edits of the configuration or the keys on to the running server.
fn serve(server: &mut Server, options: &Dev, dir: &Path) -> Result<()> {
    let watched = [project::root().join("wrangler.toml"), state::keys_file(dir)];
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
    use super::shell_word;

    #[test]
    fn a_strange_id_is_quoted_for_the_shell() {
        assert_eq!(shell_word("example-app"), "example-app");
        assert_eq!(shell_word("a'b $c"), r"'a'\''b $c'");
    }
}
