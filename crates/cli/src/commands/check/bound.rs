//! Checks of bound tokens and of client certificates: clients and APIs for which no token can be issued.

use edgemint_issuer::{ApiId, ApiRecord, Bound, ClientRecord};

use crate::commands::check::findings::{Level, Scope};
use crate::deployment::project::Project;
use crate::records::bound::{MTLS_HOST, contradicting, told};
use crate::records::kv::ById;
use crate::records::view::State;
use crate::terminal::words::some_of;

/// Judges the records of one target.
pub(crate) fn judge(
    project: &Project,
    clients: &ById<ClientRecord>,
    apis: &ById<ApiRecord>,
    findings: &mut Scope<'_>,
) {
    let active: Vec<&ClientRecord> =
        clients.values().flatten().filter(|record| State::of(record) == State::Active).collect();
    if project.variable(MTLS_HOST).is_none() {
        without_host(&active, apis, findings);
    }
    for record in active {
        let known = |api: &&ApiId| matches!(apis.get(*api), Some(Ok(_)));
        let granted = record.grants.keys().filter(known).count();
        let without = contradicting(record, apis);
        if granted > 0 && without.len() == granted {
            let names: Vec<&str> = without.into_iter().map(ApiId::as_str).collect();
            let message = format!(
                "gets no token for any of its APIs: its tokens must be bound to {}, and all APIs demand another binding. \
                 Run `edgemint client require-bound`, or `edgemint api set --bound` ({})",
                told(record.bound),
                some_of(&names)
            );
            findings.add(Level::Warning, &record.id.kv_key(), message);
        }
    }
}

/// Reports what needs certificates, while the Worker looks at none.
fn without_host(clients: &[&ClientRecord], apis: &ById<ApiRecord>, findings: &mut Scope<'_>) {
    let names = |holds: fn(&ClientRecord) -> bool| -> Vec<&str> {
        clients.iter().filter(|record| holds(record)).map(|record| record.id.as_str()).collect()
    };
    let demand = apis.values().flatten().filter(|api| api.bound == Some(Bound::Mtls));
    let demand: Vec<&str> = demand.map(|api| api.id.as_str()).collect();
    for (names, what) in [
        (
            names(|record| !record.certificates.is_empty()),
            "certificates do not authenticate the clients that have them",
        ),
        (
            names(|record| record.bound == Some(Bound::Mtls)),
            "clients whose tokens must be bound to a certificate get none",
        ),
        (demand, "no client gets a token for APIs that demand certificate-bound tokens"),
    ] {
        if !names.is_empty() {
            let message = format!(
                "is not set, so {what}. Set it in wrangler.toml to the host for which client certificates are enabled \
                 ({})",
                some_of(&names)
            );
            findings.add(Level::Warning, MTLS_HOST, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::{CertificateMatch, ClientCertificate, ClientId, RecordError};

    use super::*;
    use crate::commands::check::findings::Findings;
    use crate::deployment::project::Target;

    fn client(id: &str, bound: Option<Bound>, grants: &[&str]) -> ClientRecord {
        let mut record = ClientRecord::new(ClientId::parse(id).expect("an ID"), id);
        record.bound = bound;
        record.grants = grants.iter().map(|api| (ApiId::parse(api).expect("an ID"), Vec::new())).collect();
        record
    }

    fn findings(vars: &str, clients: Vec<ClientRecord>) -> Vec<String> {
        let clients = clients.into_iter().map(|record| (record.id.clone(), Ok(record))).collect();
        let api = |id: &str, bound| {
            let mut record = ApiRecord::new(ApiId::parse(id).expect("an ID"), id);
            record.bound = bound;
            (record.id.clone(), Ok(record))
        };
        let broken = (ApiId::parse("broken").expect("an ID"), Err(RecordError::Lifetime));
        let apis =
            [api("free", None), api("dpop", Some(Bound::Dpop)), api("mtls", Some(Bound::Mtls)), broken];
        let project = format!("[env.e.vars]\n{vars}");
        let project = Project::of_text(&project, Target::Deployed("e".to_owned())).expect("a project");
        let mut findings = Findings::default();
        judge(&project, &clients, &apis.into(), &mut findings.at(None));
        let lines = findings.iter().map(ToString::to_string);
        lines.map(|line| line.trim_start_matches("local development: ").to_owned()).collect()
    }

    const HOST: &str = "MTLS_HOST = 'mtls.tokens.example'";

    #[test]
    fn only_a_client_without_any_api_left_is_told() {
        let mut disabled = client("g", Some(Bound::Dpop), &["mtls"]);
        disabled.disabled = true;
        let told = findings(
            HOST,
            vec![
                client("a", Some(Bound::Dpop), &["mtls"]),
                client("b", Some(Bound::Dpop), &["mtls", "free"]),
                client("c", Some(Bound::Any), &["mtls", "dpop"]),
                client("d", Some(Bound::Mtls), &["dpop", "broken", "gone"]),
                client("e", Some(Bound::Mtls), &[]),
                client("f", None, &["mtls"]),
                disabled,
            ],
        );
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("warning: client:a gets no token for any of its APIs"), "{told:?}");
        assert!(told[0].contains("the key of a DPoP proof") && told[0].ends_with("(mtls)"), "{told:?}");
        assert!(told[1].starts_with("warning: client:d ") && told[1].ends_with("(dpop)"), "{told:?}");
    }

    #[test]
    fn certificates_need_the_host_at_which_the_worker_looks_at_them() {
        let records = || {
            let mut with = client("with", None, &[]);
            let thumbprint = CertificateMatch::Sha256("A".repeat(43));
            with.certificates =
                vec![ClientCertificate { id: "c1".to_owned(), created: 1, r#match: thumbprint }];
            vec![with, client("bound", Some(Bound::Mtls), &[]), client("any", Some(Bound::Any), &[])]
        };
        assert_eq!(findings(HOST, records()), [""; 0]);
        let told = findings("", records());
        assert_eq!(told.len(), 3, "{told:?}");
        for (line, end) in told.iter().zip(["(with)", "(bound)", "(mtls)"]) {
            assert!(line.starts_with("warning: MTLS_HOST is not set, so ") && line.ends_with(end), "{line}");
        }
    }
}
