//! The format of backups. A restored client works with the secrets that it had.
//!
//! `{"edgemint": {"backup": 3}, "issuers": [record, …], "apis": [record, …], "clients": [record, …]}` contains each
//! record as it is stored. Without trusted issuers, the version is 2 and `issuers` is absent. Without APIs, too, the
//! version is 1 and `apis` is absent. So versions of edgemint without these kinds of records can read it.

use edgemint_dex_import::{FileError, Refused, refuse_repeated};
use edgemint_issuer::{ApiRecord, ClientRecord, Object, TrustedIssuer};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::records::kind::Kind;

/// The version of a backup without APIs.
const VERSION: u32 = 1;

/// The version of a backup with APIs.
const VERSION_2: u32 = 2;

/// The version of a backup with trusted issuers.
const VERSION_3: u32 = 3;

/// Records of one kind, in order.
pub(crate) type Entries<R> = Vec<Result<R, Refused>>;

/// The contents of a backup.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) issuers: Entries<TrustedIssuer>,
    pub(crate) apis: Entries<ApiRecord>,
    pub(crate) clients: Entries<ClientRecord>,
}

/// The backup of these records. Each record is on one line, so that a diff of two backups is readable.
pub(crate) fn write(issuers: &[&TrustedIssuer], apis: &[&ApiRecord], clients: &[&ClientRecord]) -> String {
    fn list<R: Kind>(records: &[&R]) -> String {
        let lines: Vec<String> = records.iter().map(|record| record.to_json()).collect();
        format!("[\n{}\n]", lines.join(",\n"))
    }
    fn member<R: Kind>(name: &str, records: &[&R]) -> String {
        if records.is_empty() { String::new() } else { format!("\"{name}\":{},", list(records)) }
    }
    let version = match (issuers, apis) {
        ([], []) => VERSION,
        ([], _) => VERSION_2,
        _ => VERSION_3,
    };
    let (issuers, apis) = (member("issuers", issuers), member("apis", apis));
    format!("{{\"edgemint\":{{\"backup\":{version}}},{issuers}{apis}\"clients\":{}}}", list(clients))
}

