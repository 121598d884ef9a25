//! Whether a signing key can be retired, judged by what is known about the other keys.

use std::collections::BTreeSet;

use edgemint_issuer::Algorithm;

use crate::deployment::project::Target;
use crate::terminal::when;
use crate::terminal::when::from_now;

/// An existing key, with its activation time and its algorithm if they are known.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) begins: Option<u64>,
    pub(crate) alg: Option<Algorithm>,
}

/// The algorithms that are in use.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// The deployment's `SIGNING_ALG`, which signs tokens for APIs without a required algorithm.
    pub(crate) signing_alg: Option<Algorithm>,
    /// The algorithms that APIs require.
    pub(crate) demanded: BTreeSet<Algorithm>,
}

/// Whether a key can be deleted. If two verdicts apply, the one that is later in this list wins.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// No token that it signed is valid.
    MayGo,
    /// The last token that it signed expires at this time.
    NotBefore(u64),
    /// It no longer signs, but the time when it stopped is unknown.
    UnknownEnd,
    /// Its name lacks the activation time or the algorithm, and no `--kid` was passed.
    Unnamed,
    /// It signs tokens for APIs that require this algorithm.
    SignsFor(Algorithm),
    /// It signs now.
    Signs,
    /// It is the only key.
    Only,
}

/// Judges one key. `signs_now`: whether the issuer publishes it first, if the issuer was queried. `wait`: the maximum
/// time for which a key's last token is valid after the key stopped signing, in seconds.
pub(crate) fn judge(
    keys: &[Known],
    name: &str,
    uses: &Uses,
    signs_now: Option<bool>,
    now: u64,
    wait: u64,
) -> Verdict {
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
    // A key can sign by default and for APIs that require its algorithm. Each role ends at its own time.
    let by_default = uses.signing_alg.is_none_or(|alg| key.alg == Some(alg));
    let by_default = by_default.then(|| in_line(key, of(uses.signing_alg), signs_now, now));
    let demanded = key.alg.filter(|alg| uses.demanded.contains(alg));
    let demanded = demanded.map(|alg| {
        let verdict = in_line(key, of(Some(alg)), None, now);
        if verdict == Verdict::Unnamed && of(Some(alg)).any(|other| other.begins.is_some_and(|at| at <= now))
        {
            // The published keys do not help: only the key that signs by default has a known position, the first.
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

/// Judges `key` among keys of which one signs at a time. [`Verdict::NotBefore`] contains the time when it stopped.
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
        // The first key that took over from it. With equal times, the last name signs.
        (Some(own), _) => begun.filter(|other| *other > (own, key.name.as_str())).min(),
        // Another key signs: the one with the latest past activation time, if all times are known. This key stopped at
        // that time or before.
        (None, Some(false)) => begun.max(),
        (None, _) => return Verdict::Unnamed,
    };
    match ended {
        Some((at, _)) => Verdict::NotBefore(at),
        None if signs_now == Some(false) => Verdict::UnknownEnd,
        None => Verdict::Signs,
    }
}

/// Why the key must stay, and what to do.
pub(crate) fn why_not(verdict: &Verdict, name: &str, target: &Target, now: u64) -> Option<String> {
    let rotate = "Add a key with `edgemint key rotate`, and wait until it has taken over.";
    Some(match verdict {
        Verdict::MayGo => return None,
        Verdict::NotBefore(time) => format!(
            "tokens that {name} signed may be valid until {} ({}). Retire the key then.",
            when::utc(*time),
            from_now(*time, now)
        ),
        Verdict::Signs => format!("{name} signs now, as far as edgemint can determine. {rotate}"),
        Verdict::SignsFor(alg) => format!(
            "{name} signs tokens for APIs that require {alg}, as far as edgemint can determine. Add a key with \
             `edgemint key rotate --alg {alg}`, and wait until it has taken over.",
            alg = alg.name()
        ),
        Verdict::Only => format!("{name} is the only key of {target}. {rotate}"),
        Verdict::Unnamed => format!(
            "the name {name} lacks the activation time or the algorithm, and a secret cannot be read back. Pass --kid \
             to identify the published key (`edgemint key list` lists them)."
        ),
        Verdict::UnknownEnd => format!(
            "{name} no longer signs, but the names of the other keys do not show when it stopped. Make sure that it \
             stopped longer ago than MAX_TOKEN_LIFETIME."
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
        // With equal times, the last name signs.
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
        // A key without a time in its name may have taken over from one with a time. Then the time is unknown.
        assert_eq!(verdict(&[("A", Some(0)), ("RSA", None)], "A", Some(false), 1100), Verdict::UnknownEnd);
        assert_eq!(verdict(&[("A", Some(0)), ("RSA", None)], "A", None, 1100), Verdict::Signs);
    }

    const ES: Algorithm = Algorithm::Es256;

    const RS: Algorithm = Algorithm::Rs256;

    /// The verdict for keys with these algorithms, if APIs require RS256.
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
            "C does not have SIGNING_ALG"
        );
        assert_eq!(with_rs256(&keys, None, "B", None, 5000), Verdict::MayGo);
        // With these settings, the key never signed. Which settings were deployed before is unknown.
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
