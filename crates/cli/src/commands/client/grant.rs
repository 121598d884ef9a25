//! `edgemint client grant` and `ungrant`: the APIs and scopes that a client can get tokens for.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ApiId, ApiRecord, ClientRecord, Scope, ScopeToken};
use edgemint_printable::shell;
use serde::Serialize;

use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::flags::grant::{GrantArgs, single};
use crate::records::change_one::{Said, Which};
use crate::records::{change, change_one};
use crate::terminal::near::did_you_mean;
use crate::terminal::words::listed;

/// Allow a client to get tokens for an API
///
/// Adds the scopes to the client's grant for the API. The API must exist and define each scope. To grant a scope
/// that the API defines later, run the command again. IDs of APIs are compared byte for byte: https://a.example
/// and https://a.example/ are different.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client grant billing --api https://invoices.example.com/ --scope read --scope write --env production
  edgemint client grant billing --api https://invoices.example.com/ --all-scopes --default --env production")]
pub(crate) struct ClientGrant {
    /// ID of the API
    #[arg(long, value_name = "API", value_parser = ApiId::parse)]
    pub(crate) api: ApiId,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Revoke a client's grant for an API
///
/// Without --scope, the command removes the whole grant. It also does so with the last scope. If the API is the
/// client's default, that setting is removed with the grant. The API need not exist any more. Issued tokens
/// stay valid until they expire.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client ungrant billing --api https://invoices.example.com/ --scope write --env production
  edgemint client ungrant billing --api https://invoices.example.com/ --env production")]
pub(crate) struct ClientUngrant {
    /// ID of the API
    #[arg(long, value_name = "API", value_parser = ApiId::parse)]
    pub(crate) api: ApiId,
    /// Scope to remove from the grant, or several separated by spaces. Repeatable [default: the whole grant]
    #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::parse)]
    pub(crate) scopes: Vec<Scope>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Granted {
    api: ApiId,
    granted: bool,
    scopes: Vec<ScopeToken>,
    default_api: Option<ApiId>,
}

impl Granted {
    fn of(record: &ClientRecord, api: &ApiId) -> Self {
        let scopes = record.grants.get(api);
        Self {
            api: api.clone(),
            granted: scopes.is_some(),
            scopes: scopes.cloned().unwrap_or_default(),
            default_api: record.default_api.clone(),
        }
    }
}

pub(crate) fn grant(args: &ClientGrant, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let which = Which { id: &args.change.id, dry_run: args.change.dry_run, target: &args.change.target };
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        let api: ApiRecord = change::find(place.records, &args.api, place.project)?;
        add(record, &api, &args.grant)?;
        let (id, target) = (&args.change.id, &place.project.target);
        Ok(Said {
            what: Granted::of(record, &api.id),
            done: format!("The client {id} in {target} can get tokens for {}", told(record, &api.id)),
            already: format!("The client {id} in {target} already has that grant"),
            notes: vec![way_to_ask(record, &api.id)],
            warnings: no_token(record).into_iter().collect(),
        })
    })
}

/// Adds scopes to the grant for `api` in `record`.
pub(crate) fn add(record: &mut ClientRecord, api: &ApiRecord, asked: &GrantArgs) -> Result<()> {
    let names = || listed(api.scopes.iter().map(|scope| scope.name.as_str()), "none");
    let mut scopes: Vec<&ScopeToken> = single(&asked.scopes).collect();
    if let Some(unknown) = scopes.iter().find(|scope| !api.defines(scope)) {
        bail!(
            "cannot grant the scope {}: the API {} does not define it. The API's scopes: {}.",
            unknown.as_str(),
            api.id,
            names()
        );
    }
    if asked.all_scopes {
        scopes = api.scopes.iter().map(|scope| &scope.name).collect();
    }
    // A grant without scopes is intended only if the API defines none.
    if scopes.is_empty() && !api.scopes.is_empty() && !record.grants.contains_key(&api.id) {
        bail!(
            "cannot grant the API {}: no scope was given. Pass --scope or --all-scopes. The API's scopes: {}.",
            api.id,
            names()
        );
    }
    let granted = record.grants.entry(api.id.clone()).or_default();
    for scope in scopes {
        if !granted.contains(scope) {
            granted.push(scope.clone());
        }
    }
    if asked.default {
        record.default_api = Some(api.id.clone());
    }
    Ok(())
}

/// The grant as text.
fn told(record: &ClientRecord, api: &ApiId) -> String {
    let scopes = record.grants.get(api).map(Vec::as_slice).unwrap_or_default();
    match scopes {
        [] => format!("{api}, without a scope"),
        [one] => format!("{api} with the scope {}", one.as_str()),
        several => format!("{api} with the scopes {}", listed(several.iter().map(ScopeToken::as_str), "")),
    }
}

/// The request parameter for `api`.
pub(crate) fn parameter(api: &ApiId) -> &'static str {
    if api.is_absolute_uri() { "resource" } else { "audience" }
}

/// The note on how a request gets a token for `api`.
pub(crate) fn way_to_ask(record: &ClientRecord, api: &ApiId) -> String {
    let parameter = parameter(api);
    if record.default_api.as_ref() == Some(api) {
        format!("The client's tokens are for {api} if a request names no API.")
    } else {
        format!("To get a token for the API, send the parameter {parameter}={api}")
    }
}

