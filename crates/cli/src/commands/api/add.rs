//! `edgemint api add`: adds an API, for which clients can then get tokens.

use std::fmt;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use edgemint_issuer::{
    Algorithm, ApiId, ApiRecord, ApiScope, Bound, ClientId, IssuerScope, Lifetime, ScopeToken, TokenProfile,
};
use edgemint_printable::shell;
use serde::Serialize;

use crate::deployment::delay::Delay;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::alg::{algorithm, profile};
use crate::flags::bound::Demand;
use crate::flags::target::TargetArgs;
use crate::flags::values::token_lifetime;
use crate::records::kv::Records;
use crate::records::view::ApiView;
use crate::records::{bound, change, new_client};
use crate::terminal::output::sentences;

/// The record to write.
#[derive(Debug)]
struct Plan {
    record: ApiRecord,
    /// Warnings about this ID.
    warnings: Vec<String>,
}

/// Decides the record. `is_client`: whether a client has the same ID.
fn plan(args: &ApiAdd, is_client: bool) -> Result<Plan> {
    let record = record(args);
    change::must_be_storable(&record)?;
    let client = is_client.then(|| new_client::also_an_api(&args.id));
    Ok(Plan { record, warnings: audience_only(&args.id).into_iter().chain(client).collect() })
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    api: ApiView<'a>,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip)]
    target: &'a Target,
    /// The note about the signing key that the API's algorithm requires.
    #[serde(skip)]
    needed_key: Option<String>,
    /// The notes about tokens that must be bound.
    #[serde(skip)]
    of_bound: Vec<String>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.api.id;
        sentences(f, [format!("Added the API {id} to {}.", self.target), self.delay.to_string()])?;
        sentences(f, self.warnings.iter().map(|warning| format!("warning: {warning}")))?;
        sentences(f, &self.needed_key)?;
        sentences(f, &self.of_bound)?;
        let no_client = format!(
            "No client can get a token for the API yet. To allow that, run `edgemint client grant CLIENT {}`.",
            shell::option("--api", id.as_str())
        );
        sentences(f, [no_client])
    }
}

