//! `edgemint key retire`: deletes a key that no longer signs, once every token that it signed has expired.

pub(crate) mod verdict;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{Algorithm, ApiRecord, DOCUMENT_MAX_AGE, SIGNING_KEY_PREFIX, SigningKey};
use edgemint_printable::shell;
use serde::Serialize;

use crate::commands::key::published::published;
use crate::commands::key::retire::verdict::{Known, Uses, Verdict, judge, why_not};
use crate::commands::key::rotate::longest_token;
use crate::deployment::delay::SKEW;
use crate::deployment::local_keys::LocalKeys;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::deployment::wrangler::Wrangler;
use crate::deployment::{key_names, local_server};
use crate::flags::target::TargetArgs;
use crate::flags::values::{key_id, key_name};
use crate::host::Host;
use crate::records::kv::Records;
use crate::terminal::confirm::confirm;
use crate::terminal::output::sentences;

/// Delete a signing key that is no longer in use
///
/// The command refuses if the key still signs tokens, including tokens for APIs that require its algorithm. It
/// also refuses while tokens that the key signed may be valid, for MAX_TOKEN_LIFETIME after the next key took
/// over. In a deployed environment, the name from `key rotate` contains the activation time and the algorithm.
/// For a key with another name, pass --kid to identify the published key.
///
/// If a key has leaked, delete it immediately with --force. Verifiers reject the tokens that it signed as soon
/// as they fetch the keys again.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key retire SIGNING_KEY_20261122T230727Z_ES256 --env production
  edgemint key retire FIRST --kid 0TZmmkqxe0bPCVZzcMJaL-Gp-C8Sy1ggbTJNYZTP6sg --env production")]
pub(crate) struct KeyRetire {
    /// Name of the key, with or without the prefix SIGNING_KEY_
    #[arg(value_parser = key_name)]
    pub(crate) name: String,
    /// ID of the key. The published keys then show whether the key signs, and its algorithm, if the name does not
    #[arg(long, value_parser = key_id)]
    pub(crate) kid: Option<String>,
    /// Delete the key even if it signs now, is the only key, or signed tokens that are still valid
    #[arg(long)]
    pub(crate) force: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print what would be done, but change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The state of a deployment before a key is retired.
#[derive(Debug)]
struct Stored {
    keys: Vec<Known>,
    /// Empty with --force, which does not read the APIs.
    uses: Uses,
    /// Whether the key signs now. `None` if the issuer was not queried.
    signs_now: Option<bool>,
    /// The maximum time for which a key's last token is valid after the key stopped signing, in seconds.
    wait: u64,
}

/// The decision about a key.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The time when the key's last token expires, if that is in the future.
    tokens_alive_until: Option<u64>,
    /// Why the key should stay, if --force deletes it anyway.
    warning: Option<String>,
}

/// Decides whether the key can be deleted. Fails if it must stay.
fn plan(stored: &Stored, name: &str, force: bool, target: &Target, now: u64) -> Result<Plan> {
    let verdict = judge(&stored.keys, name, &stored.uses, stored.signs_now, now, stored.wait);
    let warning = why_not(&verdict, name, target, now);
    if let Some(why) = warning.as_ref().filter(|_| !force) {
        bail!("cannot retire the key: {why} To retire it anyway, pass --force.");
    }
    let tokens_alive_until = if let Verdict::NotBefore(time) = verdict { Some(time) } else { None };
    Ok(Plan { tokens_alive_until, warning })
}

/// How the key is deleted.
enum Removal<'a> {
    /// Remove its line from keys.env of this local state.
    Line(&'a Path),
    /// Delete its secret from this environment, with wrangler.
    Secret(Wrangler<'a>, &'a str),
}

impl<'a> Removal<'a> {
    fn of(project: &'a Project, host: &Host) -> Result<Self> {
        Ok(match &project.target {
            Target::Local(state) => Self::Line(state),
            Target::Deployed(environment) => Self::Secret(Wrangler::find(project, host)?, environment),
        })
    }

    /// The command that [`apply`] runs, if it runs one.
    fn command(&self, name: &str) -> Option<String> {
        match self {
            Self::Line(_) => None,
            Self::Secret(wrangler, environment) => Some(wrangler.told_secret("delete", environment, name)),
        }
    }
}

