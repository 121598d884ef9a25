//! The configuration of one running server: wrangler.toml with other variables, in its own directory.
//!
//! `wrangler dev --var` would not do, because it cannot unset a variable and would run the build again for every
//! server. `--env-file` would not do either, because it expands `$` in values and leaks them into wrangler's own
//! environment.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::process::files::{make_dir, replace_private};
use crate::serve::dotenv;

/// The Worker to serve.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The path of its wrangler.toml.
    pub config: PathBuf,
    /// The path of its main module, which may differ from the one in wrangler.toml.
    pub main: PathBuf,
    /// How wrangler builds it again when a source file changes.
    pub rebuild: Option<Rebuild>,
}

/// A command that builds a Worker.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// The command, for a shell.
    pub command: String,
    /// The directory to run it in.
    pub directory: PathBuf,
    /// The directories of its source files, absolute.
    pub watched: Vec<PathBuf>,
}

/// The differences from wrangler.toml.
#[derive(Debug)]
pub struct Differences<'a> {
    /// Variables that override those of wrangler.toml.
    pub vars: &'a [(String, String)],
    /// Variables of wrangler.toml that the Worker does not get.
    pub unset: &'a [String],
    /// Secrets.
    pub secrets: &'a [(String, String)],
}

/// Writes the configuration, and the secrets beside it, into `dir`. Returns the path of the configuration.
///
/// # Errors
/// When wrangler.toml cannot be read, or a file cannot be written.
pub fn write(dir: &Path, worker: &Worker, differences: &Differences<'_>) -> Result<PathBuf> {
    make_dir(dir)?;
    let secrets = dotenv::write(differences.secrets)?;
    replace_private(&dir.join(".dev.vars"), &secrets)?;
    let toml = &worker.config;
    let text = fs::read_to_string(toml).with_context(|| format!("could not read {}", toml.display()))?;
    let config = changed(&text, worker, differences, dir)?;
    // Written last, because wrangler watches this file and reads the secrets again when it changes.
    let path = dir.join("wrangler.json");
    replace_private(&path, &format!("{config:#}\n"))?;
    Ok(path)
}

fn changed(toml: &str, worker: &Worker, differences: &Differences<'_>, dir: &Path) -> Result<Value> {
    let config: toml::Table = toml.parse().context("wrangler.toml is not TOML")?;
    let mut config: Map<String, Value> = config
        .into_iter()
        .map(|(name, value)| Ok((name, serde_json::to_value(value)?)))
        .collect::<Result<_>>()
        .context("wrangler.toml has a value that JSON cannot hold")?;
    config.remove("env");
    config.insert("main".to_owned(), json!(worker.main));
    config.remove("build");
    if let Some(rebuild) = &worker.rebuild {
        config.insert("build".to_owned(), build(rebuild, dir)?);
    }
    let vars = config.entry("vars").or_insert_with(|| Value::Object(Map::new()));
    let vars = vars.as_object_mut().context("[vars] in wrangler.toml is not a table")?;
    for name in differences.unset {
        vars.remove(name);
    }
    for (name, value) in differences.vars {
        vars.insert(name.clone(), json!(value));
    }
    Ok(Value::Object(config))
}

/// wrangler resolves watched directories relative to the configuration, even those that begin with a slash.
fn build(rebuild: &Rebuild, dir: &Path) -> Result<Value> {
    let dir = dir.canonicalize().with_context(|| format!("could not find {}", dir.display()))?;
    let up: PathBuf = dir.components().skip(1).map(|_| "..").collect();
    let watched: Vec<PathBuf> =
        rebuild.watched.iter().map(|path| up.join(path.strip_prefix("/").unwrap_or(path))).collect();
    Ok(json!({ "command": rebuild.command, "cwd": rebuild.directory, "watch_dir": watched }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Differences, Worker, changed};

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn variables_are_changed_and_the_rest_is_kept() {
        let toml = "name = 'n'\nmain = 'x'\n[build]\ncommand = 'c'\n[vars]\nA = 'a'\nB = 'b'\n[env.production]\nname = 'p'\n";
        let vars = [pair("A", ""), pair("C", "it's \"$x\"")];
        let differences = Differences {
            vars: &vars,
            unset: &["B".to_owned()],
            secrets: &[pair("SIGNING_KEY_X", "secret")],
        };
        let worker =
            Worker { config: "wrangler.toml".into(), main: "/b/build/entry.js".into(), rebuild: None };
        let config = changed(toml, &worker, &differences, &std::env::temp_dir()).expect("it is good TOML");
        assert_eq!(config["name"], "n");
        assert_eq!(config["vars"], json!({ "A": "", "C": "it's \"$x\"" }));
        assert_eq!(config["main"], "/b/build/entry.js");
        assert!(config.get("env").is_none() && config.get("build").is_none());
        assert!(!config.to_string().contains("secret"));
    }
}