pub(crate) fn run(args: &ApiAdd, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    once_each(&args.scopes)?;
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.id;
    let as_client = ClientId::parse(id.as_str()).ok().map(|id| id.kv_key());
    let (stored, others) = records.read_beside::<ApiRecord>(id, &[as_client])?;
    let is_client = others.contains(&true);
    if stored.is_some() {
        bail!(
            "cannot add the API {id}: it exists in {}. To change it, run `edgemint api set {}`.",
            project.target,
            shell::last(id.as_str())
        );
    }
    let Plan { record, mut warnings } = plan(args, is_client)?;
    if record.bound == Some(Bound::Mtls) {
        warnings.extend(bound::without_mtls_host(&project, NO_TOKEN));
    }
    if args.dry_run {
        change::preview(&records, &project, &record, host, output)?;
        warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    records.write(&record)?;
    output.report(&Report {
        api: ApiView::of(&record),
        delay: Delay::of(&project),
        warnings: &warnings,
        target: &project.target,
        needed_key: needed_key(&record, &project),
        of_bound: of_bound(&record),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Fails if two of these scopes have the same name.
pub(crate) fn once_each(scopes: &[ApiScope]) -> Result<()> {
    for (i, scope) in scopes.iter().enumerate() {
        if scopes.iter().take(i).any(|earlier| earlier.name == scope.name) {
            bail!("cannot define the scope {}: --scope has it twice. Keep one of them.", scope.name.as_str());
        }
    }
    Ok(())
}

/// The warning about an ID that is not a URI.
fn audience_only(id: &ApiId) -> Option<String> {
    (!id.is_absolute_uri()).then(|| {
        format!(
            "{id} is not an absolute URI, so requests can name the API only with the parameter `audience`, not with \
             `resource` (RFC 8707 §2)"
        )
    })
}

/// The note about the signing key that the API's algorithm requires, if the API has an algorithm.
pub(crate) fn needed_key(record: &ApiRecord, project: &Project) -> Option<String> {
    let alg = record.alg?.name();
    let first = match project.signing_alg() {
        Some(_) => "",
        None => {
            " If other tokens need another algorithm, set SIGNING_ALG in wrangler.toml to that algorithm first, and \
             deploy. Without SIGNING_ALG, the newest key signs every token."
        }
    };
    Some(format!(
        "Tokens for the API need a signing key for {alg}. `edgemint key list` lists the keys, and `edgemint key rotate \
         --alg {alg}` adds one.{first}"
    ))
}

/// What follows for an API that demands certificates at which the Worker does not look.
pub(crate) const NO_TOKEN: &str = ", and no client gets a token for the API";

/// The notes about an API whose tokens must be bound. None if they need not be.
pub(crate) fn of_bound(record: &ApiRecord) -> Vec<String> {
    match record.bound {
        None => Vec::new(),
        Some(_) => vec![bound::only_if_checked(), bound::of_newer_record("issues no token for the API")],
    }
}

fn record(args: &ApiAdd) -> ApiRecord {
    let name = args.name.as_deref().unwrap_or_else(|| args.id.as_str());
    let mut record = ApiRecord::new(args.id.clone(), name);
    record.scopes.clone_from(&args.scopes);
    record.token_lifetime = args.token_lifetime.map(Lifetime::seconds);
    record.alg = args.alg;
    record.profile = args.profile;
    record.bound = args.bound.and_then(Demand::kept);
    record
}

/// Add an API that tokens can be for
///
/// The ID is the audience (`aud`) of tokens for the API. Use an absolute URI: clients can then request the API
/// with the parameter `resource`. For any other ID, only the parameter `audience` works. No client can get a
/// token for the API until you run `edgemint client grant`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint api add https://invoices.example.com/ --scope read='Read invoices' --scope write='Write invoices' --env production
  edgemint api add sts.amazonaws.com --alg RS256 --profile rfc9068 --env production")]
pub(crate) struct ApiAdd {
    /// ID of the API: 1 to 256 characters of printable ASCII without space, quote, backslash and #
    #[arg(value_parser = ApiId::parse)]
    pub(crate) id: ApiId,
    /// Display name of the API [default: the ID]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Scope that the API defines, with a description of what it allows. Repeatable
    #[arg(long = "scope", value_name = "NAME=DESCRIPTION", value_parser = scope)]
    pub(crate) scopes: Vec<ApiScope>,
    /// Maximum lifetime of tokens for the API, such as 5m: 30s to 24h [default: the lifetime of other tokens]
    #[arg(long, value_name = "TIME", value_parser = token_lifetime)]
    pub(crate) token_lifetime: Option<Lifetime>,
    /// Signing algorithm of tokens for the API [default: the algorithm of the active key]
    #[arg(long, value_parser = PossibleValuesParser::new(["ES256", "RS256", "EdDSA"]).try_map(|name| algorithm(&name)))]
    pub(crate) alg: Option<Algorithm>,
    /// Profile (format) of tokens for the API [default: TOKEN_PROFILE of the deployment]
    #[arg(long, value_parser = PossibleValuesParser::new(["dex", "rfc9068"]).try_map(|name| profile(&name)))]
    pub(crate) profile: Option<TokenProfile>,
    /// What tokens for the API must be bound to, for every client. It protects only if the API checks the claim `cnf`
    /// [default: none]
    #[arg(long, value_enum)]
    pub(crate) bound: Option<Demand>,
    /// Print the record that would be written, but do not write it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Parses a scope with its description. Rejects scopes to which edgemint itself gives a meaning.
pub(crate) fn scope(text: &str) -> Result<ApiScope, String> {
    let Some((name, description)) = text.split_once('=').filter(|(_, told)| !told.trim().is_empty()) else {
        return Err("add a description of what the scope allows, such as read='Read invoices'".to_owned());
    };
    let token = ScopeToken::parse(name).map_err(|_| {
        "the name of a scope can contain only printable ASCII without space, quote and backslash".to_owned()
    })?;
    if IssuerScope::parse(name).is_some() {
        return Err(format!(
            "edgemint gives the scope {name} a meaning of its own for every API. Choose another name"
        ));
    }
    if token.cross_client_peer().is_some() {
        return Err(
            "a scope that begins with audience:server:client_id: requests a client as audience. Choose \
                    another name"
                .to_owned(),
        );
    }
    Ok(ApiScope { name: token, description: description.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_api_defines_a_scope_that_means_something_else_already() {
        for name in IssuerScope::ALL.map(IssuerScope::name) {
            let refused = scope(&format!("{name}=x")).expect_err(name);
            assert!(refused.contains("Choose another name"), "{refused}");
        }
        assert!(scope("audience:server:client_id:a=x").is_err());
        let fine = scope("audience:other=What = it allows ").expect("it is one");
        assert_eq!((fine.name.as_str(), fine.description.as_str()), ("audience:other", "What = it allows"));
        for none in ["read", "read=", "read= ", "=x", "a b=x", "\u{e9}=x"] {
            assert!(scope(none).is_err(), "{none}");
        }
    }
}
