//! `edgemint key retire`: takes away a key that signs no more, once no token needs it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use edgemint_issuer::{DOCUMENT_MAX_AGE, SIGNING_KEY_PREFIX};
use serde_json::json;

use super::key_list::published;
use super::key_rotate::{begins, longest_token};
use crate::confirm::confirm;
use crate::host::Host;
use crate::jwt::SKEW;
use crate::key_args::KeyRetire;
use crate::local_keys::LocalKeys;
use crate::output::Output;
use crate::project::{Project, Target};
use crate::when::{self, from_now};
use crate::wrangler::Wrangler;

/// A key that is there, and the time from which on it signs, as far as that is known.
struct Known {
    name: String,
    begins: Option<u64>,
}

/// Whether a key may go, as far as its tokens are concerned.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// No token of it is alive.
    MayGo,
    /// The last token that it signed is dead from this time on.
    NotBefore(u64),
    /// It signs now.
    Signs,
    /// There is no other.
    Only,
    /// Its name does not tell when it began to sign, and nothing else was said of it.
    Unnamed,
    /// It signs no more, and nothing tells since when.
    UnknownEnd,
}

pub(super) fn run(
    args: &KeyRetire,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let name = format!("{SIGNING_KEY_PREFIX}{}", args.name);
    let keys = known(&project, host)?;
    if !keys.iter().any(|key| key.name == name) {
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        bail!("there is no key {name} in {} (there is: {names})", project.target);
    }

    let wait = longest_token(&project)?.seconds().saturating_add(SKEW);
    let signs_now = match &args.kid {
        Some(kid) if !args.force => Some(is_first(&project, kid)?),
        _ => None,
    };
    let verdict = judge(&keys, &name, signs_now, host.now, wait);
    let alive_until = if let Verdict::NotBefore(time) = verdict { Some(time) } else { None };
    if let Some(why) = why_not(&verdict, &name, &project, host.now) {
        if !args.force {
            bail!("{why}; --force does it all the same");
        }
        output.say(format_args!("warning: {why}"));
    }

    let what = match &project.target {
        Target::Local(state) => format!("take its line out of {}", state.join("keys.env").display()),
        Target::Deployed(environment) => format!("run `wrangler secret delete {name} --env {environment}`"),
    };
    if args.dry_run {
        output.say(format_args!("It would {what}. Nothing was done."));
    } else {
        let question = format!("Retire the key {name} of {}? It cannot be brought back.", project.target);
        confirm(args.yes, &question, "nothing was done", host, output)?;
        match &project.target {
            Target::Local(state) => LocalKeys::read(state)?.remove(&name, host)?,
            Target::Deployed(environment) => Wrangler::find(&project, host)?
                .delete_secret(environment, &name)
                .with_context(|| format!("the key is still there, or not surely gone: `edgemint key list --env {environment}` shows whether {name} is there"))?,
        }
        output.say(format_args!(
            "Retired the key {name} of {}. Those who verify tokens may keep it for up to {DOCUMENT_MAX_AGE}; then no \
             token that it signed is accepted.",
            project.target
        ));
    }
    if output.is_json() {
        output.result_json(&json!({
            "dry_run": args.dry_run, "name": name, "retired": !args.dry_run, "tokens_alive_until": alive_until,
        }))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The keys that are there. Of a deployed one, the name alone can tell when it begins to sign.
fn known(project: &Project, host: &Host) -> Result<Vec<Known>> {
    Ok(match &project.target {
        Target::Local(state) => {
            let keys = LocalKeys::read(state)?.keys()?.into_iter();
            keys.map(|key| Known { name: key.name().to_owned(), begins: Some(key.nbf()) }).collect()
        }
        Target::Deployed(environment) => {
            let names = Wrangler::find(project, host)?
                .secret_names(environment)
                .context("the keys that are there could not be listed, and nothing was done")?;
            let names = names.into_iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX));
            names.map(|name| Known { begins: begins(&name), name }).collect()
        }
    })
}

/// Whether the key `kid` is the one that signs: the issuer publishes that one first.
fn is_first(project: &Project, kid: &str) -> Result<bool> {
    let issuer =
        project.issuer().context("wrangler.toml sets no ISSUER, so that --kid cannot be looked up")?;
    let published =
        published(issuer).context("what the issuer publishes could not be seen, and nothing was done")?;
    match published.iter().position(|key| key.kid == kid) {
        Some(place) => Ok(place == 0),
        None => bail!("{issuer} publishes no key {kid}: `edgemint key list` shows those that it does"),
    }
}

/// `signs_now`: what the issuer says of the key, if it was asked. `wait`: for how long the last token of a key
/// lives on, in seconds.
fn judge(keys: &[Known], name: &str, signs_now: Option<bool>, now: u64, wait: u64) -> Verdict {
    let others = || keys.iter().filter(|key| key.name != name);
    if others().next().is_none() {
        return Verdict::Only;
    }
    if signs_now == Some(true) {
        return Verdict::Signs;
    }
    let begun =
        || others().filter_map(|key| Some((key.begins?, key.name.as_str()))).filter(|(at, _)| *at <= now);
    let own = keys.iter().find(|key| key.name == name).and_then(|key| key.begins);
    let ended = match (own, signs_now) {
        (Some(own), _) if own > now => return Verdict::MayGo,
        // The first that took over from it; of two with the same time the last name signs.
        (Some(own), _) => match begun().filter(|other| *other > (own, name)).min() {
            Some((at, _)) => at,
            None if signs_now == Some(false) => return Verdict::UnknownEnd,
            None => return Verdict::Signs,
        },
        // Another key signs: the latest that has begun, if all have told. It has done so no longer than this key has not.
        (None, Some(false)) => match begun().max() {
            Some((at, _)) => at,
            None => return Verdict::UnknownEnd,
        },
        (None, _) => return Verdict::Unnamed,
    };
    let dead = ended.saturating_add(wait);
    if dead <= now { Verdict::MayGo } else { Verdict::NotBefore(dead) }
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
        Verdict::Only => format!("{name} is the only key of {}: {rotate}", project.target),
        Verdict::Unnamed => format!(
            "the name {name} does not tell from when on it signs, and a secret cannot be read back: say which of the \
             published keys it is with --kid (`edgemint key list` shows them)"
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
        let keys: Vec<Known> =
            keys.iter().map(|(name, begins)| Known { name: (*name).to_owned(), begins: *begins }).collect();
        judge(&keys, name, signs_now, now, WAIT)
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
}