/// Reads a backup. `None` if `text` is another kind of file.
pub(crate) fn read(text: &str) -> Option<Result<Backup, FileError>> {
    #[derive(Deserialize)]
    struct Marked {
        edgemint: serde_json::Value,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole<'a> {
        #[serde(rename = "edgemint")]
        _mark: IgnoredAny,
        #[serde(borrow)]
        issuers: Option<Vec<&'a RawValue>>,
        #[serde(borrow)]
        apis: Option<Vec<&'a RawValue>>,
        #[serde(borrow)]
        clients: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Mark {
        backup: u32,
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Object(Marked { edgemint }) = serde_json::from_str(text).ok()?;
    let error = |line, what: &str| FileError { line, what: what.to_owned() };
    Some(match serde_json::from_value(edgemint) {
        Ok(Object(Mark { backup: version @ VERSION..=VERSION_3 })) => match serde_json::from_str(text) {
            Ok(Object(Whole { apis: Some(_), .. })) if version == VERSION => {
                Err(error(0, "this backup has APIs, but version 1 of the format does not allow them"))
            }
            Ok(Object(Whole { issuers: Some(_), .. })) if version < VERSION_3 => {
                Err(error(0, "this backup has issuers, but its version of the format does not allow them"))
            }
            Ok(Object(Whole { issuers, apis, clients, .. })) => Ok(Backup {
                issuers: entries(&issuers.unwrap_or_default()),
                apis: entries(&apis.unwrap_or_default()),
                clients: entries(&clients),
            }),
            Err(why) => Err(error(why.line(), "this backup of client records is incomplete or invalid")),
        },
        Ok(Object(Mark { .. })) => Err(error(0, "this backup was written by another version of edgemint")),
        Err(_) => Err(error(0, "the member `edgemint` does not mark this file as a backup")),
    })
}

fn entries<R: Kind>(list: &[&RawValue]) -> Entries<R> {
    let mut entries: Entries<R> = list.iter().enumerate().map(|(i, raw)| record(i + 1, raw)).collect();
    refuse_repeated(&mut entries, R::id, |_| None);
    entries
}

fn record<R: Kind>(entry: usize, raw: &RawValue) -> Result<R, Refused> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let id = serde_json::from_str(raw.get()).ok().map(|Object(Named { id })| id);
    let record = match id.as_deref().map(R::parse_id) {
        Some(Ok(id)) => R::parse(&id, raw.get()).map_err(|error| error.to_string()),
        Some(Err(error)) => Err(format!("the member `id` is invalid: {error}")),
        None => Err(format!("not a valid {} record: the member `id` is missing", R::NAME)),
    };
    record.map_err(|reason| Refused { entry, id, id_env: None, reason })
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::ClientId;

    use super::*;

    const RECORD: &str = r#"{"v":1,"id":"a","name":"A","public":true,"disabled":false,"secrets":[],"groups":[],"trusted_peers":[],"token_lifetime":null,"revision":3}"#;

    fn backup(clients: &str) -> String {
        format!(r#"{{"edgemint":{{"backup":1}},"clients":[{clients}]}}"#)
    }

    fn clients(text: &str) -> Entries<ClientRecord> {
        read(text).expect("it is a backup").expect("it is whole").clients
    }

    fn error(text: &str) -> String {
        read(text).and_then(Result::err).map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn records_come_back_as_they_were() {
        let entries = clients(&backup(RECORD));
        assert_eq!(entries[0].as_ref().map(ClientRecord::to_json), Ok(RECORD.to_owned()));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let ids = ["a", "b:\"", "c"].map(|id| ClientId::parse(id).expect("an ID"));
        let records = ids.map(|id| ClientRecord::new(id, "N\u{e4}me\n"));
        for records in [&records[..], &[]] {
            let text = write(&[], &[], &records.iter().collect::<Vec<_>>());
            assert!(text.starts_with(r#"{"edgemint":{"backup":1},"clients":["#), "{text}");
            let entries = clients(&text);
            let json = |record: &ClientRecord| record.to_json();
            assert_eq!(
                entries.iter().flatten().map(json).collect::<Vec<_>>(),
                records.iter().map(json).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn apis_make_it_version_2_and_come_back_before_the_clients() {
        let id = edgemint_issuer::ApiId::parse("https://a/").expect("an ID");
        let api = ApiRecord::new(id, "A");
        let client = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        let text = write(&[], &[&api, &api], &[&client]);
        assert!(text.starts_with(r#"{"edgemint":{"backup":2},"apis":["#), "{text}");
        let both = read(&text).expect("it is a backup").expect("it is whole");
        assert!(both.apis.iter().all(|api| api.as_ref().is_err_and(|r| r.reason.contains("keep one"))));
        let both = read(&write(&[], &[&api], &[&client])).expect("it is a backup").expect("it is whole");
        assert_eq!(both.apis[0].as_ref().map(ApiRecord::to_json), Ok(api.to_json()));
        assert_eq!(both.clients[0].as_ref().map(ClientRecord::to_json), Ok(client.to_json()));
        assert_eq!(
            error(&text.replace("\"backup\":2", "\"backup\":1")),
            "this backup has APIs, but version 1 of the format does not allow them"
        );
    }

    #[test]
    fn issuers_make_it_version_3_and_come_back_first() {
        let keys = r#"{"jwks_uri":"https://a.example/keys"}"#;
        let issuer = format!(
            r#"{{"v":1,"id":"https://a.example","name":"A","platform":"custom","keys":{keys},"algs":["ES256"],"max_age":60,"single_use":true,"disabled":false,"revision":1}}"#
        );
        let id = edgemint_issuer::TrustedIssuerId::parse("https://a.example").expect("an ID");
        let record = TrustedIssuer::parse(&id, &issuer).expect("a record");
        let client = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        let text = write(&[&record], &[], &[&client]);
        assert!(text.starts_with(r#"{"edgemint":{"backup":3},"issuers":["#), "{text}");
        let all = read(&text).expect("it is a backup").expect("it is whole");
        assert_eq!(all.issuers[0].as_ref().map(TrustedIssuer::to_json), Ok(issuer));
        assert_eq!((all.apis.len(), all.clients.len()), (0, 1));
        for older in [1, 2] {
            let text = text.replace("\"backup\":3", &format!("\"backup\":{older}"));
            assert!(error(&text).contains("does not allow them"), "{older}");
        }
    }

    #[test]
    fn a_record_that_is_none_is_named_and_the_others_are_read() {
        let twice = RECORD.replace("\"name\"", "\"name\":\"B\",\"name\"");
        let later = RECORD.replace("\"v\":1", "\"v\":99");
        let other = RECORD.replace("\"a\"", "\"b\"");
        let text = backup(&format!("{twice},{other},{later},{{}},{{\"id\":\"é\"}}"));
        let entries = clients(&text);
        let refused: Vec<_> = entries.iter().filter_map(|entry| entry.as_ref().err()).collect();
        assert_eq!(entries.iter().flatten().count(), 1);
        assert_eq!(refused.iter().map(|refused| refused.entry).collect::<Vec<_>>(), [1, 3, 4, 5]);
        assert_eq!(refused[0].id.as_deref(), Some("a"));
        assert!(refused[1].reason.contains("version 99"), "{}", refused[1].reason);
    }

    /// serde reads a list as a struct if the list has as many items as the struct has fields.
    #[test]
    fn a_json_list_is_never_a_backup_nor_a_part_of_one() {
        let client = r#"{"id":"a1","name":"A","secret":"abcdefghijkl"}"#;
        for list in
            [format!("[{client}]"), format!("[{client},{client}]"), "[null]".to_owned(), "[]".to_owned()]
        {
            assert!(read(&list).is_none(), "{list}");
        }
        assert!(read(r#"[{"backup":1},null,[]]"#).is_none());
        assert_eq!(
            error(r#"{"edgemint":[1],"clients":[]}"#),
            "the member `edgemint` does not mark this file as a backup"
        );
        let entries = clients(&backup(r#"["a"]"#));
        assert!(
            entries[0]
                .as_ref()
                .is_err_and(|refused| refused.id.is_none() && refused.reason.contains("`id` is missing"))
        );
    }

    #[test]
    fn other_files_are_no_backups_and_other_versions_are_refused() {
        assert!(read("staticClients: []").is_none());
        assert!(read(r#"{"staticClients": []}"#).is_none());
        assert_eq!(
            error(r#"{"edgemint":{"backup":4},"clients":[]}"#),
            "this backup was written by another version of edgemint"
        );
        assert_eq!(
            error(r#"{"edgemint":{},"clients":[]}"#),
            "the member `edgemint` does not mark this file as a backup"
        );
        assert_eq!(
            error(r#"{"edgemint":{"backup":1}}"#),
            "line 1: this backup of client records is incomplete or invalid"
        );
    }
}
