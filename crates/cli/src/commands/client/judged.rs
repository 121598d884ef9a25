//! Which clients of an import are refused, and what to know of the others.

use std::collections::BTreeSet;

use edgemint_issuer::ApiId;

use crate::commands::client::plan::{Planned, Verdict};
use crate::records::new_client::{is_an_api, refused_id, refused_secrets, warnings};

/// Judges the clients that an import would write: refuses some, and adds to the warnings of others.
///
/// `apis`: the IDs of all APIs, those that come with the clients included.
pub(crate) fn judge(clients: &mut [Planned], apis: &BTreeSet<ApiId>, now: u64) {
    for client in clients {
        let Some(record) = &client.record else { continue };
        let is_new = client.result == Verdict::Added;
        // One that is there already is told by `check`, and stays as it was.
        let refused = if is_new { refused_id(&record.id) } else { None };
        if let Some(reason) = refused.or_else(|| refused_secrets(record, now)) {
            client.refuse_at_last(reason);
        } else if is_new {
            client.warnings.extend(warnings(record, is_an_api(&record.id, apis)));
        }
    }
}
