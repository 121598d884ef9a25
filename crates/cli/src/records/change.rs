//! Changes of records: read, decide, check that no other operator wrote them meanwhile, write.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};
use serde::Serialize;

use crate::deployment::project::Project;
use crate::host::Host;
use crate::records::kind::Kind;
use crate::records::kv::{ById, Records, Stored};
use crate::terminal::near::did_you_mean;
use crate::terminal::output::Output;

/// Reads the record of `id`. Fails if the record is missing or unreadable. For a missing record, the error suggests a
/// similar ID.
pub(crate) fn find<R: Kind>(records: &Records<'_>, id: &R::Id, project: &Project) -> Result<R> {
    match records.read::<R>(&[id])?.remove(id) {
        Some(stored) => readable(stored, id, project),
        None => {
            // Report the missing record even if the other IDs cannot be listed for a suggestion.
            let known: Vec<String> =
                records.ids::<R>().unwrap_or_default().iter().map(ToString::to_string).collect();
            let near = did_you_mean(&id.to_string(), known.iter().map(String::as_str));
            bail!("cannot find the {} {id} in {}{near}", R::NAME, project.target)
        }
    }
}

fn readable<R: Kind>(stored: Stored<R>, id: &R::Id, project: &Project) -> Result<R> {
    stored.map_err(|error| {
        anyhow!(
            "cannot read the record of the {} {id} in {}, so it was not changed: {error}",
            R::NAME,
            project.target
        )
    })
}

/// A copy of `before` with the next revision.
pub(crate) fn next<R: Kind>(before: &R) -> R {
    let mut after = before.clone();
    let revision = after.revision();
    *revision = revision.saturating_add(1);
    after
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The record already has the change, so nothing was written.
    Unchanged,
    /// In a dry run: the record was printed and not written.
    Previewed,
    Written,
}

/// Writes `after` with the next revision if it differs from `before`, of which it is a changed copy. In a dry run,
/// prints it instead.
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

/// Fails if the Worker's parser rejects the record.
pub(crate) fn must_be_storable<R: Kind>(record: &R) -> Result<()> {
    R::parse(record.id(), &record.to_json())
        .map_err(|error| anyhow!("cannot store the record, so nothing was changed: {error}"))?;
    Ok(())
}

/// Writes `after`, unless the stored record is no longer `before`. A race remains between this check and the write:
/// KV cannot do both atomically.
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
            "cannot change the {} {id} in {}: another operator wrote the record at the same time. Nothing was \
             changed. Run the command again.",
            R::NAME,
            project.target
        );
    }
    records.write(after)
}

/// The `ids` whose stored records differ from `before`.
pub(crate) fn written_meanwhile<R: Kind>(
    records: &Records<'_>,
    before: &ById<R>,
    ids: &[&R::Id],
) -> Result<BTreeSet<R::Id>> {
    let now = records.read::<R>(ids)?;
    let same = |id: &R::Id| match (before.get(id), now.get(id)) {
        // The revision is not enough: it starts again at 1 for a record that was removed and added again.
        (Some(Ok(before)), Some(Ok(now))) => before.to_json() == now.to_json(),
        (Some(Err(before)), Some(Err(now))) => before == now,
        (None, None) => true,
        _ => false,
    };
    Ok(ids.iter().filter(|id| !same(id)).map(|id| (*id).clone()).collect())
}

/// The output of a dry run with `--json`.
#[derive(Serialize)]
struct Preview<V> {
    dry_run: bool,
    command: String,
    record: V,
}

/// Prints the result of a dry run: the record that would be written, without hashes, and the command that writes it.
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
        "Dry run: would write this record to {}{} by running\n  {command}",
        project.target,
        R::UNSHOWN
    ));
    output.result_pretty_json(&record)?;
    output.say("Nothing was written.");
    Ok(())
}
