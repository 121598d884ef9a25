//! Checks of the API records, and of grants for missing APIs and scopes.

use std::collections::BTreeMap;

use edgemint_issuer::{ApiId, ApiRecord, ClientRecord, ScopeToken};
use edgemint_printable::shell;

use crate::commands::check::findings::{Level, Scope};
use crate::records::kv::ById;
use crate::records::new_client;
use crate::terminal::words::some_of;

/// Judges the records of one target.
pub(crate) fn judge(apis: &ById<ApiRecord>, clients: &ById<ClientRecord>, findings: &mut Scope<'_>) {
    for (id, stored) in apis {
        if let Err(error) = stored {
            let message = format!("cannot be read, so no client gets a token for the API: {error}");
            findings.add(Level::Error, &id.kv_key(), message);
        }
    }
    let mut without_record: BTreeMap<&ApiId, Vec<&str>> = BTreeMap::new();
    let mut defaults: BTreeMap<&ApiId, Vec<&str>> = BTreeMap::new();
    let mut introspected: BTreeMap<&ApiId, Vec<&str>> = BTreeMap::new();
    let mut undefined: BTreeMap<(&ApiId, &ScopeToken), Vec<&str>> = BTreeMap::new();
    for id in clients.keys().filter(|id| ApiId::parse(id.as_str()).is_ok_and(|api| apis.contains_key(&api))) {
        let message = format!("has the ID of an API. {}", new_client::also_an_api(id));
        findings.add(Level::Warning, &id.kv_key(), message);
    }
    for client in clients.values().flatten() {
        let name = client.id.as_str();
        for (api, scopes) in &client.grants {
            match apis.get(api) {
                None => without_record.entry(api).or_default().push(name),
                Some(Ok(record)) => {
                    for scope in scopes.iter().filter(|scope| !record.defines(scope)) {
                        undefined.entry((api, scope)).or_default().push(name);
                    }
                }
                // The loop above reports unreadable records.
                Some(Err(_)) => {}
            }
        }
        if let Some(api) = client.default_api.as_ref().filter(|api| !apis.contains_key(*api)) {
            defaults.entry(api).or_default().push(name);
        }
        for api in client.introspects.iter().filter(|api| !apis.contains_key(*api)) {
            introspected.entry(api).or_default().push(name);
        }
    }
    for (api, names) in introspected {
        let message = format!(
            "has no record, although clients may introspect its tokens. Run `edgemint api add {}`, or \
             `edgemint client allow-introspection CLIENT {}` ({})",
            shell::last(api.as_str()),
            shell::option("--remove-api", api.as_str()),
            some_of(&names)
        );
        findings.add(Level::Warning, &api.kv_key(), message);
    }
    for (api, names) in without_record {
        let message = format!(
            "has no record, so the grants for it have no effect. Run {} ({})",
            add_or_ungrant(api),
            some_of(&names)
        );
        findings.add(Level::Warning, &api.kv_key(), message);
    }
    for (api, names) in defaults {
        let message = format!(
            "has no record and is the default API of clients. Their requests that name no API are for it. Run {} ({})",
            add_or_ungrant(api),
            some_of(&names)
        );
        findings.add(Level::Warning, &api.kv_key(), message);
    }
    for ((api, scope), names) in undefined {
        let scope = scope.as_str();
        let message = format!(
            "does not define the scope {scope}, so the grants of this scope have no effect. Run `edgemint api set {} \
             {}`, or `edgemint client ungrant CLIENT {} {}` ({})",
            shell::option("--scope", &format!("{scope}=DESCRIPTION")),
            shell::last(api.as_str()),
            shell::option("--api", api.as_str()),
            shell::option("--scope", scope),
            some_of(&names)
        );
        findings.add(Level::Warning, &api.kv_key(), message);
    }
}

/// The two commands that can fix a grant for an API without a record.
fn add_or_ungrant(api: &ApiId) -> String {
    format!(
        "`edgemint api add {}`, or `edgemint client ungrant CLIENT {}`",
        shell::last(api.as_str()),
        shell::option("--api", api.as_str())
    )
}
