//! Which clients of an import are refused, and what to know of the others.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use edgemint_issuer::{ApiId, ApiRecord};

use crate::commands::client::plan::{Planned, Verdict};
use crate::records::kv::Records;
use crate::records::new_client::{is_an_api, refused_id, refused_secrets, warnings};

/// Judges the clients that an import would write: refuses some, and adds to the warnings of others.
///
/// `apis`: the IDs of the APIs that come with them.
pub(crate) fn judge(
    clients: &mut [Planned],
    apis: &[Planned<ApiRecord>],
    records: &Records<'_>,
    now: u64,
) -> Result<()> {
    let mut known: BTreeSet<ApiId> = BTreeSet::new();
    if clients.iter().any(|client| client.result == Verdict::Added) {
        known = records.ids::<ApiRecord>().context("the IDs of APIs could not be compared")?;
        known.extend(apis.iter().filter_map(|api| Some(api.record.as_ref()?.id.clone())));
    }
    for client in clients {
        let Some(record) = &client.record else { continue };
        let is_new = client.result == Verdict::Added;
        // One that is there already is told by `check`, and stays as it was.
        let refused = if is_new { refused_id(&record.id) } else { None };
        if let Some(reason) = refused.or_else(|| refused_secrets(record, now)) {
            client.refuse_at_last(reason);
        } else if is_new {
            client.warnings.extend(warnings(record, is_an_api(&record.id, &known)));
        }
    }
    Ok(())
}