/// Why a grant has no effect, if it has none.
fn no_token(record: &ClientRecord) -> Option<String> {
    let id = &record.id;
    if record.public {
        Some(format!("the client {id} is public and gets no tokens with client_credentials"))
    } else if record.disabled {
        Some(format!(
            "the client {id} is disabled and gets no tokens. To change that, run `edgemint client enable {}`",
            shell::last(id.as_str())
        ))
    } else {
        None
    }
}

pub(crate) fn ungrant(
    args: &ClientUngrant,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let which = Which { id: &args.change.id, dry_run: args.change.dry_run, target: &args.change.target };
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        let (id, api, target) = (&args.change.id, &args.api, &place.project.target);
        let near = did_you_mean(api.as_str(), record.grants.keys().map(ApiId::as_str));
        let was_default = record.default_api.as_ref() == Some(api);
        let scopes: Vec<&ScopeToken> = single(&args.scopes).collect();
        take_back(record, api, &scopes);
        let mut notes = vec!["Issued tokens stay valid until they expire.".to_owned()];
        if was_default && record.default_api.is_none() {
            notes
                .push("The API was the client's default. The client no longer has a default API.".to_owned());
        }
        let done = if record.grants.contains_key(api) {
            format!("The client {id} in {target} can still get tokens for {}", told(record, api))
        } else {
            format!("The client {id} in {target} can no longer get tokens for {api}")
        };
        Ok(Said {
            what: Granted::of(record, api),
            done,
            already: format!("The client {id} in {target} has no such grant for {api}{near}"),
            notes,
            warnings: Vec::new(),
        })
    })
}

/// Removes scopes from a grant, or the whole grant. With the last scope, the grant and the default are removed.
fn take_back(record: &mut ClientRecord, api: &ApiId, scopes: &[&ScopeToken]) {
    let Some(granted) = record.grants.get_mut(api) else { return };
    let before = granted.len();
    granted.retain(|scope| !scopes.contains(&scope));
    let was_the_last = granted.is_empty() && before > 0;
    if scopes.is_empty() || was_the_last {
        record.grants.remove(api);
        record.default_api.take_if(|default| default == api);
    }
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::{ApiScope, ClientId};

    use super::*;

    fn api(scopes: &[&str]) -> ApiRecord {
        let mut record = ApiRecord::new(ApiId::parse("https://a/").expect("an ID"), "A");
        let token = |name: &&str| ScopeToken::parse(name).expect("a scope");
        record.scopes =
            scopes.iter().map(|name| ApiScope { name: token(name), description: "-".to_owned() }).collect();
        record
    }

    fn asked(scopes: &[&str], all_scopes: bool, default: bool) -> GrantArgs {
        let scopes = scopes.iter().map(|text| Scope::parse(text).expect("a scope")).collect();
        GrantArgs { scopes, all_scopes, default }
    }

    fn client() -> ClientRecord {
        ClientRecord::new(ClientId::parse("a").expect("an ID"), "A")
    }

    fn has(record: &ClientRecord) -> Option<String> {
        let scopes = record.grants.get(&ApiId::parse("https://a/").expect("an ID"))?;
        let scopes = scopes.iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ");
        Some(format!("{scopes}{}", if record.default_api.is_some() { " (default)" } else { "" }))
    }

    #[test]
    fn a_grant_grows_by_what_the_api_defines() {
        let (mut record, api) = (client(), api(&["read", "write", "delete"]));
        add(&mut record, &api, &asked(&["write read", "read"], false, false)).expect("it is granted");
        assert_eq!(has(&record).as_deref(), Some("write read"));
        add(&mut record, &api, &asked(&[], false, true)).expect("it becomes the default");
        assert_eq!(has(&record).as_deref(), Some("write read (default)"));
        add(&mut record, &api, &asked(&[], true, false)).expect("all of them");
        assert_eq!(has(&record).as_deref(), Some("write read delete (default)"));
        let before = record.to_json();
        let refused = add(&mut record, &api, &asked(&["read bogus"], false, false)).expect_err("bogus");
        assert!(
            refused.to_string().contains("cannot grant the scope bogus")
                && refused.to_string().contains("scopes: read,"),
            "{refused}"
        );
        assert_eq!(record.to_json(), before);
    }

    #[test]
    fn without_a_scope_an_api_is_granted_only_when_it_has_none() {
        let refused = add(&mut client(), &api(&["read"]), &asked(&[], false, false)).expect_err("none named");
        assert!(refused.to_string().contains("--all-scopes"), "{refused}");
        let mut record = client();
        add(&mut record, &api(&[]), &asked(&[], false, false)).expect("it is granted");
        assert_eq!(has(&record).as_deref(), Some(""));
    }

    #[test]
    fn the_default_goes_with_the_grant_and_the_grant_with_its_last_scope() {
        let api = api(&["read", "write"]);
        let mut granted = client();
        add(&mut granted, &api, &asked(&[], true, true)).expect("it is granted");
        let left = |scopes: &[&str]| {
            let scopes: Vec<ScopeToken> =
                scopes.iter().map(|name| ScopeToken::parse(name).expect("a scope")).collect();
            let mut record = granted.clone();
            take_back(&mut record, &api.id, &scopes.iter().collect::<Vec<_>>());
            (has(&record), record.default_api.is_some())
        };
        assert_eq!(left(&["write", "other"]), (Some("read (default)".to_owned()), true));
        assert_eq!(left(&["other"]), (Some("read write (default)".to_owned()), true));
        assert_eq!(left(&["write", "read"]), (None, false));
        assert_eq!(left(&[]), (None, false));
        let mut bare = client();
        take_back(&mut bare, &api.id, &[]);
        assert_eq!(bare.to_json(), client().to_json());
    }
}
