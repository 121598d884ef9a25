//! Bulk reads and writes of a deployment's records, through wrangler.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow};
use edgemint_issuer::{ClientRecord, Object, RecordError};
use serde::{Deserialize, Serialize};

use crate::deployment::project::{Project, Target};
use crate::deployment::wrangler::Wrangler;
use crate::host::Host;
use crate::host::scratch::Scratch;
use crate::records::kind::Kind;

/// The maximum number of records per call of wrangler to write or delete. wrangler splits them into requests.
const WRITE: usize = 10_000;

/// The maximum number of keys that Cloudflare's API reads per request. wrangler does not split reads.
const READ_DEPLOYED: usize = 100;

/// The maximum number of keys per read of the local state. It has no limit, but this keeps wrangler's output below
/// about 100 MB.
const READ_LOCAL: usize = 10_000;

/// The number of wrangler processes that read in parallel.
const READERS: usize = 4;

/// The value stored under an ID: a record, or why the value is not a record.
pub(crate) type Stored<R = ClientRecord> = std::result::Result<R, RecordError>;

/// Records of one kind, by ID.
pub(crate) type ById<R> = BTreeMap<<R as Kind>::Id, Stored<R>>;

/// The records of the target.
pub(crate) struct Records<'a> {
    wrangler: Wrangler<'a>,
    project: &'a Project,
    host: &'a Host,
}

/// The key and the value of a record to write.
#[derive(Serialize)]
pub(crate) struct Pair {
    key: String,
    value: String,
}

impl Pair {
    pub(crate) fn of<R: Kind>(record: &R) -> Self {
        Self { key: R::kv_key(record.id()), value: record.to_json() }
    }
}

/// A value in the output of `kv bulk get`: the text or, for the local state, an object that contains it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(Option<String>),
    Wrapped(Object<Wrapped>),
}

#[derive(Deserialize)]
struct Wrapped {
    value: Option<String>,
}

impl Value {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Wrapped(Object(Wrapped { value: text })) => text,
        }
    }
}

impl<'a> Records<'a> {
    pub(crate) fn of(project: &'a Project, host: &'a Host) -> Result<Self> {
        Ok(Self { wrangler: Wrangler::find(project, host)?, project, host })
    }

    /// Reads all records of a kind.
    pub(crate) fn read_all<R: Kind>(&self) -> Result<ById<R>> {
        let keys = self.keys::<R>().with_context(|| format!("cannot list the {}s", R::NAME))?;
        self.read_keys::<R>(&keys)
    }

    /// Reads the records of `ids`. IDs without a record are left out.
    pub(crate) fn read<R: Kind>(&self, ids: &[&R::Id]) -> Result<ById<R>> {
        // Listing the keys first costs one process more, but avoids reads of the many keys that do not exist.
        let there: Vec<String>;
        let keys: Vec<String> = ids.iter().map(|id| R::kv_key(id)).collect();
        let keys = if keys.len() > READ_DEPLOYED {
            let known = self.keys::<R>()?;
            there = keys.into_iter().filter(|key| known.binary_search(key).is_ok()).collect();
            &there
        } else {
            &keys
        };
        self.read_keys::<R>(keys)
    }

    /// The IDs of all records of a kind.
    pub(crate) fn ids<R: Kind>(&self) -> Result<BTreeSet<R::Id>> {
        let keys = self.keys::<R>().with_context(|| format!("cannot list the {}s", R::NAME))?;
        Ok(keys.iter().filter_map(|key| R::parse_id(key.strip_prefix(R::PREFIX)?).ok()).collect())
    }

    /// Reads the record of one ID, and whether each of the keys `others` exists, in one call of wrangler.
    pub(crate) fn read_beside<R: Kind>(
        &self,
        id: &R::Id,
        others: &[Option<String>],
    ) -> Result<(Option<Stored<R>>, Vec<bool>)> {
        let keys: Vec<String> =
            std::iter::once(R::kv_key(id)).chain(others.iter().flatten().cloned()).collect();
        let values = self.values(&keys, R::NAME)?;
        let is_there = |other: &Option<String>| values.iter().any(|(key, _)| Some(key) == other.as_ref());
        let are_there = others.iter().map(is_there).collect();
        Ok((of_kind::<R>(values).remove(id), are_there))
    }

    fn read_keys<R: Kind>(&self, keys: &[String]) -> Result<ById<R>> {
        Ok(of_kind::<R>(self.values(keys, R::NAME)?))
    }

    /// Whether the target is a local state in which wrangler has stored nothing yet. Each call of wrangler takes more than
    /// a second.
    fn is_new(&self) -> bool {
        let Target::Local(state) = &self.project.target else { return false };
        state.is_dir() && !state.join("v3").exists()
    }

