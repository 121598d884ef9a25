//! `edgemint client allow-introspection` and `revoke-tokens`: whose tokens a client may ask about, and the end
//! of those that it has got.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use edgemint_issuer::{ApiId, ApiRecord, ClientRecord, Introspect};
use serde::Serialize;

use crate::grant_args::{ClientAllowIntrospection, ClientRevokeTokens};
use crate::host::Host;
use crate::records::change_one::{Said, Which};
use crate::records::view::listed;
use crate::records::{change, change_one};
use crate::terminal::near::did_you_mean;
use crate::terminal::output::Output;
use crate::terminal::shell;
use crate::terminal::when::utc;

pub(crate) fn allow_introspection(
    args: &ClientAllowIntrospection,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    /// What `--json` prints of it.
    #[derive(Serialize)]
    struct Allowed {
        introspect: Introspect,
        introspects: Vec<ApiId>,
    }
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    change_one::run(&which, config, host, output, |record: &mut ClientRecord, place| {
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

pub(crate) fn revoke(
    args: &ClientRevokeTokens,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    /// What `--json` prints of it.
    #[derive(Serialize)]
    struct Revoked {
        not_before: Option<u64>,
    }
    let change = &args.change;
    let which = Which { id: &change.id, dry_run: change.dry_run, target: &change.target };
    change_one::run(&which, config, host, output, |record: &mut ClientRecord, place| {
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
