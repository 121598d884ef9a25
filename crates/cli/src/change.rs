//! Changes of records: read, decide, look whether nobody else wrote them meanwhile, write.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};
use edgemint_issuer::{ClientId, ClientRecord};
use serde::Serialize;

use crate::host::Host;
use crate::kv::{Records, Stored};
use crate::output::Output;
use crate::project::Project;
use crate::view::RecordView;

/// The record of `id`, which must be there and be readable.
pub(crate) fn find(records: &Records<'_>, id: &ClientId, project: &Project) -> Result<ClientRecord> {
    match records.read(&[id])?.remove(id) {
        Some(Ok(record)) => Ok(record),
        None => bail!("there is no client {id} in {}", project.target),
        Some(Err(error)) => bail!(
            "what is stored of the client {id} in {} cannot be read, and was left as it is: {error}",
            project.target
        ),
    }
}

/// A copy of `before`, to be changed: its revision is one higher.
pub(crate) fn next(before: &ClientRecord) -> ClientRecord {
    let mut after = before.clone();
    after.revision = after.revision.saturating_add(1);
    after
}

/// Writes `after`, unless what is stored is no longer `before`. What remains is the time between this
/// look and the write: KV cannot do both in one.
pub(crate) fn replace(
    records: &Records<'_>,
    project: &Project,
    before: &ClientRecord,
    after: &ClientRecord,
) -> Result<()> {
    let id = &after.id;
    // The Worker's own parser has the last word.
    ClientRecord::parse(id, &after.to_json())
        .map_err(|error| anyhow!("the record cannot be stored, so nothing was changed: {error}"))?;
    let before = BTreeMap::from([(id.clone(), Ok(before.clone()))]);
    if !written_meanwhile(records, &before, &[id])?.is_empty() {
        bail!(
            "another operator wrote the client {id} in {} at the same time, so nothing was changed here: run the same command again",
            project.target
        );
    }
    records.write(&[after])
}

/// Those of `ids` whose records are no longer what was read in `before`.
pub(crate) fn written_meanwhile(
    records: &Records<'_>,
    before: &BTreeMap<ClientId, Stored>,
    ids: &[&ClientId],
) -> Result<BTreeSet<ClientId>> {
    let now = records.read(ids)?;
    let same = |id: &ClientId| match (before.get(id), now.get(id)) {
        // Not the revision alone: a client that was removed and added again begins to count anew.
        (Some(Ok(before)), Some(Ok(now))) => before.to_json() == now.to_json(),
        (Some(Err(before)), Some(Err(now))) => before == now,
        (None, None) => true,
        _ => false,
    };
    Ok(ids.iter().filter(|id| !same(id)).map(|id| (*id).clone()).collect())
}

/// What a dry run prints: the record as it would be written, without hashes, and what would write it.
pub(crate) fn preview(
    records: &Records<'_>,
    project: &Project,
    after: &ClientRecord,
    host: &Host,
    output: &mut Output,
) -> Result<()> {
    #[derive(Serialize)]
    struct Preview<'a> {
        dry_run: bool,
        command: String,
        record: &'a RecordView<'a>,
    }
    let record = &RecordView::of(after, host.now);
    let command = records.told_write();
    if output.is_json() {
        return output.result_json(&Preview { dry_run: true, command, record });
    }
    output.say(format_args!(
        "This record would be written to {}, with its hashes, by\n  {command}",
        project.target
    ));
    output.result(&serde_json::to_string_pretty(record)?)?;
    output.say("Nothing was written.");
    Ok(())
}
