//! What the tokens of a client, and the tokens for an API, must be bound to: texts, and demands that contradict.

use edgemint_issuer::{ApiId, ApiRecord, Bound, ClientRecord};

use crate::deployment::project::Project;
use crate::records::kv::ById;

/// The variable with the host at which the Worker looks at client certificates.
pub(crate) const MTLS_HOST: &str = "MTLS_HOST";

/// What tokens must be bound to, in words.
pub(crate) const fn told(bound: Option<Bound>) -> &'static str {
    match bound {
        None => "nothing",
        Some(Bound::Dpop) => "the key of a DPoP proof",
        Some(Bound::Mtls) => "a client certificate",
        Some(Bound::Any) => "the key of a DPoP proof or a client certificate",
    }
}

/// The note about what binding tokens does not do.
pub(crate) fn only_if_checked() -> String {
    "This protects only APIs that check the claim `cnf` of a token. An API that does not check it accepts the token as \
     a bearer token."
        .to_owned()
}

/// The note about the first field that older Workers do not know. `effect`: what they do.
pub(crate) fn of_newer_record(effect: &str) -> String {
    format!(
        "A Worker that is older than this version of edgemint cannot read the record, and {effect}. `edgemint \
         check --live URL` says whether the running one is new enough."
    )
}

/// Whether the record has a field that Workers without support for bound tokens cannot read.
pub(crate) fn is_newer(record: &ClientRecord) -> bool {
    record.bound.is_some() || !record.certificates.is_empty()
}

/// The granted APIs for which the client gets no token, because they demand what `bound` does not allow.
pub(crate) fn contradicting<'a>(record: &'a ClientRecord, apis: &ById<ApiRecord>) -> Vec<&'a ApiId> {
    let Some(demand) = record.bound else { return Vec::new() };
    let contradicts = |api: &&ApiId| {
        let bound = apis.get(*api).and_then(|stored| stored.as_ref().ok()?.bound);
        bound.is_some_and(|bound| demand.and(bound).is_none())
    };
    record.grants.keys().filter(contradicts).collect()
}

/// The warning about client certificates that the Worker of this target does not look at. `effect`: what follows.
pub(crate) fn without_mtls_host(project: &Project, effect: &str) -> Option<String> {
    project.variable(MTLS_HOST).is_none().then(|| {
        format!(
            "{MTLS_HOST} is not set for {}, so the Worker looks at no client certificate{effect}. Set it in \
             wrangler.toml, and deploy",
            project.target
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use edgemint_issuer::ClientId;

    use super::*;

    fn api(id: &str, bound: Option<Bound>) -> (ApiId, Result<ApiRecord, edgemint_issuer::RecordError>) {
        let id = ApiId::parse(id).expect("an ID");
        let mut record = ApiRecord::new(id.clone(), "A");
        record.bound = bound;
        (id, Ok(record))
    }

    #[test]
    fn only_demands_that_nothing_meets_contradict() {
        let apis = BTreeMap::from([
            api("free", None),
            api("dpop", Some(Bound::Dpop)),
            api("mtls", Some(Bound::Mtls)),
            api("any", Some(Bound::Any)),
            (ApiId::parse("broken").expect("an ID"), Err(edgemint_issuer::RecordError::Lifetime)),
        ]);
        let mut record = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        for id in ["free", "dpop", "mtls", "any", "broken", "gone"] {
            record.grants.insert(ApiId::parse(id).expect("an ID"), Vec::new());
        }
        for (bound, expected) in [
            (None, &[][..]),
            (Some(Bound::Any), &[]),
            (Some(Bound::Dpop), &["mtls"]),
            (Some(Bound::Mtls), &["dpop"]),
        ] {
            record.bound = bound;
            let found: Vec<&str> = contradicting(&record, &apis).into_iter().map(ApiId::as_str).collect();
            assert_eq!(found, expected, "{bound:?}");
        }
    }
}