    /// Reads the values of the keys that exist.
    fn values(&self, keys: &[String], what: &str) -> Result<Vec<(String, String)>> {
        if self.is_new() {
            return Ok(Vec::new());
        }
        let at_once = match self.project.target {
            Target::Local(_) => READ_LOCAL,
            Target::Deployed(_) => READ_DEPLOYED,
        };
        let chunks: Vec<&[String]> = keys.chunks(at_once).collect();
        let read = in_parallel(&chunks, READERS, |chunk| self.read_chunk(chunk));
        let mut values = Vec::new();
        for chunk in read {
            let chunk = chunk.with_context(|| format!("cannot read the {what} records"))?;
            values.extend(chunk.into_iter().filter_map(|(key, value)| Some((key, value.text()?))));
        }
        Ok(values)
    }

    /// The keys of all records of a kind, sorted.
    fn keys<R: Kind>(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Key {
            name: String,
        }
        if self.is_new() {
            return Ok(Vec::new());
        }
        let printed = self.wrangler.kv(&["key", "list", "--prefix", R::PREFIX].map(OsStr::new))?;
        let keys: Vec<Object<Key>> =
            serde_json::from_str(&printed).map_err(|_| anyhow!("cannot parse wrangler's list of keys"))?;
        let mut names: Vec<String> = keys.into_iter().map(|Object(key)| key.name).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn read_chunk(&self, keys: &[String]) -> Result<BTreeMap<String, Value>> {
        let scratch = Scratch::new(self.host)?;
        let file = scratch.file("keys.json", &serde_json::to_vec(keys)?)?;
        let printed = self.wrangler.kv(&["bulk".as_ref(), "get".as_ref(), file.as_os_str()])?;
        serde_json::from_str(&printed).map_err(|_| anyhow!("cannot parse wrangler's output of values"))
    }

    /// Writes a record under its ID.
    pub(crate) fn write<R: Kind>(&self, record: &R) -> Result<()> {
        self.write_all(&[Pair::of(record)])
    }

    /// Writes records of any kind, in this order.
    pub(crate) fn write_all(&self, records: &[Pair]) -> Result<()> {
        self.change("put", &[], records, "written")
    }

    /// The command that [`Self::write`] runs, as text for messages.
    pub(crate) fn told_write(&self) -> String {
        self.wrangler.told(&["bulk", "put", "RECORDS.json"].map(OsStr::new))
    }

    /// The command that [`Self::remove`] runs, as text for messages.
    pub(crate) fn told_remove(&self) -> String {
        self.wrangler.told(&["bulk", "delete", "KEYS.json", "--force"].map(OsStr::new))
    }

    /// Deletes the records of `ids`.
    pub(crate) fn remove<R: Kind>(&self, ids: &[&R::Id]) -> Result<()> {
        let keys: Vec<String> = ids.iter().map(|id| R::kv_key(id)).collect();
        self.change("delete", &["--force"], &keys, "removed")
    }

    fn change<T: Serialize>(&self, verb: &str, flags: &[&str], items: &[T], done: &str) -> Result<()> {
        for (i, chunk) in items.chunks(WRITE).enumerate() {
            let scratch = Scratch::new(self.host)?;
            let file = scratch.file("records.json", &serde_json::to_vec(chunk)?)?;
            let mut arguments = vec!["bulk".as_ref(), verb.as_ref(), file.as_os_str()];
            arguments.extend(flags.iter().map(OsStr::new));
            self.wrangler.kv(&arguments).with_context(|| {
                let before = i * WRITE;
                let these = match chunk.len() {
                    1 => "1 record may not have been".to_owned(),
                    n => format!("some or all of {n} records may not have been"),
                };
                let before = if before > 0 { format!("{before} were {done}; ") } else { String::new() };
                format!("{before}{these} {done} (run the command again to complete the change)")
            })?;
        }
        Ok(())
    }
}

/// The records of one kind among these keys and values.
fn of_kind<R: Kind>(values: Vec<(String, String)>) -> ById<R> {
    let record = |(key, json): (String, String)| {
        let id = R::parse_id(key.strip_prefix(R::PREFIX)?).ok()?;
        let record = R::parse(&id, &json);
        Some((id, record))
    };
    values.into_iter().filter_map(record).collect()
}

/// Runs `work` on every item, on this number of threads. The results keep the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let one = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { return done };
            done.push((i, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.clamp(1, items.len().max(1))).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_in_parallel_keeps_the_order() {
        let items: Vec<u32> = (0..1000).collect();
        assert_eq!(in_parallel(&items, 7, |i| i * 2), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        assert!(in_parallel(&[] as &[u32], 7, |i| i * 2).is_empty());
    }

    #[test]
    fn both_forms_of_a_value_are_read() {
        let read: BTreeMap<String, Value> =
            serde_json::from_str(r#"{"a":"x","b":{"value":"y"},"c":null,"d":{"value":null}}"#).unwrap();
        let texts: Vec<Option<String>> = read.into_values().map(Value::text).collect();
        assert_eq!(texts, [Some("x".to_owned()), Some("y".to_owned()), None, None]);
        assert!(serde_json::from_str::<Value>(r#"["x"]"#).is_err(), "a list is not a value");
    }
}
