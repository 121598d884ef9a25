//! The IDs of secrets in a record.

use edgemint_issuer::{ClientRecord, StoredSecret};

/// What an imported secret is called: the first one `dex`, the next ones `dex` and a number. Generated ones are called
/// otherwise.
const IMPORTED: &str = "dex";

/// Whether it came from a file of dex, by its ID.
pub(crate) fn is_imported(secret: &StoredSecret) -> bool {
    number(secret).is_some()
}

fn number(secret: &StoredSecret) -> Option<u32> {
    match secret.id.strip_prefix(IMPORTED)? {
        "" => Some(1),
        number => number.parse().ok(),
    }
}

/// An ID that no secret of this client has had, so that logs do not mistake one for the other: of one that was
/// forgotten, too, since each comes with a revision of its own, and its number is no higher than that.
pub(crate) fn next_id(secrets: &[StoredSecret], stored: Option<&ClientRecord>) -> String {
    let Some(stored) = stored else { return IMPORTED.to_owned() };
    let last = secrets.iter().filter_map(number).max().unwrap_or_default();
    format!("{IMPORTED}{}", u64::from(last).max(stored.revision).saturating_add(1))
}
