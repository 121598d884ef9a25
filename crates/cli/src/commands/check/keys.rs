//! What `edgemint check` finds in the signing keys: all that can be known of secrets is their names.

use std::collections::BTreeSet;

use anyhow::Result;
use edgemint_issuer::{Algorithm, ApiRecord, SIGNING_KEY_PREFIX, SigningKey, VARIABLES};
use edgemint_printable::shell;

use crate::commands::check::findings::{Level, Scope};
use crate::commands::check::seen::{Demanded, Seen};
use crate::deployment::key_names;
use crate::records::kv::ById;
use crate::terminal::words::some_of;

/// What findings about all keys are named.
pub(crate) const ALL_KEYS: &str = "SIGNING_KEY_<NAME>";

/// The secrets of a deployed environment, by name. Gives the number of keys.
pub(crate) fn deployed(environment: &str, secrets: &[String], findings: &mut Scope<'_>) -> usize {
    let count = secrets.iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX)).count();
    match count {
        0 => findings.add(
            Level::Error,
            ALL_KEYS,
            format!(
                "is missing: `edgemint key generate | npx wrangler secret put SIGNING_KEY_FIRST {}`",
                shell::option("--env", environment)
            ),
        ),
        1 => findings.add(
            Level::Warning,
            ALL_KEYS,
            "is there once: should it have to go, there is no other to sign with",
        ),
        _ => {}
    }
    for name in secrets.iter().filter(|name| VARIABLES.contains(&name.as_str())) {
        findings.add(
            Level::Unchecked,
            name,
            "is set as a secret, which cannot be read back: in [vars] it could be checked",
        );
    }
    count
}

/// The keys of the local state, which can be read; when there are none yet, `cargo xtask dev` makes one.
///
/// Gives their algorithms, if they can be read.
pub(crate) fn local(
    keys: &Result<Vec<SigningKey>>,
    signing_alg: Option<Algorithm>,
    now: u64,
    findings: &mut Scope<'_>,
) -> Option<BTreeSet<Algorithm>> {
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => {
            findings.add(Level::Error, ALL_KEYS, format!("cannot be used: {error:#}"));
            return None;
        }
    };
    let mut sign = keys.iter().filter(|key| signing_alg.is_none_or(|alg| key.alg() == alg)).peekable();
    if sign.peek().is_some() && sign.all(|key| key.nbf() > now) {
        findings.add(
            Level::Error,
            ALL_KEYS,
            "is there, and none may sign yet: every request for a token is answered 503",
        );
    }
    (!keys.is_empty()).then(|| keys.iter().map(SigningKey::alg).collect())
}

/// The algorithms of deployed keys, if the names of all tell.
pub(crate) fn told(secrets: &[String]) -> Option<BTreeSet<Algorithm>> {
    let keys = secrets.iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX));
    let told: Option<BTreeSet<Algorithm>> = keys.map(|name| key_names::alg(name)).collect();
    told.filter(|told| !told.is_empty())
}

/// What the records of APIs demand.
pub(crate) fn demanded(apis: &ById<ApiRecord>) -> Demanded {
    let mut demanded = Demanded::new();
    for api in apis.values().flatten() {
        if let Some(alg) = api.alg {
            demanded.entry(alg).or_default().push(api.id.to_string());
        }
    }
    demanded
}

/// Whether there is a key of each algorithm that is needed; `there`: those that there are, if that is known.
pub(crate) fn algorithms(there: Option<BTreeSet<Algorithm>>, seen: &mut Seen, findings: &mut Scope<'_>) {
    let Some(there) = there else { return };
    if let Some(alg) = seen.signing_alg.filter(|alg| !there.contains(alg)) {
        let name = alg.name();
        findings.add(
            Level::Error,
            "SIGNING_ALG",
            format!("is {name}, and there is no key for it: `edgemint key rotate --alg {name}` adds one"),
        );
    }
    for (alg, apis) in std::mem::take(&mut seen.demanded) {
        if !there.contains(&alg) {
            let (name, apis) = (alg.name(), some_of(&apis));
            findings.add(
                Level::Error,
                ALL_KEYS,
                format!(
                    "is missing for {name}, which APIs demand, so that nobody gets a token for them: `edgemint key rotate \
                     --alg {name}` adds one ({apis})"
                ),
            );
        }
    }
}
