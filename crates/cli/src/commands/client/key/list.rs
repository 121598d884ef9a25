//! `edgemint client key list`: the public keys of a client.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{
    AssertionAudience, ClientId, ClientRecord, DEFAULT_ASSERTION_LIFETIME, KeySetUrl, Lifetime,
};
use serde::Serialize;

use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::change;
use crate::records::kv::Records;
use crate::records::view::KeyView;
use crate::terminal::when::utc;
use crate::terminal::words::table;

/// List the keys with which a client signs assertions
///
/// Each line has the key ID, the algorithm, the state, and the times at which the key was added and expires.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client key list billing --env production")]
pub(crate) struct ClientKeyList {
    /// ID of the client
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The result with `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a ClientId,
    keys: Vec<KeyView<'a>>,
    jwks_uri: Option<&'a KeySetUrl>,
    assertion_audience: Option<AssertionAudience>,
    assertion_lifetime: u64,
}

pub(crate) fn run(args: &ClientKeyList, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let record: ClientRecord = change::find(&Records::of(&project, host)?, &args.id, &project)?;
    let keys: Vec<KeyView<'_>> = record.keys.iter().map(|key| KeyView::of(key, host.now)).collect();
    if output.is_json() {
        output.result_json(&Listed {
            id: &record.id,
            keys,
            jwks_uri: record.jwks_uri.as_ref(),
            assertion_audience: record.assertion_audience,
            assertion_lifetime: record.assertion_lifetime.unwrap_or(DEFAULT_ASSERTION_LIFETIME.seconds()),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    match &record.jwks_uri {
        Some(url) => output.result(&format!("The keys are at {url}"))?,
        None if keys.is_empty() => {
            output.say(format_args!("The client {} has no keys in {}.", record.id, project.target));
        }
        None => output.result_lines(&rows(&keys))?,
    }
    if record.has_keys() {
        output.say(format_args!("Its assertions have {}.", settings(&record)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The keys as a table.
pub(crate) fn rows(keys: &[KeyView<'_>]) -> Vec<String> {
    let heading = ["KID", "ALG", "STATE", "CREATED", "EXPIRES"].map(str::to_owned);
    let row = |key: &KeyView<'_>| {
        [
            key.kid.to_owned(),
            key.alg.name().to_owned(),
            if key.live { "live" } else { "expired" }.to_owned(),
            utc(key.created),
            key.expires.map_or_else(|| "never".to_owned(), utc),
        ]
    };
    table(&std::iter::once(heading).chain(keys.iter().map(row)).collect::<Vec<_>>())
}

/// What the assertions of a client have, in words.
pub(crate) fn settings(record: &ClientRecord) -> String {
    let lifetime = record.assertion_lifetime.map_or(DEFAULT_ASSERTION_LIFETIME, Lifetime::from_seconds);
    let audience = match record.assertion_audience {
        None => "the issuer",
        Some(AssertionAudience::TokenEndpoint) => "the issuer or the token endpoint",
    };
    format!("{audience} as audience, and a lifetime of at most {lifetime}")
}
