//! `edgemint key rotate`: a new key beside the old ones, which takes over when everybody knows it.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args as ClapArgs;
use edgemint_issuer::{Algorithm, DOCUMENT_MAX_AGE, Lifetime, SIGNING_KEY_PREFIX, SigningKey};
use edgemint_printable::shell;
use serde::Serialize;

use crate::commands::key::generate;
use crate::commands::key::published::published;
use crate::deployment::delay::SKEW;
use crate::deployment::local_keys::LocalKeys;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::deployment::wrangler::Wrangler;
use crate::deployment::{key_names, local_server};
use crate::flags::alg::Alg;
use crate::flags::target::TargetArgs;
use crate::flags::values::key_name;
use crate::terminal::when;
use crate::terminal::when::from_now;

/// Add a key that takes over later
///
/// Makes a key, puts it beside those that are there, and prints when it begins to sign and when the key
/// before it may go. It is published at once; until it signs, everybody who verifies tokens fetches it.
/// Of a deployed environment it becomes a secret, through wrangler; of the local state a line in keys.env,
/// which the next `cargo xtask dev` reads.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key rotate --env production
  edgemint key rotate --env production --alg RS256 --activate-in 24h")]
pub(crate) struct KeyRotate {
    /// The algorithm [default: SIGNING_ALG of the deployment, or that of the key that signs now]
    #[arg(long, value_enum)]
    pub(crate) alg: Option<Alg>,
    /// When it begins to sign: not before everybody has fetched it
    #[arg(long, value_name = "TIME", value_parser = Lifetime::parse, default_value = "1h")]
    pub(crate) activate_in: Lifetime,
    /// Its name: the secret is called SIGNING_KEY_<NAME> [default: the time from which on it signs, and the algorithm]
    #[arg(long, value_parser = key_name)]
    pub(crate) name: Option<String>,
    /// Even if some who verify tokens cannot know the key yet when it begins to sign
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// How long a new secret takes to be in every place where the Worker runs.
const PROPAGATION: u64 = 60;

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Rotated<'a> {
    dry_run: bool,
    /// What would put the key in, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    name: &'a str,
    alg: Algorithm,
    /// `null` in a dry run.
    kid: Option<&'a str>,
    activates: u64,
    old_may_go: u64,
}

