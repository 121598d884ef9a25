//! Checks of the signing keys. In a deployed environment, only the names of the secrets are known.

use std::collections::BTreeSet;

use anyhow::Result;
use edgemint_issuer::{Algorithm, ApiRecord, SIGNING_KEY_PREFIX, SigningKey, VARIABLES};
use edgemint_printable::shell;

use crate::commands::check::findings::{Level, Scope};
use crate::commands::check::seen::{Demanded, Seen};
use crate::deployment::key_names;
use crate::records::kv::ById;
use crate::terminal::words::some_of;

/// The name in findings about all keys.
pub(crate) const ALL_KEYS: &str = "SIGNING_KEY_<NAME>";

/// Judges the secrets of a deployed environment by their names. Returns the number of keys.
pub(crate) fn deployed(environment: &str, secrets: &[String], findings: &mut Scope<'_>) -> usize {
    let count = secrets.iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX)).count();
    match count {
        0 => findings.add(
            Level::Error,
            ALL_KEYS,
            format!(
                "is missing. Run `edgemint key generate | npx wrangler secret put SIGNING_KEY_FIRST {}`",
                shell::option("--env", environment)
            ),
        ),
        1 => findings.add(
            Level::Warning,
            ALL_KEYS,
            "exists only once. If you have to remove this key, no other can sign. Add one with `edgemint key rotate`",
        ),
        _ => {}
    }
    for name in secrets.iter().filter(|name| VARIABLES.contains(&name.as_str())) {
        findings.add(
            Level::Skipped,
            name,
            "is a secret, which cannot be read back. To have it checked, set it in [vars]",
        );
    }
    count
}

/// Judges the keys of the local state, which can be read. If there is no key, `cargo xtask dev` creates one.
///
/// Returns their algorithms, if they can be read.
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
            "exists, but no key may sign yet, so every token request fails with 503",
        );
    }
    (!keys.is_empty()).then(|| keys.iter().map(SigningKey::alg).collect())
}

/// The algorithms of deployed keys, if the names of all keys contain them.
pub(crate) fn told(secrets: &[String]) -> Option<BTreeSet<Algorithm>> {
    let keys = secrets.iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX));
    let told: Option<BTreeSet<Algorithm>> = keys.map(|name| key_names::alg(name)).collect();
    told.filter(|told| !told.is_empty())
}

/// The algorithms that API records require.
pub(crate) fn demanded(apis: &ById<ApiRecord>) -> Demanded {
    let mut demanded = Demanded::new();
    for api in apis.values().flatten() {
        if let Some(alg) = api.alg {
            demanded.entry(alg).or_default().push(api.id.to_string());
        }
    }
    demanded
}

/// Reports algorithms that are required and have no key. `there`: the algorithms of the keys, if they are known.
pub(crate) fn algorithms(there: Option<BTreeSet<Algorithm>>, seen: &mut Seen, findings: &mut Scope<'_>) {
    let Some(there) = there else { return };
    if let Some(alg) = seen.signing_alg.filter(|alg| !there.contains(alg)) {
        let name = alg.name();
        findings.add(
            Level::Error,
            "SIGNING_ALG",
            format!(
                "is {name}, but there is no key for it. Run `edgemint key rotate --alg {name}` to add one"
            ),
        );
    }
    for (alg, apis) in std::mem::take(&mut seen.demanded) {
        if !there.contains(&alg) {
            let (name, apis) = (alg.name(), some_of(&apis));
            findings.add(
                Level::Error,
                ALL_KEYS,
                format!(
                    "is missing for {name}, which APIs require, so no client gets a token for them. Run `edgemint key \
                     rotate --alg {name}` to add one ({apis})"
                ),
            );
        }
    }
}
