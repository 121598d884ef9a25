//! `edgemint key rotate`: adds a key that starts to sign once every verifier has fetched it.

use std::fmt;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args as ClapArgs;
use edgemint_issuer::{Algorithm, DOCUMENT_MAX_AGE, Lifetime, SIGNING_KEY_PREFIX, SigningKey};
use edgemint_printable::shell;
use serde::Serialize;
use zeroize::Zeroizing;

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

/// Add a signing key that takes over later
///
/// Generates a key, stores it with the existing keys, and prints when it starts to sign and when you can retire
/// the current key. The Worker publishes the new key immediately, so that every verifier can fetch it before it
/// signs. In a deployed environment, wrangler stores the key as a secret. In the local state, the key is a line
/// in keys.env, which the next `cargo xtask dev` reads.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key rotate --env production
  edgemint key rotate --env production --alg RS256 --activate-in 24h")]
pub(crate) struct KeyRotate {
    /// Algorithm of the key [default: SIGNING_ALG of the deployment, or the algorithm of the current key]
    #[arg(long, value_enum)]
    pub(crate) alg: Option<Alg>,
    /// Time until the key starts to sign. Allow enough time for every verifier to fetch the key
    #[arg(long, value_name = "TIME", value_parser = Lifetime::parse, default_value = "1h")]
    pub(crate) activate_in: Lifetime,
    /// Name of the key, which is stored as SIGNING_KEY_<NAME> [default: the activation time and the algorithm]
    #[arg(long, value_parser = key_name)]
    pub(crate) name: Option<String>,
    /// Allow a time so short that some verifiers may not have the key when it starts to sign
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what would be done, but change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The time until a new secret reaches every location, in seconds.
const PROPAGATION: u64 = 60;

/// The state of a deployment before the rotation.
#[derive(Debug)]
struct Stored {
    /// The names of the secrets, or of the lines of keys.env.
    names: Vec<String>,
    /// The algorithm of the new key.
    alg: Alg,
    /// The maximum lifetime of a token.
    lifetime: Lifetime,
}

/// The new key, before it is generated.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    name: String,
    alg: Alg,
    activates: u64,
    old_may_go: u64,
}

/// Decides the name and the activation time of the new key. Fails if the name is taken, or contains another time or
/// algorithm than the key's.
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
        "cannot use the name {name}: it contains an activation time or an algorithm that differs from the key's. Pass \
         another --name."
    );
    ensure!(
        !stored.names.contains(&name),
        "cannot add the key {name}: it exists in {target} and would be overwritten. Pass another --name."
    );
    Ok(Plan { name, alg, activates, old_may_go })
}

/// Generates and stores the key. Returns its key ID.
fn apply(plan: &Plan, project: &Project, host: &Host) -> Result<String> {
    let Plan { name, alg, activates, .. } = plan;
    match &project.target {
        Target::Local(state) => {
            let (jwk, kid) = make(name, *alg, *activates, host)?;
            LocalKeys::read(state)?.add(name, &jwk, host)?;
            Ok(kid)
        }
        Target::Deployed(environment) => {
            let wrangler = Wrangler::find(project, host)?;
            store(&wrangler, environment, (name, *alg, *activates), host)
        }
    }
}

/// Generates a key and stores it as a secret with this name. Returns its key ID.
pub(crate) fn store(
    wrangler: &Wrangler<'_>,
    environment: &str,
    (name, alg, activates): (&str, Alg, u64),
    host: &Host,
) -> Result<String> {
    let (jwk, kid) = make(name, alg, activates, host)?;
    wrangler.put_secret(environment, name, &jwk).with_context(|| {
        let list = shell::command("edgemint", &["key", "list", "--env", environment]);
        format!("the key may not have been stored (`{list}` shows whether {name} exists)")
    })?;
    Ok(kid)
}

