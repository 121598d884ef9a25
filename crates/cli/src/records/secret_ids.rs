//! The IDs of secrets in a record.

use edgemint_issuer::{ClientRecord, StoredSecret};

/// The ID of the first imported secret. The IDs of further ones add a number. Generated secrets have other IDs.
const IMPORTED: &str = "dex";

/// Whether the secret was imported from dex, by its ID.
pub(crate) fn is_imported(secret: &StoredSecret) -> bool {
    number(secret).is_some()
}

fn number(secret: &StoredSecret) -> Option<u32> {
    match secret.id.strip_prefix(IMPORTED)? {
        "" => Some(1),
        number => number.parse().ok(),
    }
}

/// An ID that no secret of this client has had, so that logs never confuse two secrets. This includes forgotten ones:
/// each secret is added with a new revision, and its number is at most that revision.
pub(crate) fn next_id(secrets: &[StoredSecret], stored: Option<&ClientRecord>) -> String {
    let Some(stored) = stored else { return IMPORTED.to_owned() };
    let last = secrets.iter().filter_map(number).max().unwrap_or_default();
    format!("{IMPORTED}{}", u64::from(last).max(stored.revision).saturating_add(1))
}
