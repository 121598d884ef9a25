//! `edgemint api set`: changes an API, and says whom that takes a scope from.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use edgemint_issuer::{
    Algorithm, ApiId, ApiRecord, ApiScope, ClientId, ClientRecord, Lifetime, ScopeToken, TokenProfile,
};
use serde::Serialize;

use crate::commands::api::add::{needed_key, once_each};
use crate::commands::api::{ApiSet, Setting};
use crate::host::Host;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};
use crate::records::kv::Stored;
use crate::records::view::some_of;
use crate::terminal::output::Output;

/// What `--json` prints of it.
#[derive(Serialize)]
struct Api {
    name: String,
    scopes: Vec<ApiScope>,
    token_lifetime: Option<u64>,
    alg: Option<Algorithm>,
    profile: Option<TokenProfile>,
}

pub(crate) fn run(
    args: &ApiSet,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    once_each(&args.scopes)?;
    if let Some(both) = args.scopes.iter().find(|scope| args.remove_scopes.contains(&scope.name)) {
        bail!("the scope {} is to be defined and taken away: keep one of the two", both.name.as_str());
    }
    let which = Which { id: &args.id, dry_run: args.dry_run, target: &args.target };
    change_one::run(&which, config, host, output, |record: &mut ApiRecord, place| {
        let before = record.clone();
        let gone = set(record, args);
        let mut warnings = Vec::new();
        if !gone.is_empty() {
            // All clients are read for this, and only when a scope goes.
            let clients = place.records.read_all::<ClientRecord>()?;
            warnings = gone.iter().filter_map(|scope| still_granted(&args.id, scope, &clients)).collect();
        }
        let (id, target) = (&args.id, &place.project.target);
        Ok(Said {
            what: Api {
                name: record.name.clone(),
                scopes: record.scopes.clone(),
                token_lifetime: record.token_lifetime,
                alg: record.alg,
                profile: record.profile,
            },
            done: format!("The API {id} in {target} is changed"),
            already: format!("The API {id} is so already in {target}"),
            notes: needed_key(record, place.project)
                .filter(|_| record.alg != before.alg)
                .into_iter()
                .collect(),
            warnings,
        })
    })
}

/// Sets what was typed. Gives the scopes that it defined and defines no longer.
fn set(record: &mut ApiRecord, args: &ApiSet) -> Vec<ScopeToken> {
    if let Some(name) = &args.name {
        record.name.clone_from(name);
    }
    for scope in &args.scopes {
        match record.scopes.iter_mut().find(|known| known.name == scope.name) {
            Some(known) => known.description.clone_from(&scope.description),
            None => record.scopes.push(scope.clone()),
        }
    }
    let goes = |scope: &ApiScope| args.remove_scopes.contains(&scope.name);
    let gone = record.scopes.iter().filter(|scope| goes(scope)).map(|scope| scope.name.clone()).collect();
    record.scopes.retain(|scope| !goes(scope));
    if let Some(lifetime) = args.token_lifetime {
        record.token_lifetime = lifetime.kept().map(Lifetime::seconds);
    }
    if let Some(alg) = args.alg {
        record.alg = alg.kept();
    }
    record.profile = args.profile.map_or(record.profile, Setting::kept);
    gone
}

/// Who has a grant for a scope that goes.
fn still_granted(api: &ApiId, scope: &ScopeToken, clients: &BTreeMap<ClientId, Stored>) -> Option<String> {
    let names: Vec<&str> = clients
        .values()
        .flatten()
        .filter(|client| client.grants.get(api).is_some_and(|scopes| scopes.contains(scope)))
        .map(|client| client.id.as_str())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "the scope {} goes, and the grants of these clients name it, which get it no longer: {}",
            scope.as_str(),
            some_of(&names)
        )
    })
}
