//! Rejections of clients in an import, and warnings about the others.

use std::collections::BTreeSet;

use edgemint_issuer::{ApiId, TrustedIssuer, TrustedIssuerId};

use crate::commands::client::plan::{Planned, Verdict};
use crate::records::new_client::{
    is_an_api, is_an_issuer, refused_id, refused_issuer, refused_secrets, warnings,
};

/// The IDs of records that a new client may collide with, including those in the same file.
pub(crate) struct Known {
    pub(crate) apis: BTreeSet<ApiId>,
    pub(crate) issuers: BTreeSet<TrustedIssuerId>,
}

/// Judges the clients that an import would write: rejects some, and adds warnings to others.
pub(crate) fn judge(clients: &mut [Planned], known: &Known, now: u64) {
    for client in clients {
        let Some(record) = &client.record else { continue };
        let is_new = client.result == Verdict::Added;
        // An existing client with such an ID stays unchanged. `edgemint check` reports it.
        let is_issuer = is_new && is_an_issuer(&record.id, &known.issuers);
        let refused = if is_new { refused_id(&record.id) } else { None };
        let refused = refused.or_else(|| is_issuer.then(|| refused_issuer(&record.id)));
        if let Some(reason) = refused.or_else(|| refused_secrets(record, now)) {
            client.refuse_at_last(reason);
        } else if is_new {
            client.warnings.extend(warnings(record, is_an_api(&record.id, &known.apis)));
        }
    }
}

/// Rejects the deployment's own issuer as a trusted one: every token of it could identify a client.
pub(crate) fn refuse_own_issuer(issuers: &mut [Planned<TrustedIssuer>], own: Option<&str>) {
    for issuer in issuers {
        if issuer.record.as_ref().is_some_and(|record| Some(record.id.as_str()) == own) {
            issuer.refuse_at_last(
                "it is the ISSUER of this deployment, which cannot be a trusted issuer".to_owned(),
            );
        }
    }
}
