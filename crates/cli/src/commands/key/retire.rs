//! `edgemint key retire`: takes away a key that signs no more, once no token needs it.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{Algorithm, ApiRecord, DOCUMENT_MAX_AGE, SIGNING_KEY_PREFIX, SigningKey};
use edgemint_printable::shell;
use serde::Serialize;

use crate::commands::key::published::published;
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
use crate::terminal::when;
use crate::terminal::when::from_now;

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

/// A key that is there: from when on it signs, and with which algorithm, as far as that is known.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    begins: Option<u64>,
    alg: Option<Algorithm>,
}

/// Which keys sign what.
#[derive(Debug, Default)]
struct Uses {
    /// The algorithm of those that sign whatever demands none, if the deployment has one.
    signing_alg: Option<Algorithm>,
    /// What APIs demand.
    demanded: BTreeSet<Algorithm>,
}

/// Whether a key may go, as far as its tokens are concerned; of two that hold, the later one here counts.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// No token of it is alive.
    MayGo,
    /// The last token that it signed is dead from this time on.
    NotBefore(u64),
    /// It signs no more, and nothing tells since when.
    UnknownEnd,
    /// Its name does not tell when it began to sign, or with what, and nothing else was said of it.
    Unnamed,
    /// It signs tokens for APIs that demand this algorithm.
    SignsFor(Algorithm),
    /// It signs now.
    Signs,
    /// There is no other.
    Only,
}

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Retired<'a> {
    dry_run: bool,
    /// What would take it away, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    name: &'a str,
    retired: bool,
    tokens_alive_until: Option<u64>,
}

