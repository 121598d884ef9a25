//! `edgemint key list`: what is published, what signs, and what will.

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
/// What the issuer of the target publishes, if it answers, and the names of the keys. Of the local state,
/// which has the keys themselves, also from when on each signs. Of a deployed environment the secrets
/// cannot be read back; the key that signs there is the first one that is published.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint key list --env production")]
pub(crate) struct KeyList {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// A key, as far as it is known.
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
    state: Option<&'static str>,
}

impl Key {
    /// Of a secret, which cannot be read back: what its name tells.
    fn deployed(name: String) -> Self {
        let (nbf, alg) = (key_names::begins(&name), key_names::alg(&name).map(Algorithm::name));
        Self { nbf, alg, name, kid: None, state: None }
    }
}

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Listed<'a> {
    keys: &'a [Key],
    /// `null` when the issuer did not answer.
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
    let issuer = local_server::issuer(&project).context("wrangler.toml sets no ISSUER");
    let published = issuer.and_then(|issuer| published(&issuer));
    if output.is_json() {
        let published = published.as_deref().ok();
        output.result_json(&Listed { keys: &keys, published })?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say(format_args!("Keys of {}:", project.target));
    for key in &keys {
        let since = |nbf| match nbf {
            0 => "from ever".to_owned(),
            _ => format!("from {} ({})", when::utc(nbf), from_now(nbf, host.now)),
        };
        match (&key.kid, key.alg, key.nbf, key.state) {
            (Some(kid), Some(alg), Some(nbf), Some(state)) => {
                output.result(&format!("{}  {kid}  {alg}  {state}, {}", key.name, since(nbf)))?;
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
        Err(error) => output.say(format_args!("What the issuer publishes could not be seen: {error:#}")),
    }
    Ok(ExitCode::SUCCESS)
}

/// The keys of the local state, in the order in which they sign.
fn of_state(state: &Path, signing_alg: Option<Algorithm>, now: u64) -> Result<Vec<Key>> {
    let mut keys = LocalKeys::read(state)?.keys()?;
    // As the Worker chooses: the latest that has begun, of two with the same time the last name.
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
            "will sign"
        } else if latest(signing_alg) == Some(i) {
            "signs now"
        } else if latest(Some(key.alg())) == Some(i) {
            "signs for APIs that demand its algorithm"
        } else {
            "signs no more"
        }),
    });
    Ok(listed.collect())
}
