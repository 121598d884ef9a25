//! A client record as people and scripts may see it: all of it but the hashes.

use edgemint_issuer::{ClientId, ClientRecord, SecretHash, StoredSecret};
use serde::Serialize;

/// What a client is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Active,
    Disabled,
    Public,
    /// Its record cannot be used.
    Unreadable,
}

impl State {
    pub(crate) fn of(record: &ClientRecord) -> Self {
        match (record.disabled, record.public) {
            (true, _) => Self::Disabled,
            (false, true) => Self::Public,
            (false, false) => Self::Active,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Public => "public",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A record without its hashes, its fields named as they are stored.
#[derive(Debug, Serialize)]
pub(crate) struct RecordView<'a> {
    pub(crate) id: &'a ClientId,
    pub(crate) name: &'a str,
    pub(crate) public: bool,
    pub(crate) disabled: bool,
    pub(crate) secrets: Vec<SecretView<'a>>,
    pub(crate) groups: &'a [String],
    pub(crate) trusted_peers: &'a [ClientId],
    pub(crate) token_lifetime: Option<u64>,
    pub(crate) revision: u64,
}

/// A secret without its hash.
#[derive(Debug, Serialize)]
pub(crate) struct SecretView<'a> {
    pub(crate) id: &'a str,
    pub(crate) created: u64,
    pub(crate) expires: Option<u64>,
    /// Whether it works now.
    pub(crate) live: bool,
    /// The kind of the hash.
    pub(crate) kind: &'static str,
}

impl<'a> RecordView<'a> {
    pub(crate) fn of(record: &'a ClientRecord, now: u64) -> Self {
        let secret = |secret: &'a StoredSecret| SecretView {
            id: &secret.id,
            created: secret.created,
            expires: secret.expires,
            live: secret.is_live(now),
            kind: match secret.hash {
                SecretHash::Sha256(_) => "sha256",
                SecretHash::Pbkdf2 { .. } => "pbkdf2-sha256",
            },
        };
        Self {
            id: &record.id,
            name: &record.name,
            public: record.public,
            disabled: record.disabled,
            secrets: record.secrets.iter().map(secret).collect(),
            groups: &record.groups,
            trusted_peers: &record.trusted_peers,
            token_lifetime: record.token_lifetime,
            revision: record.revision,
        }
    }
}

/// The text without what would move a terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Rows with their columns under one another; the first row is the heading.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        assert_eq!(
            table(&[row(["ID", "NAME", "STATE"]), row(["a", "Ärger", "x"]), row(["billing", "B", ""])]),
            ["ID       NAME   STATE", "a        Ärger  x", "billing  B"]
        );
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }

    #[test]
    fn a_view_shows_no_hash() {
        let id = ClientId::parse("a").expect("an ID");
        let mut record = ClientRecord::new(id, "A");
        let hash = SecretHash::parse(&format!("$sha256${}", "A".repeat(43))).expect("a hash");
        record.secrets.push(StoredSecret { id: "s1".to_owned(), created: 1, expires: Some(5), hash });
        for (now, live) in [(4, true), (5, false)] {
            let view = RecordView::of(&record, now);
            let shown = format!("{view:?} {}", serde_json::to_string(&view).unwrap_or_default());
            assert!(!shown.contains("AAAA"), "{shown}");
            assert_eq!(view.secrets[0].live, live);
        }
    }
}
