//! `edgemint client allow-introspection` and `revoke-tokens`: the tokens that a client may introspect, and the
//! revocation of its own tokens.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, ValueEnum};
use edgemint_issuer::{ApiId, ApiRecord, ClientRecord, Introspect};
use edgemint_printable::shell;
use serde::Serialize;

use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one::{Said, Which};
use crate::records::{change, change_one};
use crate::terminal::near::did_you_mean;
use crate::terminal::when::utc;
use crate::terminal::words::listed;

/// Set which tokens a client may introspect
///
/// A client can always introspect its own tokens, and tokens that name it as audience. With --api, it can also
/// introspect the tokens for an API, for example as the API's resource server. IDs of APIs are compared byte for
/// byte: https://a.example and https://a.example/ are different.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
#[command(after_help = "\
Examples:
  edgemint client allow-introspection orders-api --api https://orders.example.com/ --env production
  edgemint client allow-introspection gateway --tokens any --env production")]
pub(crate) struct ClientAllowIntrospection {
    /// Tokens that the client may introspect, whatever API they are for
    #[arg(long, value_enum, group = "which")]
    pub(crate) tokens: Option<Tokens>,
    /// API whose tokens the client may introspect. Repeatable
    #[arg(long = "api", value_name = "API", value_parser = ApiId::parse, group = "which")]
    pub(crate) apis: Vec<ApiId>,
    /// API whose tokens the client may no longer introspect. Repeatable
    #[arg(long = "remove-api", value_name = "API", value_parser = ApiId::parse, group = "which")]
    pub(crate) removed: Vec<ApiId>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tokens {
    /// Only the client's own tokens, tokens that name it as audience, and tokens for the APIs of --api
    Own,
    /// All tokens, for example for a gateway in front of many APIs
    Any,
}

impl Tokens {
    /// The value in the record.
    pub(crate) fn kept(self) -> Introspect {
        match self {
            Self::Own => Introspect::Own,
            Self::Any => Introspect::Any,
        }
    }
}

/// Revoke all tokens that were issued to a client
///
/// Once the change takes effect, introspection reports the tokens that were issued up to this second as inactive.
/// APIs that verify tokens offline accept them until they expire. The client can still get new tokens. To stop
/// that, disable the client or rotate its secret.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client revoke-tokens billing --env production")]
pub(crate) struct ClientRevokeTokens {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Allowed {
    introspect: Introspect,
    introspects: Vec<ApiId>,
}

pub(crate) fn allow_introspection(
    args: &ClientAllowIntrospection,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        for api in &args.apis {
            change::find::<ApiRecord>(place.records, api, place.project)?;
        }
        let near = allow(record, args)?;
        let (id, target) = (&typed.id, &place.project.target);
        let which = told(record);
        Ok(Said {
            what: Allowed { introspect: record.introspect, introspects: record.introspects.clone() },
            done: format!("The client {id} in {target} can introspect {which}"),
            already: format!(
                "The client {id} in {target} can already introspect {which}{}",
                near.unwrap_or_default()
            ),
            notes: Vec::new(),
            warnings: Vec::new(),
        })
    })
}

/// Changes the tokens that `record` may introspect. If an API to remove is not in the record, returns a suggestion.
fn allow(record: &mut ClientRecord, args: &ClientAllowIntrospection) -> Result<Option<String>> {
    if let Some(both) = args.apis.iter().find(|api| args.removed.contains(api)) {
        bail!("cannot change the API {both}: both --api and --remove-api have it. Keep one of them.");
    }
    if let Some(tokens) = args.tokens {
        record.introspect = tokens.kept();
    }
    for api in &args.apis {
        if !record.introspects.contains(api) {
            record.introspects.push(api.clone());
        }
    }
    let unlisted = args.removed.iter().find(|api| !record.introspects.contains(api));
    let listed = || record.introspects.iter().map(ApiId::as_str);
    let near = unlisted.map(|api| did_you_mean(api.as_str(), listed()));
    record.introspects.retain(|api| !args.removed.contains(api));
    Ok(near)
}

/// The tokens that `record` may introspect, as text.
fn told(record: &ClientRecord) -> String {
    match (record.introspect, record.introspects.as_slice()) {
        (Introspect::Any, _) => "every token".to_owned(),
        (Introspect::Own, []) => "its own tokens, and tokens that name it as audience".to_owned(),
        (Introspect::Own, apis) => {
            let apis = listed(apis.iter().map(ApiId::as_str), "");
            format!("its own tokens, tokens that name it as audience, and tokens for {apis}")
        }
    }
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Revoked {
    not_before: Option<u64>,
}

pub(crate) fn revoke(
    args: &ClientRevokeTokens,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let change = &args.change;
    let which = Which { id: &change.id, dry_run: change.dry_run, target: &change.target };
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        // Never move the time back: another operator's clock can be ahead.
        record.not_before = record.not_before.max(Some(host.now));
        let (id, target) = (&change.id, &place.project.target);
        let tokens = format!("The tokens of the client {id} in {target} that were issued up to");
        let since = utc(record.not_before.unwrap_or(host.now));
        Ok(Said {
            what: Revoked { not_before: record.not_before },
            done: format!("{tokens} {since} are revoked"),
            already: format!("{tokens} {since} are already revoked"),
            notes: vec![
                "Once the change takes effect, introspection reports these tokens as inactive. APIs that verify tokens \
                 offline accept them until they expire."
                    .to_owned(),
                format!(
                    "The client can still get new tokens. To stop that, run `edgemint client disable {id}` or \
                     `edgemint client rotate-secret --overlap 0s {id}`.",
                    id = shell::last(id.as_str())
                ),
            ],
            warnings: Vec::new(),
        })
    })
}
