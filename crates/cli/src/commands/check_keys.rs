//! What `edgemint check` finds in the signing keys: all that can be known of secrets is their names.

use std::path::Path;

use edgemint_issuer::SIGNING_KEY_PREFIX;

use super::check::{Findings, KNOWN, Level};
use crate::local_keys::LocalKeys;

/// What findings about all keys are named.
pub(super) const ALL_KEYS: &str = "SIGNING_KEY_<NAME>";

/// The secrets of a deployed environment, by name. Gives the number of keys.
pub(super) fn deployed(environment: &str, secrets: &[String], findings: &mut Findings) -> usize {
    let count = secrets.iter().filter(|name| name.starts_with(SIGNING_KEY_PREFIX)).count();
    match count {
        0 => findings.add(
            Level::Mistake,
            ALL_KEYS,
            format!(
                "is missing: `edgemint key generate | npx wrangler secret put SIGNING_KEY_FIRST --env {environment}`"
            ),
        ),
        1 => findings.add(
            Level::Warning,
            ALL_KEYS,
            "is there once: should it have to go, there is no other to sign with",
        ),
        _ => {}
    }
    for name in secrets.iter().filter(|name| KNOWN.contains(&name.as_str())) {
        findings.add(
            Level::Unchecked,
            name,
            "is set as a secret, which cannot be read back: in [vars] it could be checked",
        );
    }
    count
}

/// The keys of the local state, which can be read; when there are none yet, `cargo xtask dev` makes one.
pub(super) fn local(state: &Path, now: u64, findings: &mut Findings) {
    match LocalKeys::read(state).and_then(|keys| keys.keys()) {
        Ok(keys) if !keys.is_empty() && keys.iter().all(|key| key.nbf() > now) => findings.add(
            Level::Mistake,
            ALL_KEYS,
            "is there, and none may sign yet: every request for a token is answered 503",
        ),
        Ok(_) => {}
        Err(error) => findings.add(Level::Mistake, ALL_KEYS, format!("cannot be used: {error:#}")),
    }
}
