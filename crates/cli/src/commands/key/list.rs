//! `edgemint key list`: the stored keys, the published keys, and which one signs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;
use edgemint_issuer::{Algorithm, SIGNING_KEY_PREFIX};
use serde::Serialize;

use crate::commands::key::published::{Published, published};
use crate::deployment::local_keys::LocalKeys;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::deployment::wrangler::Wrangler;
use crate::deployment::{key_names, local_server};
use crate::flags::target::TargetArgs;
use crate::terminal::when;
use crate::terminal::when::from_now;

/// List the signing keys
///
/// Lists the names of the stored keys, and the keys that the issuer publishes, if it responds. The first
/// published key signs. For the local state, the list also has each key's activation time, read from the key.
/// In a deployed environment, secrets cannot be read back, so the time comes from the key's name.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint key list --env production")]
pub(crate) struct KeyList {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// A key. Unknown members are absent.
#[derive(Serialize)]
struct Key {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
}

/// Whether a key of the local state signs. Scripts compare the values in JSON, so these keep their older words.
#[derive(Clone, Copy, Serialize)]
enum State {
    #[serde(rename = "will sign")]
    Later,
    #[serde(rename = "signs now")]
    Now,
    #[serde(rename = "signs for APIs that demand its algorithm")]
    ForApis,
    #[serde(rename = "signs no more")]
    NoLonger,
}

impl State {
    /// The text for people.
    const fn words(self) -> &'static str {
        match self {
            Self::Later => "will sign",
            Self::Now => "signs now",
            Self::ForApis => "signs for APIs that require its algorithm",
            Self::NoLonger => "no longer signs",
        }
    }
}

impl Key {
    /// A key in a secret, which cannot be read back: only the contents of its name are known.
    fn deployed(name: String) -> Self {
        let (nbf, alg) = (key_names::begins(&name), key_names::alg(&name).map(Algorithm::name));
        Self { nbf, alg, name, kid: None, state: None }
    }
}

/// The result with `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    keys: &'a [Key],
    /// `null` if the issuer did not respond.
    published: Option<&'a [Published]>,
}

pub(crate) fn run(args: &KeyList, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let keys = match &project.target {
        Target::Local(state) => of_state(state, project.signing_alg(), host.now)?,
        Target::Deployed(environment) => {
            let names = Wrangler::find(&project, host)?.secret_names(environment)?;
            let names = names.into_iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX));
            names.map(Key::deployed).collect()
        }
    };
    let issuer = local_server::issuer(&project).context("wrangler.toml does not set ISSUER");
    let published = issuer.and_then(|issuer| published(&issuer));
    if output.is_json() {
        let published = published.as_deref().ok();
        output.result_json(&Listed { keys: &keys, published })?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say(format_args!("Keys of {}:", project.target));
    for key in &keys {
        let since = |nbf| match nbf {
            0 => "no start time".to_owned(),
            _ => format!("from {} ({})", when::utc(nbf), from_now(nbf, host.now)),
        };
        match (&key.kid, key.alg, key.nbf, key.state) {
            (Some(kid), Some(alg), Some(nbf), Some(state)) => {
                let (state, since) = (state.words(), since(nbf));
                output.result(&format!("{}  {kid}  {alg}  {state}, {since}", key.name))?;
            }
            (_, _, Some(nbf), _) => output.result(&format!("{}  {}", key.name, since(nbf)))?,
            _ => output.result(&key.name)?,
        }
    }
    if keys.is_empty() {
        output.say("none");
    }
    match published {
        Ok(published) => {
            output.say("Published by the issuer:");
            for (i, key) in published.iter().enumerate() {
                let signs = if i == 0 { "  signs now" } else { "" };
                output.result(&format!("{}  {}{signs}", key.kid, key.alg))?;
            }
        }
        Err(error) => {
            output.say(format_args!("warning: cannot fetch the keys that the issuer publishes: {error:#}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The keys of the local state, sorted by activation time.
fn of_state(state: &Path, signing_alg: Option<Algorithm>, now: u64) -> Result<Vec<Key>> {
    let mut keys = LocalKeys::read(state)?.keys()?;
    // The Worker's choice: the key with the latest past activation time. With equal times, the last name.
    keys.sort_by(|a, b| (a.nbf(), a.name()).cmp(&(b.nbf(), b.name())));
    let latest = |alg: Option<Algorithm>| {
        keys.iter().rposition(|key| key.nbf() <= now && alg.is_none_or(|alg| key.alg() == alg))
    };
    let listed = keys.iter().enumerate().map(|(i, key)| Key {
        name: key.name().to_owned(),
        kid: Some(key.kid().to_owned()),
        alg: Some(key.alg().name()),
        nbf: Some(key.nbf()),
        state: Some(if key.nbf() > now {
            State::Later
        } else if latest(signing_alg) == Some(i) {
            State::Now
        } else if latest(Some(key.alg())) == Some(i) {
            State::ForApis
        } else {
            State::NoLonger
        }),
    });
    Ok(listed.collect())
}