pub(crate) fn run(args: &KeyRetire, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let name = format!("{SIGNING_KEY_PREFIX}{}", args.name);
    let keys = known(&project, host)?;
    if !keys.iter().any(|key| key.name == name) {
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        bail!("there is no key {name} in {} (there is: {names})", project.target);
    }

    let wait = longest_token(&project)?.seconds().saturating_add(SKEW);
    let (mut keys, mut uses, mut signs_now) = (keys, Uses::default(), None);
    if !args.force {
        uses = used(&project, host)?;
        if let Some(kid) = &args.kid {
            let (is_first, alg) = look_up(&project, kid)?;
            signs_now = Some(is_first);
            keys.iter_mut().filter(|key| key.name == name).for_each(|key| key.alg = key.alg.or(alg));
        }
    }
    let verdict = judge(&keys, &name, &uses, signs_now, host.now, wait);
    let alive_until = if let Verdict::NotBefore(time) = verdict { Some(time) } else { None };
    if let Some(why) = why_not(&verdict, &name, &project, host.now) {
        if !args.force {
            bail!("{why}; --force does it all the same");
        }
        output.say(format_args!("warning: {why}"));
    }

    let (what, command) = match &project.target {
        Target::Local(state) => (format!("take its line out of {}.", state.join("keys.env").display()), None),
        Target::Deployed(environment) => {
            let command = Wrangler::find(&project, host)?.told_secret("delete", environment, &name);
            (format!("run\n  {command}"), Some(command))
        }
    };
    if args.dry_run {
        output.say(format_args!("It would {what}"));
        output.say("Nothing was done.");
    } else {
        let question = format!("Retire the key {name} of {}? It cannot be brought back.", project.target);
        confirm(args.yes, &question, "nothing was done", host, output)?;
        match &project.target {
            Target::Local(state) => LocalKeys::read(state)?.remove(&name, host)?,
            Target::Deployed(environment) => {
                Wrangler::find(&project, host)?.delete_secret(environment, &name).with_context(|| {
                    let list = shell::command("edgemint", &["key", "list", "--env", environment]);
                    format!(
                        "the key is still there, or not surely gone: `{list}` shows whether {name} is there"
                    )
                })?;
            }
        }
        output.say(format_args!(
            "Retired the key {name} of {}. Those who verify tokens may keep it for up to {DOCUMENT_MAX_AGE}; then no \
             token that it signed is accepted.",
            project.target
        ));
    }
    if output.is_json() {
        output.result_json(&Retired {
            dry_run: args.dry_run,
            command: command.filter(|_| args.dry_run),
            name: &name,
            retired: !args.dry_run,
            tokens_alive_until: alive_until,
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The keys that are there. Of a deployed one, the name alone can tell when it begins to sign, and with what.
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

/// `signs_now`: what the issuer says of the key, if it was asked. `wait`: for how long the last token of a key
/// lives on, in seconds.
fn judge(keys: &[Known], name: &str, uses: &Uses, signs_now: Option<bool>, now: u64, wait: u64) -> Verdict {
    let others: Vec<&Known> = keys.iter().filter(|key| key.name != name).collect();
    let Some(key) = keys.iter().find(|key| key.name == name).filter(|_| !others.is_empty()) else {
        return Verdict::Only;
    };
    if signs_now != Some(true) && key.begins.is_some_and(|begins| begins > now) {
        return Verdict::MayGo;
    }
    if key.alg.is_none() && (uses.signing_alg.is_some() || !uses.demanded.is_empty()) {
        return if signs_now == Some(true) { Verdict::Signs } else { Verdict::Unnamed };
    }
    let of = |alg: Option<Algorithm>| {
        others.iter().copied().filter(move |other| alg.is_none_or(|alg| other.alg == Some(alg)))
    };
    // By default, and for APIs that demand its algorithm: each is taken over by another key at another time.
    let by_default = uses.signing_alg.is_none_or(|alg| key.alg == Some(alg));
    let by_default = by_default.then(|| in_line(key, of(uses.signing_alg), signs_now, now));
    let demanded = key.alg.filter(|alg| uses.demanded.contains(alg));
    let demanded = demanded.map(|alg| {
        let verdict = in_line(key, of(Some(alg)), None, now);
        if verdict == Verdict::Unnamed && of(Some(alg)).any(|other| other.begins.is_some_and(|at| at <= now))
        {
            // What is published does not tell it either: the key that signs by default stands first, and no other.
            Verdict::UnknownEnd
        } else if matches!(verdict, Verdict::Signs | Verdict::Unnamed) {
            Verdict::SignsFor(alg)
        } else {
            verdict
        }
    });
    let verdict = by_default.into_iter().chain(demanded).max().unwrap_or(Verdict::UnknownEnd);
    let Verdict::NotBefore(ended) = verdict else { return verdict };
    let dead = ended.saturating_add(wait);
    if dead <= now { Verdict::MayGo } else { Verdict::NotBefore(dead) }
}

/// Among keys of which one signs at a time: whether `key` does, or [`Verdict::NotBefore`] the end of that.
fn in_line<'a>(
    key: &Known,
    others: impl Iterator<Item = &'a Known>,
    signs_now: Option<bool>,
    now: u64,
) -> Verdict {
    if signs_now == Some(true) {
        return Verdict::Signs;
    }
    let begun = others.filter_map(|key| Some((key.begins?, key.name.as_str()))).filter(|(at, _)| *at <= now);
    let ended = match (key.begins, signs_now) {
        // The first that took over from it; of two with the same time the last name signs.
        (Some(own), _) => begun.filter(|other| *other > (own, key.name.as_str())).min(),
        // Another key signs: the latest that has begun, if all have told. It has done so no longer than this key has not.
        (None, Some(false)) => begun.max(),
        (None, _) => return Verdict::Unnamed,
    };
    match ended {
        Some((at, _)) => Verdict::NotBefore(at),
        None if signs_now == Some(false) => Verdict::UnknownEnd,
        None => Verdict::Signs,
    }
}

/// Why the key must stay, and what helps.
fn why_not(verdict: &Verdict, name: &str, project: &Project, now: u64) -> Option<String> {
    let rotate = "add one with `edgemint key rotate`, and wait until it has taken over";
    Some(match verdict {
        Verdict::MayGo => return None,
        Verdict::NotBefore(time) => format!(
            "tokens that {name} signed may be alive until {} ({}): retire it then",
            when::utc(*time),
            from_now(*time, now)
        ),
        Verdict::Signs => format!("{name} signs now, as far as can be seen: {rotate}"),
        Verdict::SignsFor(alg) => format!(
            "{name} signs tokens for APIs that demand {alg}, as far as can be seen: add one with `edgemint key rotate \
             --alg {alg}`, and wait until it has taken over",
            alg = alg.name()
        ),
        Verdict::Only => format!("{name} is the only key of {}: {rotate}", project.target),
        Verdict::Unnamed => format!(
            "the name {name} does not tell from when on it signs, or with which algorithm, and a secret cannot be read \
             back: say which of the published keys it is with --kid (`edgemint key list` shows them)"
        ),
        Verdict::UnknownEnd => format!(
            "{name} signs no more, and the names of the other keys do not tell since when: be sure that this is longer \
             ago than any token lives"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: u64 = 100;

    fn verdict(keys: &[(&str, Option<u64>)], name: &str, signs_now: Option<bool>, now: u64) -> Verdict {
        let keys: Vec<Known> = keys
            .iter()
            .map(|(name, begins)| Known { name: (*name).to_owned(), begins: *begins, alg: None })
            .collect();
        judge(&keys, name, &Uses::default(), signs_now, now, WAIT)
    }

    #[test]
    fn a_key_goes_when_the_last_token_that_it_signed_is_dead() {
        let keys = [("A", Some(0)), ("B", Some(1000)), ("C", Some(5000))];
        assert_eq!(verdict(&keys, "A", None, 999), Verdict::Signs);
        assert_eq!(verdict(&keys, "A", None, 1000), Verdict::NotBefore(1100));
        assert_eq!(verdict(&keys, "A", None, 1099), Verdict::NotBefore(1100));
        assert_eq!(verdict(&keys, "A", None, 1100), Verdict::MayGo);
        assert_eq!(verdict(&keys, "B", None, 1100), Verdict::Signs);
        assert_eq!(verdict(&keys, "C", None, 1100), Verdict::MayGo, "it has signed nothing");
        assert_eq!(verdict(&keys, "C", None, 5000), Verdict::Signs);
        // Two of one time: the last name signs.
        let keys = [("A", Some(9)), ("B", Some(9))];
        assert_eq!(
            [verdict(&keys, "A", None, 500), verdict(&keys, "B", None, 500)],
            [Verdict::MayGo, Verdict::Signs]
        );
    }

    #[test]
    fn the_only_key_and_the_one_that_signs_stay() {
        assert_eq!(verdict(&[("A", Some(0))], "A", None, 9), Verdict::Only);
        assert_eq!(verdict(&[("A", Some(0)), ("B", Some(1))], "A", Some(true), 9999), Verdict::Signs);
    }

    #[test]
    fn a_name_that_tells_nothing_needs_the_word_of_the_issuer() {
        let keys = [("FIRST", None), ("B", Some(1000))];
        assert_eq!(verdict(&keys, "FIRST", None, 9999), Verdict::Unnamed);
        assert_eq!(verdict(&keys, "FIRST", Some(false), 1050), Verdict::NotBefore(1100));
        assert_eq!(verdict(&keys, "FIRST", Some(false), 1100), Verdict::MayGo);
        assert_eq!(
            verdict(&[("FIRST", None), ("RSA", None)], "FIRST", Some(false), 1100),
            Verdict::UnknownEnd
        );
        // A key of no name may have taken over from one that has one: then nobody knows when.
        assert_eq!(verdict(&[("A", Some(0)), ("RSA", None)], "A", Some(false), 1100), Verdict::UnknownEnd);
        assert_eq!(verdict(&[("A", Some(0)), ("RSA", None)], "A", None, 1100), Verdict::Signs);
    }

    const ES: Algorithm = Algorithm::Es256;

    const RS: Algorithm = Algorithm::Rs256;

    /// Of keys with their algorithms, where APIs demand RS256.
    fn with_rs256(
        keys: &[(&str, Option<u64>, Option<Algorithm>)],
        signing_alg: Option<Algorithm>,
        name: &str,
        signs_now: Option<bool>,
        now: u64,
    ) -> Verdict {
        let known = |(name, begins, alg): &(&str, _, _)| Known {
            name: (*name).to_owned(),
            begins: *begins,
            alg: *alg,
        };
        let keys: Vec<Known> = keys.iter().map(known).collect();
        judge(&keys, name, &Uses { signing_alg, demanded: BTreeSet::from([RS]) }, signs_now, now, WAIT)
    }

    #[test]
    fn a_key_stays_while_an_api_demands_its_algorithm_and_no_other_has_it() {
        let keys = [("A", Some(0), Some(RS)), ("B", Some(1000), Some(ES)), ("C", Some(2000), Some(RS))];
        for signing_alg in [None, Some(ES)] {
            let of = |name, now| with_rs256(&keys, signing_alg, name, None, now);
            assert_eq!(of("A", 1500), Verdict::SignsFor(RS), "though another signs the rest since 1000");
            assert_eq!(of("A", 2000), Verdict::NotBefore(2100));
            assert_eq!(of("A", 2100), Verdict::MayGo);
        }
        assert_eq!(
            with_rs256(&keys, Some(ES), "B", None, 5000),
            Verdict::Signs,
            "C is no key of SIGNING_ALG"
        );
        assert_eq!(with_rs256(&keys, None, "B", None, 5000), Verdict::MayGo);
        // One that signed neither then nor now, and nobody knows what was before.
        assert_eq!(with_rs256(&keys, Some(Algorithm::EdDsa), "B", None, 5000), Verdict::UnknownEnd);
    }

    #[test]
    fn where_algorithms_matter_that_of_the_key_must_be_known() {
        let keys = [("FIRST", None, None), ("B", Some(1000), Some(ES))];
        assert_eq!(with_rs256(&keys, None, "FIRST", None, 9999), Verdict::Unnamed);
        assert_eq!(with_rs256(&keys, None, "FIRST", Some(true), 9999), Verdict::Signs);
        let keys = |alg| [("FIRST", None, Some(alg)), ("B", Some(1000), Some(ES))];
        assert_eq!(with_rs256(&keys(ES), None, "FIRST", Some(false), 9999), Verdict::MayGo);
        assert_eq!(with_rs256(&keys(RS), None, "FIRST", Some(false), 9999), Verdict::SignsFor(RS));
        let keys = [("FIRST", None, Some(RS)), ("B", Some(1000), Some(RS)), ("C", Some(2000), Some(ES))];
        assert_eq!(with_rs256(&keys, None, "FIRST", Some(false), 9999), Verdict::UnknownEnd);
    }
}
