//! The deployment's wrangler.toml: its path, its settings, and the selected target.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use edgemint_issuer::{Algorithm, setting};

use crate::deployment::trust;
use crate::flags::target::TargetArgs;
use crate::host::Host;

/// The target of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The local state of `wrangler dev`, in this directory.
    Local(PathBuf),
    /// A deployed environment, by name.
    Deployed(String),
}

impl Target {
    /// The name of the environment. `None` for the local state.
    pub(crate) fn environment(&self) -> Option<&str> {
        match self {
            Self::Local(_) => None,
            Self::Deployed(name) => Some(name),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(state) => write!(f, "the local state in {}", state.display()),
            Self::Deployed(environment) => write!(f, "the environment {environment}"),
        }
    }
}

/// The configuration that `edgemint dev` writes in a directory without a project. It is in the directory of its state.
const OF_DEV: &str = ".wrangler/state/wrangler.toml";

/// A directory with a wrangler.toml, and one of its targets.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) dir: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) target: Target,
    /// Whether --config named the file. The command then trusts its directory, whatever the owner and permissions.
    pub(crate) named: bool,
    /// Whether wrangler deploys to an API on this machine: a rehearsal, whose issuer may be on this machine, too.
    pub(crate) is_rehearsal: bool,
    settings: toml::Table,
}

impl Project {
    /// Finds the wrangler.toml and reads it.
    pub(crate) fn find(config: Option<&Path>, target: &TargetArgs, host: &Host) -> Result<Self> {
        let named = config.is_some();
        let found = || Self::nearest(&host.current_dir);
        let of_dev =
            || Some(host.current_dir.join(OF_DEV)).filter(|path| target.env.is_none() && path.is_file());
        let config = config.map(|path| host.current_dir.join(path)).or_else(found).or_else(of_dev);
        let config = config.with_context(|| {
            format!(
                "cannot find wrangler.toml in {} or above it. Change to the deployment's directory, or pass --config. \
                 To start a project, run `edgemint init DIRECTORY`.",
                host.current_dir.display()
            )
        })?;
        let dir = config.parent().unwrap_or(&host.current_dir).to_owned();
        if !named {
            trust::must_be_ours(&[&config, &dir], &config)?;
        }
        let text =
            std::fs::read_to_string(&config).with_context(|| format!("cannot read {}", config.display()))?;
        let target = match &target.env {
            Some(environment) => Target::Deployed(environment.clone()),
            None => Target::Local(match &target.state {
                Some(state) => host.current_dir.join(state),
                None if !named && config.ends_with(OF_DEV) => dir.clone(),
                None => dir.join(".wrangler/state"),
            }),
        };
        let is_rehearsal = host.text_variable("CLOUDFLARE_API_BASE_URL").is_some_and(|url| is_here(&url));
        Self { dir, config, target, named, is_rehearsal, settings: toml::Table::new() }.with_settings(&text)
    }

    /// The nearest wrangler.toml, in this directory or above it.
    pub(crate) fn nearest(dir: &Path) -> Option<PathBuf> {
        dir.ancestors().map(|dir| dir.join("wrangler.toml")).find(|path| path.is_file())
    }

    /// The project with the settings of this wrangler.toml text.
    fn with_settings(self, text: &str) -> Result<Self> {
        let settings = text.parse().map_err(|error: toml::de::Error| {
            anyhow::anyhow!("cannot read {}: it is not TOML: {}", self.config.display(), error.message())
        })?;
        let project = Self { settings, ..self };
        if let Target::Deployed(environment) = &project.target {
            project.must_have(environment)?;
        }
        Ok(project)
    }

    /// A target of a wrangler.toml with this text, without a file.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str, target: Target) -> Result<Self> {
        let (dir, config) = (PathBuf::from("/p"), PathBuf::from("/p/wrangler.toml"));
        Self { dir, config, target, named: true, is_rehearsal: false, settings: toml::Table::new() }
            .with_settings(text)
    }

    /// Another target of the same wrangler.toml.
    pub(crate) fn with_target(&self, target: Target) -> Result<Self> {
        if let Target::Deployed(environment) = &target {
            self.must_have(environment)?;
        }
        Ok(Self {
            dir: self.dir.clone(),
            config: self.config.clone(),
            target,
            named: self.named,
            is_rehearsal: self.is_rehearsal,
            settings: self.settings.clone(),
        })
    }

    /// The section of wrangler.toml for the target. An environment inherits neither variables nor bindings.
    pub(crate) fn section(&self) -> Option<&toml::Table> {
        match &self.target {
            Target::Local(_) => Some(&self.settings),
            Target::Deployed(name) => self.settings.get("env").and_then(|env| env.get(name)?.as_table()),
        }
    }

    /// A setting of the target that environments inherit from the top.
    fn inherited(&self, name: &str) -> Option<&toml::Value> {
        self.section().and_then(|section| section.get(name)).or_else(|| self.settings.get(name))
    }

    /// The path of the main module.
    pub(crate) fn main(&self) -> Option<PathBuf> {
        Some(self.dir.join(self.inherited("main")?.as_str()?))
    }

    /// Whether wrangler builds the main module.
    pub(crate) fn is_built(&self) -> bool {
        self.inherited("build").is_some()
    }

    /// The account that the configuration names.
    pub(crate) fn account(&self) -> Option<&str> {
        self.inherited("account_id")?.as_str()
    }

    /// The names of the environments that can be deployed.
    pub(crate) fn environments(&self) -> Vec<String> {
        let known = self.settings.get("env").and_then(toml::Value::as_table);
        known.into_iter().flat_map(toml::Table::keys).cloned().collect()
    }

    fn must_have(&self, environment: &str) -> Result<()> {
        let known = self.settings.get("env").and_then(toml::Value::as_table);
        if known.is_some_and(|known| known.contains_key(environment)) {
            return Ok(());
        }
        let names: Vec<&str> = known.into_iter().flat_map(toml::Table::keys).map(String::as_str).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        bail!(
            "cannot find the environment {environment} in {}. Its environments: {names}.",
            self.config.display()
        )
    }

    /// The issuer of the target, from its variables.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.variable("ISSUER")
    }

    /// The algorithm that signs unless an API requires another, if the target sets one.
    pub(crate) fn signing_alg(&self) -> Option<Algorithm> {
        self.variable("SIGNING_ALG").and_then(Algorithm::named)
    }

    /// Whether the target serves only what the FAPI 2.0 security profile allows.
    pub(crate) fn is_fapi(&self) -> bool {
        self.variable("FAPI") == Some("on")
    }

    /// A variable of the target, trimmed as in the Worker. `None` if it is empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.section()?.get("vars")?.get(name)?.as_str().map(setting).filter(|value| !value.is_empty())
    }
}

/// Whether a URL is on this machine.
fn is_here(url: &str) -> bool {
    let host = url.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    host.is_some_and(|host| host == "localhost" || host == "127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn an_api_on_this_machine_is_a_rehearsal() {
        assert!(is_here("http://127.0.0.1:4321/client/v4") && is_here("http://localhost/client/v4"));
        for url in [
            "https://api.cloudflare.com/client/v4",
            "http://127.0.0.1.example.com/",
            "http://example.com/127.0.0.1",
        ] {
            assert!(!is_here(url), "{url}");
        }
    }
}
