//! `edgemint client claims`: the claims of a client's own in its access tokens.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, anyhow, ensure};
use edgemint_issuer::{ClientRecord, check_claims};
use serde::Serialize;
use serde_json::Value;

use crate::deployment::project::Project;
use crate::grant_args::{Claim, ClientClaims};
use crate::host::Host;
use crate::records::change_one::{Said, Which};
use crate::records::kv::Records;
use crate::records::{change, change_one};
use crate::terminal::output::Output;

/// What `--json` prints of it.
#[derive(Serialize)]
struct Claims {
    claims: BTreeMap<String, Value>,
}

pub(crate) fn run(
    args: &ClientClaims,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let ClientClaims { change, set, set_text, unset } = args;
    if set.is_empty() && set_text.is_empty() && unset.is_empty() {
        return show(args, config, host, output);
    }
    let claims: Vec<&Claim> = set.iter().chain(set_text).collect();
    once_each(claims.iter().map(|claim| &claim.name).chain(unset))?;
    let which = Which { id: &change.id, dry_run: change.dry_run, target: &change.target };
    change_one::run(&which, config, host, output, |record: &mut ClientRecord, place| {
        for claim in claims {
            record.claims.insert(claim.name.clone(), claim.value.clone());
        }
        record.claims.retain(|name, _| !unset.contains(name));
        let (id, target) = (&change.id, &place.project.target);
        check_claims(&record.claims).map_err(|error| {
            anyhow!(
                "nothing was changed of the client {id}: {error}, and every access token would carry them"
            )
        })?;
        Ok(Said {
            what: Claims { claims: record.claims.clone() },
            done: format!("The claims of the client {id} in {target} are changed"),
            already: format!("The claims of the client {id} in {target} are so already"),
            notes: vec!["Tokens that it has got keep those that they have.".to_owned()],
            warnings: Vec::new(),
        })
    })
}

/// A name twice in one command: which of the two is meant?
fn once_each<'a>(names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        ensure!(!seen.contains(&name), "the claim {name} was typed twice: keep one of them");
        seen.push(name);
    }
    Ok(())
}

fn show(args: &ClientClaims, config: Option<&Path>, host: &Host, output: &mut Output) -> Result<ExitCode> {
    let project = Project::find(config, &args.change.target, host)?;
    let record: ClientRecord = change::find(&Records::of(&project, host)?, &args.change.id, &project)?;
    if output.is_json() {
        output.result_json(&record.claims)?;
    } else {
        output.result_pretty_json(&record.claims)?;
    }
    Ok(ExitCode::SUCCESS)
}
