//! `edgemint client allow-introspection` and `revoke-tokens`: whose tokens a client may ask about, and the end
//! of those that it has got.

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

/// Say which tokens a client may ask about at the introspection endpoint
///
/// A client may always ask about the tokens that it was issued, and about those that name it as audience.
/// With --api it may also ask about the tokens for an API, as a resource server does. IDs of APIs are
/// compared byte for byte: https://a.example and https://a.example/ are two.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
#[command(after_help = "\
Examples:
  edgemint client allow-introspection orders-api --api https://orders.example.com/ --env production
  edgemint client allow-introspection gateway --tokens any --env production")]
pub(crate) struct ClientAllowIntrospection {
    /// Which tokens, whatever API they are for
    #[arg(long, value_enum, group = "which")]
    pub(crate) tokens: Option<Tokens>,
    /// An API whose tokens the client may ask about; may be repeated
    #[arg(long = "api", value_name = "API", value_parser = ApiId::parse, group = "which")]
    pub(crate) apis: Vec<ApiId>,
    /// An API whose tokens the client may no longer ask about; may be repeated
    #[arg(long = "remove-api", value_name = "API", value_parser = ApiId::parse, group = "which")]
    pub(crate) removed: Vec<ApiId>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tokens {
    /// Only those that it was issued, that name it as audience, or that are for the APIs of --api
    Own,
    /// All, such as for a gateway in front of many APIs
    Any,
}

impl Tokens {
    /// As a record keeps it.
    pub(crate) fn kept(self) -> Introspect {
        match self {
            Self::Own => Introspect::Own,
            Self::Any => Introspect::Any,
        }
    }
}

/// Revoke all tokens that a client has got
///
/// Those that were issued up to this second are inactive at the introspection endpoint, once the change is
/// seen. A verifier that checks tokens offline, by their signature, does not notice: there they live until
/// they expire. The client gets new tokens as before: to stop that, disable it or rotate its secret.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client revoke-tokens billing --env production")]
pub(crate) struct ClientRevokeTokens {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// What `--json` prints of it.
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
            done: format!("The client {id} in {target} may ask about {which}"),
            already: format!(
                "The client {id} in {target} may ask about {which} already{}",
                near.unwrap_or_default()
            ),
            notes: Vec::new(),
            warnings: Vec::new(),
        })
    })
}

/// Changes what `record` may ask about. When an API to remove is not in the record, says which one may be meant.
fn allow(record: &mut ClientRecord, args: &ClientAllowIntrospection) -> Result<Option<String>> {
    if let Some(both) = args.apis.iter().find(|api| args.removed.contains(api)) {
        bail!("the API {both} was typed with --api and with --remove-api: keep one of them");
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

/// Which tokens `record` may ask about, for people.
fn told(record: &ClientRecord) -> String {
    match (record.introspect, record.introspects.as_slice()) {
        (Introspect::Any, _) => "every token".to_owned(),
        (Introspect::Own, []) => "its own tokens, and those that name it as audience".to_owned(),
        (Introspect::Own, apis) => {
            let apis = listed(apis.iter().map(ApiId::as_str), "");
            format!("its own tokens, those that name it as audience, and those for {apis}")
        }
    }
}

/// What `--json` prints of it.
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
        // What an operator with a faster clock revoked stays so.
        record.not_before = record.not_before.max(Some(host.now));
        let (id, target) = (&change.id, &place.project.target);
        let tokens = format!("The tokens that the client {id} in {target} was issued up to");
        let since = utc(record.not_before.unwrap_or(host.now));
        Ok(Said {
            what: Revoked { not_before: record.not_before },
            done: format!("{tokens} {since} are revoked"),
            already: format!("{tokens} {since} are revoked already"),
            notes: vec![
                "Once it is seen, the introspection endpoint calls them inactive. A verifier that checks tokens \
                 offline does not notice: there they live until they expire."
                    .to_owned(),
                format!(
                    "The client gets new tokens as before; `edgemint client disable {id}` or \
                     `edgemint client rotate-secret --overlap 0s {id}` stops that.",
                    id = shell::last(id.as_str())
                ),
            ],
            warnings: Vec::new(),
        })
    })
}
