//! `edgemint api set`: changes an API, and warns about clients that lose a scope.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args as ClapArgs};
use edgemint_issuer::{
    Algorithm, ApiId, ApiRecord, ApiScope, Bound, ClientId, ClientRecord, Lifetime, ScopeToken, TokenProfile,
};
use serde::Serialize;

use crate::commands::api::add::{NO_TOKEN, needed_key, of_bound, once_each, scope};
use crate::deployment::session::Session;
use crate::flags::alg::{algorithm, profile};
use crate::flags::bound::Demand;
use crate::flags::target::TargetArgs;
use crate::flags::values::token_lifetime;
use crate::records::bound::{contradicting, without_mtls_host};
use crate::records::change_one;
use crate::records::change_one::{Said, Which};
use crate::records::kv::Stored;
use crate::terminal::words::some_of;

/// The members that `--json` prints.
#[derive(Serialize)]
struct Api {
    name: String,
    scopes: Vec<ApiScope>,
    token_lifetime: Option<u64>,
    alg: Option<Algorithm>,
    profile: Option<TokenProfile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
}

pub(crate) fn run(args: &ApiSet, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    once_each(&args.scopes)?;
    if let Some(both) = args.scopes.iter().find(|scope| args.remove_scopes.contains(&scope.name)) {
        bail!(
            "cannot change the scope {}: both --scope and --remove-scope have it. Keep one of them.",
            both.name.as_str()
        );
    }
    let which = Which { id: &args.id, dry_run: args.dry_run, target: &args.target };
    change_one::run(&which, Session { config, host, output }, |record: &mut ApiRecord, place| {
        let before = record.clone();
        let gone = set(record, args);
        let mut warnings = Vec::new();
        let is_bound_anew = record.bound.is_some() && record.bound != before.bound;
        if !gone.is_empty() || is_bound_anew {
            // This reads all clients, so it runs only if one of them can lose access.
            let clients = place.records.read_all::<ClientRecord>()?;
            warnings = gone.iter().filter_map(|scope| still_granted(&args.id, scope, &clients)).collect();
            warnings.extend(bound_otherwise(record, &clients));
        }
        if is_bound_anew && record.bound == Some(Bound::Mtls) {
            warnings.extend(without_mtls_host(place.project, NO_TOKEN));
        }
        let mut notes: Vec<String> =
            needed_key(record, place.project).filter(|_| record.alg != before.alg).into_iter().collect();
        if is_bound_anew {
            notes.extend(of_bound(record));
        }
        let (id, target) = (&args.id, &place.project.target);
        Ok(Said {
            what: Api {
                name: record.name.clone(),
                scopes: record.scopes.clone(),
                token_lifetime: record.token_lifetime,
                alg: record.alg,
                profile: record.profile,
                bound: record.bound,
            },
            done: format!("Changed the API {id} in {target}"),
            already: format!("The API {id} in {target} already has these settings"),
            notes,
            warnings,
        })
    })
}

/// Applies the arguments. Returns the scopes that were removed.
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
    record.bound = args.bound.map_or(record.bound, Demand::kept);
    gone
}

/// The warning about clients with a grant for a removed scope.
fn still_granted(api: &ApiId, scope: &ScopeToken, clients: &BTreeMap<ClientId, Stored>) -> Option<String> {
    let names: Vec<&str> = clients
        .values()
        .flatten()
        .filter(|client| client.grants.get(api).is_some_and(|scopes| scopes.contains(scope)))
        .map(|client| client.id.as_str())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "the scope {} is removed. These clients have a grant for it and no longer get it: {}",
            scope.as_str(),
            some_of(&names)
        )
    })
}

/// The warning about clients whose tokens must be bound to something else than those for the API.
fn bound_otherwise(api: &ApiRecord, clients: &BTreeMap<ClientId, Stored>) -> Option<String> {
    let apis = BTreeMap::from([(api.id.clone(), Ok(api.clone()))]);
    let names: Vec<&str> = clients
        .values()
        .flatten()
        .filter(|client| !contradicting(client, &apis).is_empty())
        .map(|client| client.id.as_str())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "the tokens of these clients must be bound to something else, so they get none for the API: {}",
            some_of(&names)
        )
    })
}

