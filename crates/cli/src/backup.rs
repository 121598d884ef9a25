//! A backup of client records: written and read, so that a restored client works with the secrets it had.
//!
//! `{"edgemint": {"backup": 1}, "clients": [record, …]}`, each record as it is stored.

use edgemint_issuer::{ClientId, ClientRecord};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dex::{FileError, Refused, refuse_repeated};

/// The version that is written and read.
const VERSION: u32 = 1;

/// The records of a backup, in order.
pub(crate) type Entries = Vec<Result<ClientRecord, Refused>>;

/// The backup of these records: one a line, so that two backups can be compared.
pub(crate) fn write(records: &[&ClientRecord]) -> String {
    let lines: Vec<String> = records.iter().map(|record| record.to_json()).collect();
    format!("{{\"edgemint\":{{\"backup\":{VERSION}}},\"clients\":[\n{}\n]}}", lines.join(",\n"))
}

/// Reads a backup; `None` when `text` is another kind of file.
pub(crate) fn read(text: &str) -> Option<Result<Entries, FileError>> {
    #[derive(Deserialize)]
    struct Marked {
        edgemint: serde_json::Value,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Backup<'a> {
        #[expect(dead_code, reason = "its version has been looked at")]
        edgemint: Mark,
        #[serde(borrow)]
        clients: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Mark {
        backup: u32,
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Marked { edgemint } = serde_json::from_str(text).ok()?;
    let error = |line, what: &str| FileError { line, what: what.to_owned() };
    Some(match serde_json::from_value(edgemint) {
        Ok(Mark { backup: VERSION }) => match serde_json::from_str::<Backup<'_>>(text) {
            Ok(Backup { clients, .. }) => {
                let mut entries: Entries =
                    clients.iter().enumerate().map(|(i, raw)| record(i + 1, raw)).collect();
                refuse_repeated(&mut entries, |record| &record.id);
                Ok(entries)
            }
            Err(why) => Err(error(why.line(), "this is not a whole backup of client records")),
        },
        Ok(Mark { .. }) => Err(error(0, "this backup was written by another version of edgemint")),
        Err(_) => Err(error(0, "its `edgemint` does not say that it is a backup")),
    })
}

fn record(entry: usize, raw: &RawValue) -> Result<ClientRecord, Refused> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let id = serde_json::from_str(raw.get()).ok().map(|Named { id }| id);
    let record = match id.as_deref().map(ClientId::parse) {
        Some(Ok(id)) => ClientRecord::parse(&id, raw.get()).map_err(|error| error.to_string()),
        Some(Err(error)) => Err(format!("its `id` cannot be used: {error}")),
        None => Err("it is not a client record: it has no `id`".to_owned()),
    };
    record.map_err(|reason| Refused { entry, id, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"v":1,"id":"a","name":"A","public":true,"disabled":false,"secrets":[],"groups":[],"trusted_peers":[],"token_lifetime":null,"revision":3}"#;

    fn backup(clients: &str) -> String {
        format!(r#"{{"edgemint":{{"backup":1}},"clients":[{clients}]}}"#)
    }

    fn error(text: &str) -> String {
        read(text).and_then(Result::err).map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn records_come_back_as_they_were() {
        let entries = read(&backup(RECORD)).expect("it is a backup").expect("it is whole");
        assert_eq!(entries[0].as_ref().map(ClientRecord::to_json), Ok(RECORD.to_owned()));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let ids = ["a", "b:\"", "c"].map(|id| ClientId::parse(id).expect("an ID"));
        let records = ids.map(|id| ClientRecord::new(id, "N\u{e4}me\n"));
        for records in [&records[..], &[]] {
            let text = write(&records.iter().collect::<Vec<_>>());
            let entries = read(&text).expect("it is a backup").expect("it is whole");
            let json = |record: &ClientRecord| record.to_json();
            assert_eq!(
                entries.iter().flatten().map(json).collect::<Vec<_>>(),
                records.iter().map(json).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_record_that_is_none_is_named_and_the_others_are_read() {
        let twice = RECORD.replace("\"name\"", "\"name\":\"B\",\"name\"");
        let later = RECORD.replace("\"v\":1", "\"v\":3");
        let other = RECORD.replace("\"a\"", "\"b\"");
        let text = backup(&format!("{twice},{other},{later},{{}},{{\"id\":\"é\"}}"));
        let entries = read(&text).expect("it is a backup").expect("it is whole");
        let refused: Vec<_> = entries.iter().filter_map(|entry| entry.as_ref().err()).collect();
        assert_eq!(entries.iter().flatten().count(), 1);
        assert_eq!(refused.iter().map(|refused| refused.entry).collect::<Vec<_>>(), [1, 3, 4, 5]);
        assert_eq!(refused[0].id.as_deref(), Some("a"));
        assert!(refused[1].reason.contains("version 3"), "{}", refused[1].reason);
    }

    #[test]
    fn other_files_are_no_backups_and_other_versions_are_refused() {
        assert!(read("staticClients: []").is_none());
        assert!(read(r#"{"staticClients": []}"#).is_none());
        assert_eq!(
            error(r#"{"edgemint":{"backup":2},"clients":[]}"#),
            "this backup was written by another version of edgemint"
        );
        assert_eq!(
            error(r#"{"edgemint":{},"clients":[]}"#),
            "its `edgemint` does not say that it is a backup"
        );
        assert_eq!(
            error(r#"{"edgemint":{"backup":1}}"#),
            "line 1: this is not a whole backup of client records"
        );
    }
}