pub(crate) fn run(args: &KeyRotate, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let shortest = Lifetime::from_seconds(DOCUMENT_MAX_AGE.seconds() + PROPAGATION);
    ensure!(
        args.force || args.activate_in >= shortest,
        "verifiers keep the keys that they fetched for up to {}, and a new secret takes a moment to be everywhere: \
         activate it in {shortest} or more, or say --force",
        DOCUMENT_MAX_AGE
    );
    let project = Project::find(config, &args.target, host)?;
    let activates = host.now.saturating_add(args.activate_in.seconds());
    let lifetime = longest_token(&project)?;
    let old_may_go = activates.saturating_add(lifetime.seconds()).saturating_add(SKEW);

    let there = match &project.target {
        Target::Local(state) => LocalKeys::read(state)?.names(),
        Target::Deployed(environment) => Wrangler::find(&project, host)?
            .secret_names(environment)
            .context("the names of the keys that are there could not be listed, and nothing was written")?,
    };
    let alg = match args.alg {
        Some(alg) => alg,
        None => of_what_signs(&project, &there, host.now)?,
    };
    let name = match &args.name {
        Some(name) => format!("{SIGNING_KEY_PREFIX}{name}"),
        None => key_names::name(activates, alg.algorithm()),
    };
    ensure!(
        key_names::begins(&name).is_none_or(|time| time == activates)
            && key_names::alg(&name).is_none_or(|told| told == alg.algorithm()),
        "{name} would be read as the time from which on the key signs, and its algorithm, and they are others: choose \
         another --name"
    );
    ensure!(
        !there.contains(&name),
        "there is a key {name} already in {}, which would be lost: choose another --name",
        project.target
    );

    let (mut kid, mut command) = (None, None);
    if args.dry_run {
        let what = match &project.target {
            Target::Local(state) => format!("add a line to {}.", state.join("keys.env").display()),
            Target::Deployed(environment) => {
                let put = Wrangler::find(&project, host)?.told_secret("put", environment, &name);
                format!("run, with the key on its standard input,\n  {}", command.insert(put))
            }
        };
        output.say(format_args!("It would make a key {name} for {} and {what}", project.target));
    } else {
        let jwk = generate::make(alg, None, activates, host)?;
        let key = SigningKey::parse(&name, &jwk).map_err(|error| anyhow::anyhow!("{name} {error}"))?;
        match &project.target {
            Target::Local(state) => LocalKeys::read(state)?.add(&name, &jwk, host)?,
            Target::Deployed(environment) => {
                Wrangler::find(&project, host)?.put_secret(environment, &name, &jwk).with_context(|| {
                    let list = shell::command("edgemint", &["key", "list", "--env", environment]);
                    format!("the key was not put in, or not surely: `{list}` shows whether {name} is there")
                })?;
            }
        }
        kid = Some(key.kid().to_owned());
        output.say(format_args!("Added the key {name} ({}) to {}.", key.kid(), project.target));
    }

    output.say(format_args!(
        "It signs from {} on ({}).",
        when::utc(activates),
        from_now(activates, host.now)
    ));
    output.say(format_args!(
        "The key that signs until then may go (`edgemint key retire`) after {}: when the last token that it signed has \
         expired ({lifetime} at most).",
        when::utc(old_may_go),
    ));
    if let Some(note) = who_gets_it(&project, alg.algorithm(), &there) {
        output.say(note);
    }
    if output.is_json() {
        output.result_json(&Rotated {
            dry_run: args.dry_run,
            command: command.as_deref(),
            name: &name,
            alg: alg.algorithm(),
            kid: kid.as_deref(),
            activates,
            old_may_go,
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The algorithm that signs now, so that a rotation changes nothing but the key. ES256 where there is none yet.
fn of_what_signs(project: &Project, there: &[String], now: u64) -> Result<Alg> {
    if let Some(alg) = project.signing_alg() {
        return Ok(Alg::of(alg));
    }
    let names: Vec<&String> = there.iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX)).collect();
    if names.is_empty() {
        return Ok(Alg::Es256);
    }
    if let Target::Local(state) = &project.target {
        let keys = LocalKeys::read(state)?.keys()?;
        let rank = |key: &SigningKey| (key.nbf() <= now, key.nbf(), key.name().to_owned());
        let latest = keys.iter().max_by_key(|key| rank(key));
        return Ok(latest.map_or(Alg::Es256, |key| Alg::of(key.alg())));
    }
    let issuer = local_server::issuer(project).context("wrangler.toml sets no ISSUER");
    let published = issuer.and_then(|issuer| published(&issuer));
    let first = published
        .context("what signs now could not be seen: name the algorithm of the new key with --alg")?;
    let alg = first.first().and_then(|key| Algorithm::named(&key.alg));
    alg.map(Alg::of).context("the issuer publishes no key: name the algorithm of the new one with --alg")
}

/// What there is to know when not every token will be signed by it, or tokens will be signed otherwise than before.
fn who_gets_it(project: &Project, alg: Algorithm, there: &[String]) -> Option<String> {
    let name = alg.name();
    if let Some(of_deployment) = project.signing_alg() {
        return (of_deployment != alg).then(|| {
            format!(
                "It signs tokens for APIs that demand {name} alone: SIGNING_ALG is {}, so that keys for that sign all others.",
                of_deployment.name()
            )
        });
    }
    let mut there = there.iter().filter(|key| key.starts_with(SIGNING_KEY_PREFIX));
    // Of a name that tells nothing, most are for the default.
    let differs = there.any(|key| key_names::alg(key).unwrap_or(Algorithm::Es256) != alg);
    differs.then(|| {
        format!(
            "From then on it signs all tokens, with {name}, which verifiers must allow before. To have it sign for APIs that \
             demand {name} alone, set SIGNING_ALG in wrangler.toml to the algorithm of the others, and deploy, before it does."
        )
    })
}

/// `MAX_TOKEN_LIFETIME` of the target.
pub(crate) fn longest_token(project: &Project) -> Result<Lifetime> {
    let Some(text) = project.variable("MAX_TOKEN_LIFETIME") else { return Ok(Lifetime::LONGEST_OF_TOKENS) };
    match Lifetime::parse(text.trim()) {
        Ok(lifetime) => Ok(lifetime),
        Err(error) => bail!("MAX_TOKEN_LIFETIME is {error}"),
    }
}