/// A new key, and its key ID.
fn make(name: &str, alg: Alg, activates: u64, host: &Host) -> Result<(Zeroizing<String>, String)> {
    let jwk = generate::make(alg, None, activates, host)?;
    let key = SigningKey::parse(name, &jwk).map_err(|error| anyhow::anyhow!("{name} {error}"))?;
    let kid = key.kid().to_owned();
    Ok((jwk, kid))
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    /// The command that would store the key, in a dry run.
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
    /// A note, if the key does not sign all tokens or changes their algorithm.
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
                format!("Dry run: would create the key {name} for {target}, as a line in {}.", file.display())
            }
            (None, Target::Deployed(_)) => format!(
                "Dry run: would create the key {name} for {target} and pass it on standard input to\n  {}",
                self.command.as_deref().unwrap_or_default()
            ),
        };
        let signs = format!(
            "The key starts to sign at {} ({}).",
            when::utc(self.activates),
            from_now(self.activates, self.now)
        );
        let old = format!(
            "You can retire the key that signs until then (`edgemint key retire`) after {}, when its last token has \
             expired ({lifetime} at most).",
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

/// Fails if some verifiers may not have the key when it starts to sign.
fn must_not_be_too_soon(args: &KeyRotate) -> Result<()> {
    let shortest = Lifetime::from_seconds(DOCUMENT_MAX_AGE.seconds() + PROPAGATION);
    ensure!(
        args.force || args.activate_in >= shortest,
        "cannot activate the key so soon: verifiers cache keys for up to {DOCUMENT_MAX_AGE}, and a new secret takes \
         about {} to reach every location. Pass --activate-in with at least {shortest}, or --force.",
        Lifetime::from_seconds(PROPAGATION)
    );
    Ok(())
}

/// Reads the state that a plan needs.
fn look(args: &KeyRotate, project: &Project, host: &Host) -> Result<Stored> {
    let lifetime = longest_token(project)?;
    let names = match &project.target {
        Target::Local(state) => LocalKeys::read(state)?.names(),
        Target::Deployed(environment) => Wrangler::find(project, host)?
            .secret_names(environment)
            .context("cannot list the existing keys, so nothing was written")?,
    };
    let alg = match args.alg {
        Some(alg) => alg,
        None => of_what_signs(project, &names, host.now)?,
    };
    Ok(Stored { names, alg, lifetime })
}

/// The algorithm of the current key, so that a rotation changes only the key. ES256 if there is no key.
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
    let issuer = local_server::issuer(project).context("wrangler.toml does not set ISSUER");
    let published = issuer.and_then(|issuer| published(&issuer));
    let first = published.context("cannot determine the algorithm of the current key (pass --alg)")?;
    let alg = first.first().and_then(|key| Algorithm::named(&key.alg));
    alg.map(Alg::of).context(
        "cannot determine the algorithm of the current key: the issuer publishes none. Pass \
                              --alg.",
    )
}

/// The note if the key will not sign every token, or will sign tokens with another algorithm than before.
fn who_gets_it(project: &Project, alg: Algorithm, there: &[String]) -> Option<String> {
    let name = alg.name();
    if let Some(of_deployment) = project.signing_alg() {
        return (of_deployment != alg).then(|| {
            format!(
                "The key signs only tokens for APIs that require {name}. SIGNING_ALG is {}, so keys for {} sign all \
                 other tokens.",
                of_deployment.name(),
                of_deployment.name()
            )
        });
    }
    let mut there = there.iter().filter(|key| key.starts_with(SIGNING_KEY_PREFIX));
    // A name without an algorithm is most probably for the default one.
    let differs = there.any(|key| key_names::alg(key).unwrap_or(Algorithm::Es256) != alg);
    differs.then(|| {
        format!(
            "The key will sign all tokens, with {name}. Verifiers must allow {name} before. If it should sign only \
             for APIs that require {name}, set SIGNING_ALG in wrangler.toml to the algorithm of the other tokens, and \
             deploy before \
             the key starts to sign."
        )
    })
}

/// `MAX_TOKEN_LIFETIME` of the target.
pub(crate) fn longest_token(project: &Project) -> Result<Lifetime> {
    let Some(text) = project.variable("MAX_TOKEN_LIFETIME") else { return Ok(Lifetime::LONGEST_OF_TOKENS) };
    match Lifetime::parse(text.trim()) {
        Ok(lifetime) => Ok(lifetime),
        Err(error) => bail!("cannot read MAX_TOKEN_LIFETIME: {error}"),
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
                "cannot add the key SIGNING_KEY_FIRST: it exists in the local state in /s and would be overwritten",
            ),
            ("20261122T230727Z_RS256", "contains an activation time or an algorithm that differs"),
            ("20261122T230728Z_ES256", "contains an activation time or an algorithm that differs"),
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
        let would = "Dry run: would create the key A for the environment e and pass it on standard input to\n  \
                     wrangler x\n\
                     The key starts to sign at 1970-01-01 00:01:00 UTC (in 1m).\n\
                     You can retire the key that signs until then (`edgemint key retire`) after 1970-01-01 00:02:00 \
                     UTC, \
                     when its last token has expired (1m at most).\n\
                     A note.\n";
        assert_eq!(report(None).to_string(), would);
        assert!(report(Some("k")).to_string().starts_with("Added the key A (k) to the environment e.\n"));
    }
}