/// Deletes the key.
fn apply(removal: &Removal<'_>, name: &str, host: &Host) -> Result<()> {
    match removal {
        Removal::Line(state) => LocalKeys::read(state)?.remove(name, host),
        Removal::Secret(wrangler, environment) => {
            wrangler.delete_secret(environment, name).with_context(|| {
                let list = shell::command("edgemint", &["key", "list", "--env", environment]);
                format!("the key may not have been deleted (`{list}` shows whether {name} exists)")
            })
        }
    }
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    /// The command that would delete the key, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    name: &'a str,
    retired: bool,
    tokens_alive_until: Option<u64>,
    #[serde(skip)]
    target: &'a Target,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.retired {
            let retired = format!(
                "Retired the key {} of {}. Verifiers may cache it for up to {DOCUMENT_MAX_AGE}. After that, they \
                 reject the tokens that it signed.",
                self.name, self.target
            );
            return sentences(f, [retired]);
        }
        let would = match self.target {
            Target::Local(state) => {
                format!("Dry run: would remove the key's line from {}.", state.join("keys.env").display())
            }
            Target::Deployed(_) => {
                format!("Dry run: would run\n  {}", self.command.as_deref().unwrap_or_default())
            }
        };
        sentences(f, [would.as_str(), "Nothing was changed."])
    }
}

