//! The `edgemint` program as the set-up uses it: creates a key, loads and removes clients.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::process::command;
use crate::process::command::Ended;

/// The program, and the deployment that it works on.
#[derive(Clone, Debug)]
pub struct Edgemint {
    /// The path of the program.
    pub program: PathBuf,
    /// The path of the wrangler.toml.
    pub config: PathBuf,
    /// The `PATH` in which the program finds wrangler, if it differs from this process's.
    pub path: Option<OsString>,
}

/// The result of importing a file of clients.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// The clients that are in the store now.
    pub clients: Vec<Loaded>,
    /// One line for each rejected client, and for each warning about the others.
    pub remarks: Vec<String>,
    /// Fields of the file that edgemint does not use.
    pub unused_fields: Vec<String>,
}

/// A client that is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its ID.
    pub id: String,
    /// Whether the client can authenticate, as far as the import knows.
    pub has_secret: bool,
}

impl Edgemint {
    /// A new private key, as one line of JSON.
    ///
    /// # Errors
    /// When the program fails.
    pub fn new_key(&self) -> Result<String> {
        let ended = succeeded(self.command().args(["key", "generate", "--alg", "ES256"]))?;
        let key = ended.stdout.trim();
        if key.lines().count() != 1 || !key.starts_with('{') {
            bail!("`edgemint key generate` printed no key");
        }
        Ok(key.to_owned())
    }

    /// Loads the clients of a dex configuration. If some are rejected, the others are still loaded.
    ///
    /// # Errors
    /// When no client could be loaded.
    pub fn import(&self, state: &Path, file: &Path) -> Result<Import> {
        let mut edgemint = self.command();
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
    ///
    /// # Errors
    /// When the program fails.
    pub fn remove(&self, state: &Path, ids: &[String]) -> Result<()> {
        let mut edgemint = self.command();
        edgemint.args(["client", "remove", "--yes", "--local", "--state"]).arg(state).arg("--").args(ids);
        succeeded(&mut edgemint).map(drop)
    }

    /// The program. It writes the local KV through wrangler.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command.arg("--config").arg(&self.config);
        command
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_HIDE_BANNER", "true")
            .env("NO_COLOR", "1");
        command
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

    use super::{Import, Loaded, imported};

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
}
