//! `edgemint client claims`: the custom claims in a client's access tokens.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Result, anyhow, ensure};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientRecord, RESERVED_CLAIMS, check_claims};
use serde::Serialize;
use serde_json::Value;

use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one::{Said, Which};
use crate::records::kv::Records;
use crate::records::{change, change_one};

/// Show or change the custom claims in a client's tokens
///
/// Custom claims are in every access token of the client. Everyone with a token can read them. Without --set,
/// --set-text and --unset, the command prints the claims as JSON. It rejects names that edgemint sets, names with
/// a registered meaning that other programs rely on, and more than 4 KB of claims.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client claims billing --set-text tenant=acme --set 'regions=[\"eu\",\"us\"]' --env production
  edgemint client claims billing --unset tenant --env production
  edgemint client claims billing --env production")]
pub(crate) struct ClientClaims {
    /// Claim to set, with its value as JSON. Repeatable
    #[arg(long, value_name = "NAME=JSON", value_parser = json_claim)]
    pub(crate) set: Vec<Claim>,
    /// Claim to set, with its value as a string. Repeatable
    #[arg(long, value_name = "NAME=TEXT", value_parser = text_claim)]
    pub(crate) set_text: Vec<Claim>,
    /// Claim to remove. Repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) unset: Vec<String>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// A custom claim from the command line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) value: Value,
}

pub(crate) fn named(text: &str) -> Result<(&str, &str), String> {
    match text.split_once('=') {
        None | Some(("", _)) => Err("write a claim as NAME=VALUE".to_owned()),
        Some((name, _)) if RESERVED_CLAIMS.contains(&name) => Err(format!(
            "{name} is reserved: edgemint sets it, or other programs rely on its registered meaning"
        )),
        Some(both) => Ok(both),
    }
}

fn json_claim(text: &str) -> Result<Claim, String> {
    let (name, json) = named(text)?;
    match serde_json::from_str(json) {
        Ok(value) => Ok(Claim { name: name.to_owned(), value }),
        Err(error) => Err(format!("the value of {name} is not JSON: {error} (for a string, use --set-text)")),
    }
}

fn text_claim(text: &str) -> Result<Claim, String> {
    let (name, text) = named(text)?;
    Ok(Claim { name: name.to_owned(), value: text.into() })
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Claims {
    claims: BTreeMap<String, Value>,
}

pub(crate) fn run(args: &ClientClaims, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let ClientClaims { change, set, set_text, unset } = args;
    if set.is_empty() && set_text.is_empty() && unset.is_empty() {
        return show(args, Session { config, host, output });
    }
    let claims: Vec<&Claim> = set.iter().chain(set_text).collect();
    once_each(claims.iter().map(|claim| &claim.name).chain(unset))?;
    let which = Which { id: &change.id, dry_run: change.dry_run, target: &change.target };
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        for claim in claims {
            record.claims.insert(claim.name.clone(), claim.value.clone());
        }
        record.claims.retain(|name, _| !unset.contains(name));
        let (id, target) = (&change.id, &place.project.target);
        check_claims(&record.claims).map_err(|error| {
            anyhow!(
                "cannot change the claims of the client {id}: {error}. Every access token would contain them. Nothing \
                 was changed."
            )
        })?;
        Ok(Said {
            what: Claims { claims: record.claims.clone() },
            done: format!("Changed the claims of the client {id} in {target}"),
            already: format!("The client {id} in {target} already has these claims"),
            notes: vec!["Issued tokens keep their claims.".to_owned()],
            warnings: Vec::new(),
        })
    })
}

/// Fails if a name appears twice in one command, because the intended one is unclear.
fn once_each<'a>(names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        ensure!(
            !seen.contains(&name),
            "cannot change the claim {name}: the command has it twice. Keep one of them."
        );
        seen.push(name);
    }
    Ok(())
}

fn show(args: &ClientClaims, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.change.target, host)?;
    let record: ClientRecord = change::find(&Records::of(&project, host)?, &args.change.id, &project)?;
    if output.is_json() {
        output.result_json(&record.claims)?;
    } else {
        output.result_pretty_json(&record.claims)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_a_name_and_json_or_a_text() {
        let value = |claim: Result<Claim, String>| claim.map(|claim| claim.value);
        assert_eq!(value(json_claim(r#"a={"b":[1,null]}"#)), Ok(json!({ "b": [1, null] })));
        assert_eq!(value(text_claim("a=1=2")), Ok(json!("1=2")));
        assert_eq!(value(text_claim("a=")), Ok(json!("")));
        let told = json_claim("tenant=[1,]").expect_err("no JSON");
        assert!(told.contains("tenant is not JSON") && told.contains("line 1 column 4"), "{told}");
        for none in ["", "a", "=1"] {
            assert!(json_claim(none).is_err() && text_claim(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_reserved_claim_is_refused_with_the_reason() {
        for name in RESERVED_CLAIMS {
            let told = text_claim(&format!("{name}=x")).expect_err(name);
            assert!(told.contains("is reserved"), "{told}");
        }
    }
}
