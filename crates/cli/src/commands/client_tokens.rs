//! `edgemint client allow-introspection` and `revoke-tokens`: whose tokens a client may ask about, and the end
//! of those that it has got.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use edgemint_issuer::{ClientRecord, Introspect};
use serde::Serialize;

use super::change_one::{self, Said, Which};
use crate::grant_args::{ClientAllowIntrospection, ClientRevokeTokens};
use crate::host::Host;
use crate::output::Output;
use crate::shell;
use crate::when::utc;

pub(super) fn allow_introspection(
    args: &ClientAllowIntrospection,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    /// What `--json` prints of it.
    #[derive(Serialize)]
    struct Allowed {
        introspect: Introspect,
    }
    let change = &args.change;
    let which = Which { id: &change.id, dry_run: change.dry_run, target: &change.target };
    change_one::run(&which, config, host, output, |record: &mut ClientRecord, place| {
        record.introspect = args.tokens.kept();
        let (id, target) = (&change.id, &place.project.target);
        let which = match record.introspect {
            Introspect::Own => "the tokens that it was issued or is an audience of, and no others",
            Introspect::Any => "every token",
        };
        Ok(Said {
            what: Allowed { introspect: record.introspect },
            done: format!("The client {id} in {target} may ask about {which}"),
            already: format!("The client {id} in {target} may ask about {which} already"),
            notes: Vec::new(),
            warnings: Vec::new(),
        })
    })
}

pub(super) fn revoke(
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
