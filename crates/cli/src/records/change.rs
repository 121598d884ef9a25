//! Changes of records: read, decide, look whether nobody else wrote them meanwhile, write.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};
use serde::Serialize;

use crate::deployment::project::Project;
use crate::host::Host;
use crate::records::kind::Kind;
use crate::records::kv::{ById, Records, Stored};
use crate::terminal::near::did_you_mean;
use crate::terminal::output::Output;

/// The record of `id`, which must be there and be readable. When there is none, another ID may be meant.
pub(crate) fn find<R: Kind>(records: &Records<'_>, id: &R::Id, project: &Project) -> Result<R> {
    match records.read::<R>(&[id])?.remove(id) {
        Some(stored) => readable(stored, id, project),
        None => {
            // That it is not there is said, whether or not the others can be listed.
            let known: Vec<String> =
                records.ids::<R>().unwrap_or_default().iter().map(ToString::to_string).collect();
            let near = did_you_mean(&id.to_string(), known.iter().map(String::as_str));
            bail!("there is no {} {id} in {}{near}", R::NAME, project.target)
        }
    }
}

fn readable<R: Kind>(stored: Stored<R>, id: &R::Id, project: &Project) -> Result<R> {
    stored.map_err(|error| {
        anyhow!(
            "what is stored of the {} {id} in {} cannot be read, and was left as it is: {error}",
            R::NAME,
            project.target
        )
    })
}

/// A copy of `before`, to be changed: its revision is one higher.
pub(crate) fn next<R: Kind>(before: &R) -> R {
    let mut after = before.clone();
    let revision = after.revision();
    *revision = revision.saturating_add(1);
    after
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is so already: nothing was written.
    Unchanged,
    /// A dry run: what would be written was printed.
    Previewed,
    Written,
}

/// Writes `after` when it differs from `before`, from which it was copied, with the next revision; in a dry
/// run only says so.
pub(crate) fn apply<R: Kind>(
    records: &Records<'_>,
    project: &Project,
    before: &R,
    after: &mut R,
    dry_run: bool,
    host: &Host,
    output: &mut Output,
) -> Result<Applied> {
    if after.to_json() == before.to_json() {
        return Ok(Applied::Unchanged);
    }
    *after = next(after);
    if dry_run {
        must_be_storable(after)?;
        preview(records, project, after, host, output)?;
        return Ok(Applied::Previewed);
    }
    replace(records, project, before, after)?;
    Ok(Applied::Written)
}

/// The Worker's own parser has the last word.
pub(crate) fn must_be_storable<R: Kind>(record: &R) -> Result<()> {
    R::parse(record.id(), &record.to_json())
        .map_err(|error| anyhow!("the record cannot be stored, so nothing was changed: {error}"))?;
    Ok(())
}

/// Writes `after`, unless what is stored is no longer `before`. What remains is the time between this
/// look and the write: KV cannot do both in one.
pub(crate) fn replace<R: Kind>(
    records: &Records<'_>,
    project: &Project,
    before: &R,
    after: &R,
) -> Result<()> {
    must_be_storable(after)?;
    let id = after.id();
    let before = BTreeMap::from([(id.clone(), Ok(before.clone()))]);
    if !written_meanwhile::<R>(records, &before, &[id])?.is_empty() {
        bail!(
            "another operator wrote the {} {id} in {} at the same time, so nothing was changed here: run the same command again",
            R::NAME,
            project.target
        );
    }
    records.write(after)
}

/// Those of `ids` whose records are no longer what was read in `before`.
pub(crate) fn written_meanwhile<R: Kind>(
    records: &Records<'_>,
    before: &ById<R>,
    ids: &[&R::Id],
) -> Result<BTreeSet<R::Id>> {
    let now = records.read::<R>(ids)?;
    let same = |id: &R::Id| match (before.get(id), now.get(id)) {
        // Not the revision alone: one that was removed and added again begins to count anew.
        (Some(Ok(before)), Some(Ok(now))) => before.to_json() == now.to_json(),
        (Some(Err(before)), Some(Err(now))) => before == now,
        (None, None) => true,
        _ => false,
    };
    Ok(ids.iter().filter(|id| !same(id)).map(|id| (*id).clone()).collect())
}

/// What a dry run prints with `--json`.
#[derive(Serialize)]
struct Preview<V> {
    dry_run: bool,
    command: String,
    record: V,
}

/// What a dry run prints: the record as it would be written, without hashes, and what would write it.
pub(crate) fn preview<R: Kind>(
    records: &Records<'_>,
    project: &Project,
    after: &R,
    host: &Host,
    output: &mut Output,
) -> Result<()> {
    let record = after.view(host.now);
    let command = records.told_write();
    if output.is_json() {
        return output.result_json(&Preview { dry_run: true, command, record });
    }
    output.say(format_args!(
        "This record would be written to {}{} by\n  {command}",
        project.target,
        R::UNSHOWN
    ));
    output.result_pretty_json(&record)?;
    output.say("Nothing was written.");
    Ok(())
}
