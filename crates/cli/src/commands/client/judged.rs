//! Rejections of clients in an import, and warnings about the others.

use std::collections::BTreeSet;

use edgemint_issuer::ApiId;

use crate::commands::client::plan::{Planned, Verdict};
use crate::records::new_client::{is_an_api, refused_id, refused_secrets, warnings};

/// Judges the clients that an import would write: rejects some, and adds warnings to others.
///
/// `apis`: the IDs of all APIs, including those in the same file.
pub(crate) fn judge(clients: &mut [Planned], apis: &BTreeSet<ApiId>, now: u64) {
    for client in clients {
        let Some(record) = &client.record else { continue };
        let is_new = client.result == Verdict::Added;
        // An existing client with such an ID stays unchanged. `edgemint check` reports it.
        let refused = if is_new { refused_id(&record.id) } else { None };
        if let Some(reason) = refused.or_else(|| refused_secrets(record, now)) {
            client.refuse_at_last(reason);
        } else if is_new {
            client.warnings.extend(warnings(record, is_an_api(&record.id, apis)));
        }
    }
}
