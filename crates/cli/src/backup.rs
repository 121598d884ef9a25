//! A backup of client records: read here, so that a restored client works with the secrets it had.
//!
//! `{"edgemint": {"backup": 1}, "clients": [record, …]}`, each record as it is stored.

use edgemint_issuer::{ClientId, ClientRecord};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dex::{FileError, Refused};

/// The version that is read.
const VERSION: u32 = 1;

/// The records of a backup, in order.
pub(crate) type Entries = Vec<Result<ClientRecord, Refused>>;

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
                Ok(clients.iter().enumerate().map(|(i, raw)| record(i + 1, raw)).collect())
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
