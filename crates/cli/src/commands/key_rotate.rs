//! `edgemint key rotate`: a new key beside the old ones, which takes over when everybody knows it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::{DOCUMENT_MAX_AGE, Lifetime, SIGNING_KEY_PREFIX, SigningKey};
use serde_json::json;

use super::key_generate;
use crate::host::Host;
use crate::jwt::SKEW;
use crate::key_args::KeyRotate;
use crate::local_keys::LocalKeys;
use crate::output::Output;
use crate::project::{Project, Target};
use crate::when::{self, from_now, stamp};
use crate::wrangler::Wrangler;

/// How long a new secret takes to be in every place where the Worker runs.
const PROPAGATION: u64 = 60;

pub(super) fn run(
    args: &KeyRotate,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let shortest = Lifetime::from_seconds(DOCUMENT_MAX_AGE.seconds() + PROPAGATION);
    ensure!(
        args.force || args.activate_in >= shortest,
        "verifiers keep the keys that they fetched for up to {}, and a new secret takes a moment to be everywhere: \
         activate it in {shortest} or more, or say --force",
        DOCUMENT_MAX_AGE
    );
    let project = Project::find(config, &args.target, host)?;
    let activates = host.now.saturating_add(args.activate_in.seconds());
    let name = match &args.name {
        Some(name) => format!("{SIGNING_KEY_PREFIX}{name}"),
        None => format!("{SIGNING_KEY_PREFIX}{}", stamp(activates)),
    };
    let lifetime = longest_token(&project)?;
    let old_may_go = activates.saturating_add(lifetime.seconds()).saturating_add(SKEW);

    let there = match &project.target {
        Target::Local(state) => LocalKeys::read(state)?.names(),
        Target::Deployed(environment) => Wrangler::find(&project, host)?
            .secret_names(environment)
            .context("the names of the keys that are there could not be listed, and nothing was written")?,
    };
    ensure!(
        !there.contains(&name),
        "there is a key {name} already in {}, which would be lost: choose another --name",
        project.target
    );

    let mut kid = None;
    if args.dry_run {
        let what = match &project.target {
            Target::Local(state) => format!("add a line to {}", state.join("keys.env").display()),
            Target::Deployed(name_of) => {
                format!(
                    "run `wrangler secret put {name} --env {name_of}`, with the key on its standard input"
                )
            }
        };
        output.say(format_args!("It would make a key {name} for {} and {what}.", project.target));
    } else {
        let jwk = key_generate::make(args.alg, None, activates, host)?;
        let key = SigningKey::parse(&name, &jwk).map_err(|error| anyhow::anyhow!("{name} {error}"))?;
        match &project.target {
            Target::Local(state) => LocalKeys::read(state)?.add(&name, &jwk, host)?,
            Target::Deployed(environment) => Wrangler::find(&project, host)?
                .put_secret(environment, &name, &jwk)
                .with_context(|| format!("the key was not put in, or not surely: `edgemint key list --env {environment}` shows whether {name} is there"))?,
        }
        kid = Some(key.kid().to_owned());
        output.say(format_args!("Added the key {name} ({}) to {}.", key.kid(), project.target));
    }

    output.say(format_args!(
        "It signs from {} on ({}).\nThe key that signs until then may go (`edgemint key retire`) after {}: when the last token that it signed has \
         expired ({lifetime} at most).",
        when::utc(activates),
        from_now(activates, host.now),
        when::utc(old_may_go),
    ));
    if output.is_json() {
        output.result_json(&json!({
            "dry_run": args.dry_run, "name": name, "kid": kid, "activates": activates, "old_may_go": old_may_go,
        }))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The time from which on a key signs, as far as its name tells: the one that it gets here does.
pub(super) fn begins(name: &str) -> Option<u64> {
    when::parse_stamp(name.strip_prefix(SIGNING_KEY_PREFIX)?)
}

/// `MAX_TOKEN_LIFETIME` of the target.
pub(super) fn longest_token(project: &Project) -> Result<Lifetime> {
    let Some(text) = project.variable("MAX_TOKEN_LIFETIME") else { return Ok(Lifetime::LONGEST_OF_TOKENS) };
    match Lifetime::parse(text.trim()) {
        Ok(lifetime) => Ok(lifetime),
        Err(error) => bail!("MAX_TOKEN_LIFETIME is {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_key_tells_when_it_begins_to_sign() {
        let name = format!("{SIGNING_KEY_PREFIX}{}", stamp(1_795_388_847));
        assert_eq!((name.as_str(), begins(&name)), ("SIGNING_KEY_20261122T230727Z", Some(1_795_388_847)));
        assert_eq!(begins("SIGNING_KEY_FIRST"), None);
    }
}
