//! `edgemint key retire`: takes away a key that signs no more, once no token needs it.

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

/// Take away a key that signs no more
///
/// Refuses while it signs, tokens for APIs that demand its algorithm included, and while tokens that it signed
/// may be alive: for MAX_TOKEN_LIFETIME after the next key took over. Of a deployed environment the time and the
/// algorithm stand in the name that `key rotate` gives; of a key with another name, say with --kid which of the
/// published ones it is.
///
/// A key that has leaked goes at once, with --force: whoever verifies tokens refuses those that it signed
/// as soon as they fetch the keys again.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key retire SIGNING_KEY_20261122T230727Z_ES256 --env production
  edgemint key retire FIRST --kid 0TZmmkqxe0bPCVZzcMJaL-Gp-C8Sy1ggbTJNYZTP6sg --env production")]
pub(crate) struct KeyRetire {
    /// Its name, with or without SIGNING_KEY_ before it
    #[arg(value_parser = key_name)]
    pub(crate) name: String,
    /// Its key ID, to tell whether it signs, and with which algorithm, when its name does not
    #[arg(long, value_parser = key_id)]
    pub(crate) kid: Option<String>,
    /// Even if tokens that it signed are alive, or it signs now, or it is the only one
    #[arg(long)]
    pub(crate) force: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// What is known of a deployment before a key of it is retired.
#[derive(Debug)]
struct Stored {
    keys: Vec<Known>,
    /// Nothing with --force, which does not ask.
    uses: Uses,
    /// Whether the key signs now, if the issuer was asked.
    signs_now: Option<bool>,
    /// For how long the last token of a key lives on, in seconds.
    wait: u64,
}

/// What one command does.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The last token of the key is dead from this time on, if that is later than now.
    tokens_alive_until: Option<u64>,
    /// Why the key should stay, although --force takes it away.
    warning: Option<String>,
}

/// Decides whether the key may go. Fails if it must stay.
fn plan(stored: &Stored, name: &str, force: bool, target: &Target, now: u64) -> Result<Plan> {
    let verdict = judge(&stored.keys, name, &stored.uses, stored.signs_now, now, stored.wait);
    let warning = why_not(&verdict, name, target, now);
    if let Some(why) = warning.as_ref().filter(|_| !force) {
        bail!("{why}; --force does it all the same");
    }
    let tokens_alive_until = if let Verdict::NotBefore(time) = verdict { Some(time) } else { None };
    Ok(Plan { tokens_alive_until, warning })
}

/// How the key is taken away.
enum Removal<'a> {
    /// By a line less in the file keys.env of this local state.
    Line(&'a Path),
    /// By wrangler, which deletes a secret of this environment.
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

/// Takes the key away.
fn apply(removal: &Removal<'_>, name: &str, host: &Host) -> Result<()> {
    match removal {
        Removal::Line(state) => LocalKeys::read(state)?.remove(name, host),
        Removal::Secret(wrangler, environment) => {
            wrangler.delete_secret(environment, name).with_context(|| {
                let list = shell::command("edgemint", &["key", "list", "--env", environment]);
                format!("the key is still there, or not surely gone: `{list}` shows whether {name} is there")
            })
        }
    }
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    /// What would take it away, in a dry run.
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
                "Retired the key {} of {}. Those who verify tokens may keep it for up to {DOCUMENT_MAX_AGE}; then no \
                 token that it signed is accepted.",
                self.name, self.target
            );
            return sentences(f, [retired]);
        }
        let would = match self.target {
            Target::Local(state) => {
                format!("It would take its line out of {}.", state.join("keys.env").display())
            }
            Target::Deployed(_) => {
                format!("It would run\n  {}", self.command.as_deref().unwrap_or_default())
            }
        };
        sentences(f, [would.as_str(), "Nothing was done."])
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
        let question = format!("Retire the key {name} of {}? It cannot be brought back.", project.target);
        confirm(args.yes, &question, "nothing was done", host, output)?;
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

/// Reads what a plan needs. With --force, APIs and the issuer are not asked: what they say does not count.
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

/// Fails, with the names that there are, if no key has this one.
fn must_be_there(keys: &[Known], name: &str, target: &Target) -> Result<()> {
    if keys.iter().any(|key| key.name == name) {
        return Ok(());
    }
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    bail!("there is no key {name} in {target} (there is: {names})");
}

/// The keys that are there. Only its name tells when a deployed key begins to sign, and with which algorithm.
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
                .context("the keys that are there could not be listed, and nothing was done")?;
            let names = names.into_iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX));
            names
                .map(|name| Known { begins: key_names::begins(&name), alg: key_names::alg(&name), name })
                .collect()
        }
    })
}

/// What the deployment and the records of its APIs say of algorithms.
fn used(project: &Project, host: &Host) -> Result<Uses> {
    let apis = Records::of(project, host)?
        .read_all::<ApiRecord>()
        .context("which algorithms APIs demand could not be seen, and nothing was done")?;
    let demanded = apis.values().flatten().filter_map(|api| api.alg).collect();
    Ok(Uses { signing_alg: project.signing_alg(), demanded })
}

/// Whether the key `kid` is the one that signs (the issuer publishes that one first), and its algorithm.
fn look_up(project: &Project, kid: &str) -> Result<(bool, Option<Algorithm>)> {
    let issuer = local_server::issuer(project)
        .context("wrangler.toml sets no ISSUER, so that --kid cannot be looked up")?;
    let published =
        published(&issuer).context("what the issuer publishes could not be seen, and nothing was done")?;
    match published.iter().enumerate().find(|(_, key)| key.kid == kid) {
        Some((place, key)) => Ok((place == 0, Algorithm::named(&key.alg))),
        None => bail!("{issuer} publishes no key {kid}: `edgemint key list` shows those that it does"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Two keys, of which the second took over at 1000.
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
        assert!(refused.ends_with("(in 1s): retire it then; --force does it all the same"), "{refused}");
        let forced = planned("A", true, 1099).expect("it is forced");
        assert_eq!(forced.tokens_alive_until, Some(1100));
        assert!(forced.warning.is_some_and(|why| refused.starts_with(&why)));
        let forced = planned("B", true, 1099).expect("it is forced");
        assert_eq!(forced.tokens_alive_until, None);
        assert!(forced.warning.is_some_and(|why| why.starts_with("B signs now")));
    }

    #[test]
    fn a_key_that_is_not_there_is_told_with_those_that_are() {
        let told =
            |keys: &[Known]| must_be_there(keys, "C", &local()).expect_err("it is not there").to_string();
        assert_eq!(told(&stored().keys), "there is no key C in the local state in /s (there is: A, B)");
        assert_eq!(told(&[]), "there is no key C in the local state in /s (there is: none)");
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
        assert_eq!(told, "It would run\n  wrangler x\nNothing was done.\n");
        let (_, told) = report(false, None, &local);
        assert_eq!(told, "It would take its line out of /s/keys.env.\nNothing was done.\n");
        let (json, told) = report(true, None, &local);
        assert_eq!(json, r#"{"dry_run":false,"name":"A","retired":true,"tokens_alive_until":9}"#);
        assert!(told.starts_with("Retired the key A of the local state in /s. "), "{told}");
    }
}
