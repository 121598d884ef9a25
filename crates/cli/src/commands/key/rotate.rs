//! `edgemint key rotate`: a new key beside the old ones, which takes over when everybody knows it.

use std::fmt;
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
use crate::host::Host;
use crate::terminal::output::sentences;
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

/// What is known of a deployment before it gets another key.
#[derive(Debug)]
struct Stored {
    /// The names of the secrets, or of the lines of keys.env.
    names: Vec<String>,
    /// The algorithm of the new key.
    alg: Alg,
    /// How long a token lives at most.
    lifetime: Lifetime,
}

/// The new key, which is not made yet.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    name: String,
    alg: Alg,
    activates: u64,
    old_may_go: u64,
}

/// Decides what the new key is called, and when it takes over. Fails if another key would be lost, or misread.
fn plan(args: &KeyRotate, stored: &Stored, target: &Target, now: u64) -> Result<Plan> {
    let alg = stored.alg;
    let activates = now.saturating_add(args.activate_in.seconds());
    let old_may_go = activates.saturating_add(stored.lifetime.seconds()).saturating_add(SKEW);
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
        !stored.names.contains(&name),
        "there is a key {name} already in {target}, which would be lost: choose another --name"
    );
    Ok(Plan { name, alg, activates, old_may_go })
}

/// Makes the key and puts it in. Gives its key ID.
fn apply(plan: &Plan, project: &Project, host: &Host) -> Result<String> {
    let Plan { name, alg, activates, .. } = plan;
    let jwk = generate::make(*alg, None, *activates, host)?;
    let key = SigningKey::parse(name, &jwk).map_err(|error| anyhow::anyhow!("{name} {error}"))?;
    match &project.target {
        Target::Local(state) => LocalKeys::read(state)?.add(name, &jwk, host)?,
        Target::Deployed(environment) => {
            Wrangler::find(project, host)?.put_secret(environment, name, &jwk).with_context(|| {
                let list = shell::command("edgemint", &["key", "list", "--env", environment]);
                format!("the key was not put in, or not surely: `{list}` shows whether {name} is there")
            })?;
        }
    }
    Ok(key.kid().to_owned())
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    /// What would put the key in, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    name: &'a str,
    alg: Algorithm,
    /// `null` in a dry run.
    kid: Option<String>,
    activates: u64,
    old_may_go: u64,
    #[serde(skip)]
    target: &'a Target,
    #[serde(skip)]
    lifetime: Lifetime,
    /// Which tokens it signs, if not all as before.
    #[serde(skip)]
    note: Option<String>,
    #[serde(skip)]
    now: u64,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, target, lifetime, .. } = self;
        let done = match (&self.kid, target) {
            (Some(kid), _) => format!("Added the key {name} ({kid}) to {target}."),
            (None, Target::Local(state)) => {
                let file = state.join("keys.env");
                format!("It would make a key {name} for {target} and add a line to {}.", file.display())
            }
            (None, Target::Deployed(_)) => format!(
                "It would make a key {name} for {target} and run, with the key on its standard input,\n  {}",
                self.command.as_deref().unwrap_or_default()
            ),
        };
        let signs = format!(
            "It signs from {} on ({}).",
            when::utc(self.activates),
            from_now(self.activates, self.now)
        );
        let old = format!(
            "The key that signs until then may go (`edgemint key retire`) after {}: when the last token that it signed \
             has expired ({lifetime} at most).",
            when::utc(self.old_may_go),
        );
        sentences(f, [done, signs, old])?;
        sentences(f, &self.note)
    }
}