/// The value that removes a setting of an API.
const DEFAULT: &str = "default";

/// The value of a flag for a setting of an API: a value, or the deployment's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting<T> {
    Default,
    To(T),
}

impl<T> Setting<T> {
    /// The value in the record.
    pub(crate) fn kept(self) -> Option<T> {
        match self {
            Self::Default => None,
            Self::To(value) => Some(value),
        }
    }
}

/// Change an API
///
/// Settings without a flag stay unchanged. If you remove a scope, the command lists the clients with a grant for
/// the scope. They no longer get it.
#[derive(Debug, ClapArgs)]
#[command(override_usage = "edgemint api set [OPTIONS] <--local|--env <NAME>> <ID>")]
#[command(group(ArgGroup::new("what").required(true).multiple(true)
    .args(["name", "scopes", "remove_scopes", "token_lifetime", "alg", "profile", "bound"])))]
#[command(after_help = "\
Examples:
  edgemint api set https://invoices.example.com/ --scope delete='Delete invoices' --env production
  edgemint api set https://invoices.example.com/ --remove-scope write --token-lifetime default --env production
  edgemint api set https://invoices.example.com/ --bound dpop --env production   (only bound tokens)")]
pub(crate) struct ApiSet {
    /// ID of the API
    #[arg(value_parser = ApiId::parse)]
    pub(crate) id: ApiId,
    /// Display name of the API
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Scope to add, or existing scope with a new description. Repeatable
    #[arg(long = "scope", value_name = "NAME=DESCRIPTION", value_parser = scope)]
    pub(crate) scopes: Vec<ApiScope>,
    /// Scope to remove. Repeatable
    #[arg(long = "remove-scope", value_name = "NAME", value_parser = ScopeToken::parse)]
    pub(crate) remove_scopes: Vec<ScopeToken>,
    /// Maximum lifetime of tokens for the API: 30s to 24h, or default
    #[arg(long, value_name = "TIME", value_parser = lifetime_or_default)]
    pub(crate) token_lifetime: Option<Setting<Lifetime>>,
    /// Signing algorithm of tokens for the API
    #[arg(long, value_parser = PossibleValuesParser::new(["ES256", "RS256", "EdDSA", DEFAULT])
        .try_map(|name| or_default(&name, algorithm)))]
    pub(crate) alg: Option<Setting<Algorithm>>,
    /// Profile (format) of tokens for the API
    #[arg(long, value_parser = PossibleValuesParser::new(["dex", "rfc9068", DEFAULT])
        .try_map(|name| or_default(&name, profile)))]
    pub(crate) profile: Option<Setting<TokenProfile>>,
    /// What tokens for the API must be bound to, for every client. It protects only if the API checks the claim `cnf`
    #[arg(long, value_enum)]
    pub(crate) bound: Option<Demand>,
    /// Print the record that would be written, but do not write it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

fn or_default<T>(text: &str, parse: fn(&str) -> Result<T, String>) -> Result<Setting<T>, String> {
    if text == DEFAULT { Ok(Setting::Default) } else { parse(text).map(Setting::To) }
}

fn lifetime_or_default(text: &str) -> Result<Setting<Lifetime>, String> {
    or_default(text, token_lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_value_or_that_of_the_deployment() {
        assert_eq!(lifetime_or_default("default"), Ok(Setting::Default));
        assert_eq!(lifetime_or_default("5m"), Ok(Setting::To(Lifetime::from_seconds(300))));
        assert!(lifetime_or_default("25h").is_err());
        assert_eq!(or_default("EdDSA", algorithm), Ok(Setting::To(Algorithm::EdDsa)));
        assert!(algorithm("HS256").is_err() && profile("none").is_err());
    }
}
