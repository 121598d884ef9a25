//! All checks of one target, based on its settings and on what was read of its secrets and records.

use anyhow::Result;

use crate::commands::check::findings::{Level, Scope};
use crate::commands::check::keys::ALL_KEYS;
use crate::commands::check::look::{Found, Stored};
use crate::commands::check::seen::{Demanded, Seen};
use crate::commands::check::{
    apis, binding, bound, clients, counts, fapi, identities, keys, rate_limits, replay, variables,
};
use crate::deployment::project::{Project, Target};

/// Judges one target. Returns the state to compare a running issuer with.
pub(crate) fn judge(project: &Project, found: &Found, now: u64, findings: &mut Scope<'_>) -> Seen {
    variables::judge(project, findings);
    if let Err(wrong) = binding::of(project) {
        findings.add(Level::Error, "CLIENTS", wrong);
    }
    if let Target::Deployed(name) = &project.target {
        variables::addresses(project, findings);
        rate_limits::bound(project, name, findings);
    }
    counts::judge(project, findings);
    let is_fapi = project.is_fapi();
    if is_fapi {
        replay::needed(project, findings);
        fapi::settings(project, findings);
    }
    let mut seen = Seen { signing_alg: project.signing_alg(), ..Seen::default() };
    match found {
        Found::Deployed { secrets: Ok(names), records } => {
            seen.keys =
                Some(keys::deployed(project.target.environment().unwrap_or_default(), names, findings));
            if is_fapi {
                fapi::deployed_keys(names, findings);
            }
            seen.demanded = judge_records(project, records.as_ref(), now, findings);
            keys::algorithms(keys::told(names), &mut seen, findings);
        }
        Found::Deployed { secrets: Err(error), .. } => {
            let message =
                format!("and the records were not checked, because the secrets cannot be listed: {error:#}");
            findings.add(Level::Skipped, ALL_KEYS, message);
        }
        Found::Local { keys: there, records } => {
            if let (true, Ok(there)) = (is_fapi, there) {
                fapi::local_keys(there, findings);
            }
            seen.demanded = judge_records(project, records.as_ref(), now, findings);
            let there = keys::local(there, seen.signing_alg, now, findings);
            keys::algorithms(there, &mut seen, findings);
        }
        Found::Nothing => {}
    }
    seen
}

/// Judges the records, if they were read. Returns the algorithms that APIs require.
fn judge_records(
    project: &Project,
    records: Option<&Result<Stored>>,
    now: u64,
    findings: &mut Scope<'_>,
) -> Demanded {
    match records {
        Some(Ok(Stored { clients, apis, issuers })) => {
            clients::judge(clients, now, findings);
            let is_fapi = project.is_fapi();
            identities::judge(clients, issuers, project.issuer(), is_fapi, now, findings);
            replay::judge(project, clients, issuers, findings);
            apis::judge(apis, clients, findings);
            bound::judge(project, clients, apis, findings);
            if is_fapi {
                fapi::judge(project, clients, apis, now, findings);
            }
            keys::demanded(apis)
        }
        Some(Err(error)) => {
            findings.add(Level::Skipped, "CLIENTS", format!("was not checked: {error:#}"));
            Demanded::default()
        }
        None => Demanded::default(),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use edgemint_issuer::{ClientId, ClientRecord, SecretHash, StoredSecret};

    use super::*;
    use crate::commands::check::findings::Findings;

    const TOML: &str = r#"
        [env.e]
        kv_namespaces = [{ binding = "CLIENTS", id = "0123456789abcdef0123456789abcdef" }]
        ratelimits = [{ name = "CLIENT_BRAKE" }, { name = "NETWORK_BRAKE" }, { name = "PREFIX_BRAKE" }]
        [env.e.vars]
        ISSUER = "https://tokens.example"
        GRANT_TYPES = "client_credentials"
    "#;

    const NOW: u64 = 1_000_000_000;

    fn judged(found: &Found, now: u64) -> (Vec<String>, Seen) {
        let project = Project::of_text(TOML, Target::Deployed("e".to_owned())).expect("a project");
        let mut findings = Findings::default();
        let seen = judge(&project, found, now, &mut findings.at(project.target.environment()));
        (findings.iter().map(ToString::to_string).collect(), seen)
    }

    fn deployed(secrets: Result<Vec<&str>>, clients: Vec<ClientRecord>) -> Found {
        let secrets = secrets.map(|names| names.into_iter().map(str::to_owned).collect());
        let clients = clients.into_iter().map(|record| (record.id.clone(), Ok(record))).collect();
        Found::Deployed { secrets, records: Some(Ok(Stored { clients, ..Stored::default() })) }
    }

    #[test]
    fn an_environment_is_judged_by_what_was_read_of_it() {
        let (found, seen) = judged(&deployed(Ok(vec!["SIGNING_KEY_A", "SIGNING_KEY_B"]), Vec::new()), NOW);
        assert_eq!((found, seen.keys), (Vec::new(), Some(2)));
        let (found, seen) = judged(&deployed(Ok(vec!["OTHER"]), Vec::new()), NOW);
        assert_eq!(seen.keys, Some(0));
        assert_eq!(
            found,
            [
                "env.e: error: SIGNING_KEY_<NAME> is missing. Run `edgemint key generate | npx wrangler secret put \
              SIGNING_KEY_FIRST --env e`"
            ]
        );
        let (found, seen) = judged(&deployed(Err(anyhow!("no login")), Vec::new()), NOW);
        assert_eq!(seen.keys, None);
        assert_eq!(
            found,
            [
                "env.e: skipped: SIGNING_KEY_<NAME> and the records were not checked, because the secrets cannot be \
              listed: no login"
            ]
        );
    }

    #[test]
    fn the_same_records_are_judged_otherwise_at_another_time() {
        let mut client = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        let (id, hash) = ("s1".to_owned(), SecretHash::Sha256([0; 32]));
        client.secrets.push(StoredSecret { id, created: 1, expires: Some(NOW), hash });
        let found = deployed(Ok(vec!["SIGNING_KEY_A", "SIGNING_KEY_B"]), vec![client]);
        let month = 30 * 24 * 3600;
        assert_eq!(judged(&found, NOW - month).0, [""; 0]);
        for (now, told) in [(NOW - 3600, "valid secret after"), (NOW, "and gets no token")] {
            let (told_then, _) = judged(&found, now);
            assert_eq!(told_then.len(), 1);
            assert!(
                told_then[0].starts_with("env.e: warning: client:a has no valid secret "),
                "{told_then:?}"
            );
            assert!(told_then[0].contains(told), "{told_then:?}");
        }
    }
}
