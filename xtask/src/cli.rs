//! The `edgemint` program as set-up uses it: to make a key, and to load and remove clients.

use crate::command::{self, Ended};
use crate::project;
use crate::tools::Tools;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program, built.
#[derive(Clone, Debug)]
pub(crate) struct Edgemint(PathBuf);

/// A client that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub id: String,
    /// Whether it can authenticate: it is not public, and has a secret.
    pub has_secret: bool,
}

impl Edgemint {
    /// Builds it.
    pub(crate) fn build() -> Result<Self> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--package", "edgemint-cli", "--bin", "edgemint"]);
        cargo.arg("--message-format=json-render-diagnostics").current_dir(project::root());
        let messages = command::run(&mut cargo).context("could not build the `edgemint` program")?;
        executable(&messages).map(Self).context("cargo built no program `edgemint`")
    }

    /// A new private key, as one line of JSON.
    pub(crate) fn new_key(&self, tools: &Tools) -> Result<String> {
        let mut edgemint = self.command(tools)?;
        let ended = succeeded(edgemint.args(["key", "generate", "--alg", "ES256"]))?;
        let key = ended.stdout.trim();
        if key.lines().count() != 1 || !key.starts_with('{') {
            bail!("`edgemint key generate` printed no key");
        }
        Ok(key.to_owned())
    }

    /// Loads the clients of a dex configuration. The answer names them; then, what there is to say about them.
    pub(crate) fn import(&self, tools: &Tools, state: &Path, file: &Path) -> Result<(Vec<Loaded>, String)> {
        let mut edgemint = self.command(tools)?;
        edgemint.args(["client", "import"]).arg(file).args(["--local", "--json", "--state"]).arg(state);
        let ended = succeeded(&mut edgemint)?;
        Ok((
            loaded(&ended.stdout).context("`edgemint client import` printed no list of clients")?,
            ended.stderr,
        ))
    }

    /// Removes clients.
    pub(crate) fn remove(&self, tools: &Tools, state: &Path, ids: &[String]) -> Result<()> {
        let mut edgemint = self.command(tools)?;
        edgemint.args(["client", "remove", "--yes", "--local", "--state"]).arg(state).arg("--").args(ids);
        succeeded(&mut edgemint).map(drop)
    }

    /// With wrangler in PATH, which it writes the local KV through.
    fn command(&self, tools: &Tools) -> Result<Command> {
        let mut command = Command::new(&self.0);
        command.current_dir(project::root()).env("PATH", tools.path()?);
        command
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_HIDE_BANNER", "true")
            .env("NO_COLOR", "1");
        Ok(command)
    }
}

/// Its own last sentence says best what went wrong.
fn succeeded(edgemint: &mut Command) -> Result<Ended> {
    let ended = command::to_its_end(edgemint, |_| {})?;
    if ended.status.success() {
        return Ok(ended);
    }
    match ended.stderr.trim() {
        "" => bail!("`{}` failed ({})", command::shown(edgemint), ended.status),
        said => bail!("{}", said.trim_start_matches("error: ")),
    }
}

/// The program in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned()));
    programs.find(|path| path.ends_with("/edgemint")).map(PathBuf::from)
}

fn loaded(answer: &str) -> Option<Vec<Loaded>> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let clients = answer.get("clients")?.as_array()?.iter();
    let client = |client: &Value| {
        let is = |name: &str| client.get(name).and_then(Value::as_bool);
        Some(Loaded {
            id: client.get("id")?.as_str()?.to_owned(),
            has_secret: is("has_secret").unwrap_or(!is("public").unwrap_or(false)),
        })
    };
    clients.map(client).collect()
}

#[cfg(test)]
mod tests {
    use super::{Loaded, executable, loaded};

    #[test]
    fn loaded_clients_are_read() {
        let answer = r#"{"clients":[{"id":"a","result":"added"},{"id":"b","public":true},{"id":"c","has_secret":false}]}"#;
        let client = |id: &str, has_secret| Loaded { id: id.to_owned(), has_secret };
        assert_eq!(loaded(answer), Some(vec![client("a", true), client("b", false), client("c", false)]));
        assert_eq!(loaded("done"), None);
        assert_eq!(loaded(r#"{"clients":[{}]}"#), None);
    }

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n{\"executable\":\"/t/debug/edgemint\"}\n{\"reason\":\"build-finished\"}";
        assert_eq!(executable(messages), Some("/t/debug/edgemint".into()));
        assert_eq!(executable("{}"), None);
    }
}