pub(crate) fn run(args: &KeyRetire, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let name = format!("{SIGNING_KEY_PREFIX}{}", args.name);
    let stored = look(args, &name, &project, host)?;
    let plan = plan(&stored, &name, args.force, &project.target, host.now)?;
    if let Some(why) = &plan.warning {
        output.say(format_args!("warning: {why}"));
    }
    let removal = Removal::of(&project, host)?;
    if !args.dry_run {
        let question = format!("Delete the key {name} of {}? You cannot restore it.", project.target);
        confirm(args.yes, &question, "nothing was changed", host, output)?;
        apply(&removal, &name, host)?;
    }
    output.report(&Report {
        dry_run: args.dry_run,
        command: removal.command(&name).filter(|_| args.dry_run),
        name: &name,
        retired: !args.dry_run,
        tokens_alive_until: plan.tokens_alive_until,
        target: &project.target,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the state that a plan needs. With --force, it skips the APIs and the issuer, which then have no influence.
fn look(args: &KeyRetire, name: &str, project: &Project, host: &Host) -> Result<Stored> {
    let mut keys = known(project, host)?;
    must_be_there(&keys, name, &project.target)?;
    let wait = longest_token(project)?.seconds().saturating_add(SKEW);
    let (mut uses, mut signs_now) = (Uses::default(), None);
    if !args.force {
        uses = used(project, host)?;
        if let Some(kid) = &args.kid {
            let (is_first, alg) = look_up(project, kid)?;
            signs_now = Some(is_first);
            keys.iter_mut().filter(|key| key.name == name).for_each(|key| key.alg = key.alg.or(alg));
        }
    }
    Ok(Stored { keys, uses, signs_now, wait })
}

/// Fails if no key has this name. The error lists the existing names.
fn must_be_there(keys: &[Known], name: &str, target: &Target) -> Result<()> {
    if keys.iter().any(|key| key.name == name) {
        return Ok(());
    }
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    bail!("cannot find the key {name} in {target}. Its keys: {names}.");
}

/// The existing keys. The activation time and the algorithm of a deployed key come from its name.
fn known(project: &Project, host: &Host) -> Result<Vec<Known>> {
    Ok(match &project.target {
        Target::Local(state) => {
            let keys = LocalKeys::read(state)?.keys()?.into_iter();
            let known = |key: SigningKey| (key.name().to_owned(), Some(key.nbf()), Some(key.alg()));
            keys.map(known).map(|(name, begins, alg)| Known { name, begins, alg }).collect()
        }
        Target::Deployed(environment) => {
            let names = Wrangler::find(project, host)?
                .secret_names(environment)
                .context("cannot list the existing keys, so nothing was changed")?;
            let names = names.into_iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX));
            names
                .map(|name| Known { begins: key_names::begins(&name), alg: key_names::alg(&name), name })
                .collect()
        }
    })
}

/// The algorithms that the deployment and its API records require.
fn used(project: &Project, host: &Host) -> Result<Uses> {
    let apis = Records::of(project, host)?
        .read_all::<ApiRecord>()
        .context("cannot read which algorithms APIs require, so nothing was changed")?;
    let demanded = apis.values().flatten().filter_map(|api| api.alg).collect();
    Ok(Uses { signing_alg: project.signing_alg(), demanded })
}

/// Whether the key `kid` signs now, and its algorithm. The issuer publishes the key that signs first.
fn look_up(project: &Project, kid: &str) -> Result<(bool, Option<Algorithm>)> {
    let issuer =
        local_server::issuer(project).context("cannot look up --kid: wrangler.toml does not set ISSUER")?;
    let published = published(&issuer)
        .context("cannot fetch the keys that the issuer publishes, so nothing was changed")?;
    match published.iter().enumerate().find(|(_, key)| key.kid == kid) {
        Some((place, key)) => Ok((place == 0, Algorithm::named(&key.alg))),
        None => bail!(
            "cannot find the key {kid} among the keys that {issuer} publishes. `edgemint key list` lists \
                       them."
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Two keys. The second took over at 1000.
    fn stored() -> Stored {
        let known = |name: &str, begins| Known { name: name.to_owned(), begins: Some(begins), alg: None };
        let keys = vec![known("A", 0), known("B", 1000)];
        Stored { keys, uses: Uses::default(), signs_now: None, wait: 100 }
    }

    fn local() -> Target {
        Target::Local(PathBuf::from("/s"))
    }

    #[test]
    fn a_plan_is_made_of_what_is_known_and_the_time() {
        let planned = |name, force, now| plan(&stored(), name, force, &local(), now);
        let fine = planned("A", false, 1100).expect("it may go");
        assert_eq!(fine, Plan { tokens_alive_until: None, warning: None });
        let refused = planned("A", false, 1099).expect_err("a token may be alive").to_string();
        assert!(
            refused.ends_with("(in 1s). Retire the key then. To retire it anyway, pass --force."),
            "{refused}"
        );
        let forced = planned("A", true, 1099).expect("it is forced");
        assert_eq!(forced.tokens_alive_until, Some(1100));
        assert!(forced.warning.is_some_and(|why| refused.contains(&why)));
        let forced = planned("B", true, 1099).expect("it is forced");
        assert_eq!(forced.tokens_alive_until, None);
        assert!(forced.warning.is_some_and(|why| why.starts_with("B signs now")));
    }

    #[test]
    fn a_key_that_is_not_there_is_told_with_those_that_are() {
        let told =
            |keys: &[Known]| must_be_there(keys, "C", &local()).expect_err("it is not there").to_string();
        assert_eq!(told(&stored().keys), "cannot find the key C in the local state in /s. Its keys: A, B.");
        assert_eq!(told(&[]), "cannot find the key C in the local state in /s. Its keys: none.");
        assert!(must_be_there(&stored().keys, "B", &local()).is_ok());
    }

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let report = |retired: bool, command: Option<&str>, target| {
            let report = Report {
                dry_run: !retired,
                command: command.map(str::to_owned),
                name: "A",
                retired,
                tokens_alive_until: Some(9),
                target,
            };
            (serde_json::to_string(&report).expect("JSON"), report.to_string())
        };
        let (local, deployed) = (local(), Target::Deployed("e".to_owned()));
        let (json, told) = report(false, Some("wrangler x"), &deployed);
        assert_eq!(
            json,
            r#"{"dry_run":true,"command":"wrangler x","name":"A","retired":false,"tokens_alive_until":9}"#
        );
        assert_eq!(told, "Dry run: would run\n  wrangler x\nNothing was changed.\n");
        let (_, told) = report(false, None, &local);
        assert_eq!(told, "Dry run: would remove the key's line from /s/keys.env.\nNothing was changed.\n");
        let (json, told) = report(true, None, &local);
        assert_eq!(json, r#"{"dry_run":false,"name":"A","retired":true,"tokens_alive_until":9}"#);
        assert!(told.starts_with("Retired the key A of the local state in /s. "), "{told}");
    }
}
