//! The configuration of one running server: wrangler.toml with other variables, in its own directory.
//!
//! `wrangler dev --var` would not do, because it cannot unset a variable and would run the build again for every
//! server. `--env-file` would not do either, because it expands `$` in values and leaks them into wrangler's own
//! environment.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::process::project;
use crate::serve::dotenv;
use crate::serve::worker::Variant;

/// The differences from wrangler.toml.
#[derive(Debug)]
pub(crate) struct Differences<'a> {
    pub vars: &'a [(String, String)],
    pub unset: &'a [String],
    pub secrets: &'a [(String, String)],
    pub worker: Variant,
    /// Whether a change to a source file makes wrangler build again.
    pub rebuild: bool,
}

/// Writes the configuration, and the secrets beside it, into `dir`. Returns the path of the configuration.
pub(crate) fn write(dir: &Path, differences: &Differences<'_>) -> Result<PathBuf> {
    project::make_dir(dir)?;
    let secrets = dotenv::write(differences.secrets)?;
    replace(&dir.join(".dev.vars"), &secrets)?;
    let toml = project::root().join("wrangler.toml");
    let text = fs::read_to_string(&toml).with_context(|| format!("could not read {}", toml.display()))?;
    let config = changed(&text, differences, dir)?;
    // Written last, because wrangler watches this file and reads the secrets again when it changes.
    let path = dir.join("wrangler.json");
    replace(&path, &format!("{config:#}\n"))?;
    Ok(path)
}

fn changed(toml: &str, differences: &Differences<'_>, dir: &Path) -> Result<Value> {
    let config: toml::Table = toml.parse().context("wrangler.toml is not TOML")?;
    let mut config: Map<String, Value> = config
        .into_iter()
        .map(|(name, value)| Ok((name, serde_json::to_value(value)?)))
        .collect::<Result<_>>()
        .context("wrangler.toml has a value that JSON cannot hold")?;
    config.remove("env");
    let main = project::root().join(differences.worker.out_dir()).join("entry.js");
    config.insert("main".to_owned(), json!(main));
    config.remove("build");
    if differences.rebuild {
        config.insert("build".to_owned(), build(dir)?);
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
fn build(dir: &Path) -> Result<Value> {
    let dir = dir.canonicalize().with_context(|| format!("could not find {}", dir.display()))?;
    let up: PathBuf = dir.components().skip(1).map(|_| "..").collect();
    let watched = ["src", "crates/issuer/src"].map(|sources| {
        let path = project::root().join(sources);
        up.join(path.strip_prefix("/").unwrap_or(&path))
    });
    let this = std::env::current_exe().context("could not find the path of this program")?;
    // The program prints its own error. If wrangler learned of the failure, it would add 200 lines about its internals.
    let command = format!("'{}' build --quick || :", this.display().to_string().replace('\'', r"'\''"));
    Ok(json!({ "command": command, "cwd": project::root(), "watch_dir": watched }))
}

/// Writes a file that only its owner can read.
fn replace(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("could not write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Differences, changed};
    use crate::serve::worker::Variant;

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
            worker: Variant::Release,
            rebuild: false,
        };
        let config = changed(toml, &differences, &std::env::temp_dir()).expect("it is good TOML");
        assert_eq!(config["name"], "n");
        assert_eq!(config["vars"], json!({ "A": "", "C": "it's \"$x\"" }));
        assert!(config["main"].as_str().is_some_and(|main| main.ends_with("/build/entry.js")));
        assert!(config.get("env").is_none() && config.get("build").is_none());
        assert!(!config.to_string().contains("secret"));
    }
}