pub(crate) fn run(args: &KeyRotate, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    must_not_be_too_soon(args)?;
    let project = Project::find(config, &args.target, host)?;
    let stored = look(args, &project, host)?;
    let plan = plan(args, &stored, &project.target, host.now)?;
    let (mut kid, mut command) = (None, None);
    if !args.dry_run {
        kid = Some(apply(&plan, &project, host)?);
    } else if let Target::Deployed(environment) = &project.target {
        command = Some(Wrangler::find(&project, host)?.told_secret("put", environment, &plan.name));
    }
    output.report(&Report {
        dry_run: args.dry_run,
        command,
        name: &plan.name,
        alg: plan.alg.algorithm(),
        kid,
        activates: plan.activates,
        old_may_go: plan.old_may_go,
        target: &project.target,
        lifetime: stored.lifetime,
        note: who_gets_it(&project, plan.alg.algorithm(), &stored.names),
        now: host.now,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Fails if verifiers may not know the key yet when it begins to sign.
fn must_not_be_too_soon(args: &KeyRotate) -> Result<()> {
    let shortest = Lifetime::from_seconds(DOCUMENT_MAX_AGE.seconds() + PROPAGATION);
    ensure!(
        args.force || args.activate_in >= shortest,
        "verifiers keep the keys that they fetched for up to {}, and a new secret takes a moment to be everywhere: \
         activate it in {shortest} or more, or say --force",
        DOCUMENT_MAX_AGE
    );
    Ok(())
}

/// Reads what a plan needs.
fn look(args: &KeyRotate, project: &Project, host: &Host) -> Result<Stored> {
    let lifetime = longest_token(project)?;
    let names = match &project.target {
        Target::Local(state) => LocalKeys::read(state)?.names(),
        Target::Deployed(environment) => Wrangler::find(project, host)?
            .secret_names(environment)
            .context("the names of the keys that are there could not be listed, and nothing was written")?,
    };
    let alg = match args.alg {
        Some(alg) => alg,
        None => of_what_signs(project, &names, host.now)?,
    };
    Ok(Stored { names, alg, lifetime })
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn args(name: Option<&str>) -> KeyRotate {
        KeyRotate {
            alg: None,
            activate_in: Lifetime::from_seconds(3600),
            name: name.map(str::to_owned),
            force: false,
            dry_run: false,
            target: TargetArgs { local: true, state: None, env: None },
        }
    }

    fn planned(name: Option<&str>, now: u64) -> Result<Plan> {
        let names = vec!["SIGNING_KEY_FIRST".to_owned()];
        let stored = Stored { names, alg: Alg::Es256, lifetime: Lifetime::from_seconds(100) };
        plan(&args(name), &stored, &Target::Local(PathBuf::from("/s")), now)
    }

    #[test]
    fn a_plan_is_made_of_the_names_that_there_are_and_the_time() {
        let plan = planned(None, 1_795_385_247).expect("a plan");
        let name = "SIGNING_KEY_20261122T230727Z_ES256".to_owned();
        let activates = 1_795_388_847;
        assert_eq!(plan, Plan { name, alg: Alg::Es256, activates, old_may_go: activates + 100 + SKEW });
        assert_eq!(planned(Some("NEXT"), 0).expect("a plan").name, "SIGNING_KEY_NEXT");
        for (name, told) in [
            (
                "FIRST",
                "there is a key SIGNING_KEY_FIRST already in the local state in /s, which would be lost",
            ),
            ("20261122T230727Z_RS256", "would be read as the time from which on the key signs"),
            ("20261122T230728Z_ES256", "would be read as the time from which on the key signs"),
        ] {
            let refused = planned(Some(name), 1_795_385_247).expect_err(name).to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let target = Target::Deployed("e".to_owned());
        let report = |kid: Option<&str>| Report {
            dry_run: kid.is_none(),
            command: kid.is_none().then(|| "wrangler x".to_owned()),
            name: "A",
            alg: Algorithm::Es256,
            kid: kid.map(str::to_owned),
            activates: 60,
            old_may_go: 120,
            target: &target,
            lifetime: Lifetime::from_seconds(60),
            note: Some("A note.".to_owned()),
            now: 0,
        };
        let json = serde_json::to_string(&report(None)).expect("JSON");
        assert_eq!(
            json,
            r#"{"dry_run":true,"command":"wrangler x","name":"A","alg":"ES256","kid":null,"activates":60,"old_may_go":120}"#
        );
        let would = "It would make a key A for the environment e and run, with the key on its standard input,\n  wrangler x\n\
                     It signs from 1970-01-01 00:01:00 UTC on (in 1m).\n\
                     The key that signs until then may go (`edgemint key retire`) after 1970-01-01 00:02:00 UTC: when the \
                     last token that it signed has expired (1m at most).\n\
                     A note.\n";
        assert_eq!(report(None).to_string(), would);
        assert!(report(Some("k")).to_string().starts_with("Added the key A (k) to the environment e.\n"));
    }
}
