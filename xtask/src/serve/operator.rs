//! The `edgemint` program as the set-up uses it: creates a key, loads and removes clients.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::install::Tools;
use crate::process::command::Ended;
use crate::process::{command, project};

/// The program, built.
#[derive(Clone, Debug)]
pub(crate) struct Edgemint(PathBuf);

/// The result of importing a file of clients.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Import {
    pub clients: Vec<Loaded>,
    /// One line for each rejected client, and for each warning about the others.
    pub remarks: Vec<String>,
    /// Fields of the file that edgemint does not use.
    pub unused_fields: Vec<String>,
}

/// A client that is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub id: String,
    /// Whether the client can authenticate, as far as the import knows.
    pub has_secret: bool,
}

impl Edgemint {
    /// Builds the program.
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

    /// Loads the clients of a dex configuration. If some are rejected, the others are still loaded.
    pub(crate) fn import(&self, tools: &Tools, state: &Path, file: &Path) -> Result<Import> {
        let mut edgemint = self.command(tools)?;
        edgemint.args(["client", "import"]).arg(file).args(["--local", "--json", "--state"]).arg(state);
        let ended = command::to_its_end(&mut edgemint, |_| {})?;
        let import =
            serde_json::from_str(&ended.stdout).ok().map(|report| imported(&report)).unwrap_or_default();
        if import.clients.is_empty() {
            match import.remarks.first() {
                Some(remark) => bail!("{remark}"),
                None => bail!("{}", complaint(&edgemint, &ended)),
            }
        }
        Ok(import)
    }

    /// Removes clients.
    pub(crate) fn remove(&self, tools: &Tools, state: &Path, ids: &[String]) -> Result<()> {
        let mut edgemint = self.command(tools)?;
        edgemint.args(["client", "remove", "--yes", "--local", "--state"]).arg(state).arg("--").args(ids);
        succeeded(&mut edgemint).map(drop)
    }

    /// The program with wrangler in PATH, because it writes the local KV through wrangler.
    fn command(&self, tools: &Tools) -> Result<Command> {
        let mut command = Command::new(&self.0);
        command.current_dir(project::root()).env("PATH", tools.path()?);
        // Passing the file makes it trusted, even if another user owns it: the caller runs this checkout's code anyway.
        command.arg("--config").arg(project::root().join("wrangler.toml"));
        command
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_HIDE_BANNER", "true")
            .env("NO_COLOR", "1");
        Ok(command)
    }
}

fn succeeded(edgemint: &mut Command) -> Result<Ended> {
    let ended = command::to_its_end(edgemint, |_| {})?;
    if !ended.status.success() {
        bail!("{}", complaint(edgemint, &ended));
    }
    Ok(ended)
}

/// The error message of a failed command: its own stderr where there is one.
fn complaint(edgemint: &Command, ended: &Ended) -> String {
    match ended.stderr.trim() {
        "" => format!("`{}` gave no result ({})", command::shown(edgemint), ended.status),
        said => said.trim_start_matches("error: ").to_owned(),
    }
}

/// The path of the program in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned()));
    programs.find(|path| path.ends_with("/edgemint")).map(PathBuf::from)
}

/// Reads the report of `edgemint client import --json`.
fn imported(report: &Value) -> Import {
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut import = Import::default();
    for client in list(report, "clients") {
        let named = |name: &str| client.get(name).and_then(text);
        let is = |name: &str| client.get(name).and_then(Value::as_bool);
        let id = named("id");
        let shown = id.as_deref().unwrap_or("a client without an id").to_owned();
        if named("result").as_deref() == Some("refused") {
            import.remarks.push(format!("rejected: {shown}: {}", named("reason").unwrap_or_default()));
            continue;
        }
        let warnings = list(&client, "warnings").iter().filter_map(text).collect::<Vec<_>>();
        import.remarks.extend(warnings.iter().map(|warning| format!("warning: {shown}: {warning}")));
        let has_secret = is("has_secret").unwrap_or_else(|| !is("public").unwrap_or_default());
        import.clients.extend(id.map(|id| Loaded { id, has_secret }));
    }
    import.unused_fields = list(report, "unused_fields").iter().filter_map(text).collect();
    import
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Import, Loaded, executable, imported};

    #[test]
    fn the_report_of_an_import_is_read() {
        let import = imported(&json!({
            "clients": [
                { "id": "a", "result": "added", "warnings": ["it has no name"], "has_secret": true },
                { "id": "b", "result": "unchanged", "warnings": [], "has_secret": false },
                { "id": "c", "result": "updated" },
                { "id": "d", "result": "refused", "reason": "why" },
                { "id": null, "result": "refused", "reason": "no id" },
            ],
            "unused_fields": ["redirectURIs"],
        }));
        let client = |id: &str, has_secret| Loaded { id: id.to_owned(), has_secret };
        assert_eq!(import.clients, [client("a", true), client("b", false), client("c", true)]);
        let remarks =
            ["warning: a: it has no name", "rejected: d: why", "rejected: a client without an id: no id"];
        assert_eq!(import.remarks, remarks);
        assert_eq!(import.unused_fields, ["redirectURIs"]);
        assert_eq!(imported(&json!("done")), Import::default());
    }

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n{\"executable\":\"/t/debug/edgemint\"}\n{\"reason\":\"build-finished\"}";
        assert_eq!(executable(messages), Some("/t/debug/edgemint".into()));
        assert_eq!(executable("{}"), None);
    }
}
