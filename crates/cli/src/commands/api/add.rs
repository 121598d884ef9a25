//! `edgemint api add`: a new API that tokens can be for.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use edgemint_issuer::{ApiId, ApiRecord, ApiScope, ClientId, ClientRecord, Lifetime};
use serde::Serialize;

use crate::commands::api::ApiAdd;
use crate::deployment::delay::Delay;
use crate::deployment::project::Project;
use crate::host::Host;
use crate::records::kv::Records;
use crate::records::view::ApiView;
use crate::records::{change, new_client};
use crate::terminal::output::Output;
use crate::terminal::shell;

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Added<'a> {
    #[serde(flatten)]
    api: ApiView<'a>,
    seen_after_seconds: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

pub(crate) fn run(
    args: &ApiAdd,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    once_each(&args.scopes)?;
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.id;
    let as_client = ClientId::parse(id.as_str()).ok();
    let (stored, is_client) = records.read_beside::<ApiRecord, ClientRecord>(id, as_client.as_ref())?;
    if stored.is_some() {
        bail!(
            "there is an API {id} already in {}: `edgemint api set {}` changes it",
            project.target,
            shell::last(id.as_str())
        );
    }
    let record = record(args);
    change::must_be_storable(&record)?;
    let client = is_client.then(|| new_client::also_an_api(id));
    let warnings: Vec<String> = audience_only(id).into_iter().chain(client).collect();
    if args.dry_run {
        change::preview(&records, &project, &record, host, output)?;
        warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    records.write(&record)?;

    let delay = Delay::of(&project);
    if output.is_json() {
        let seen_after_seconds = delay.seconds();
        output.result_json(&Added { api: ApiView::of(&record), seen_after_seconds, warnings })?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say(format_args!("Added the API {id} to {}.", project.target));
    output.say(delay);
    warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
    needed_key(&record, &project).into_iter().for_each(|note| output.say(note));
    output.say(format_args!(
        "No client gets a token for it yet: `edgemint client grant CLIENT {}` changes that.",
        shell::option("--api", id.as_str())
    ));
    Ok(ExitCode::SUCCESS)
}

/// No two descriptions for one scope.
pub(crate) fn once_each(scopes: &[ApiScope]) -> Result<()> {
    for (i, scope) in scopes.iter().enumerate() {
        if scopes.iter().take(i).any(|earlier| earlier.name == scope.name) {
            bail!("--scope {} was typed twice: keep one of them", scope.name.as_str());
        }
    }
    Ok(())
}

/// What who named an API otherwise than by a URI must know.
fn audience_only(id: &ApiId) -> Option<String> {
    (!id.is_absolute_uri()).then(|| {
        format!("{id} is no absolute URI: only the parameter `audience` can name it, and not `resource` (RFC 8707 §2)")
    })
}

/// What an algorithm of its own asks of the deployment.
pub(crate) fn needed_key(record: &ApiRecord, project: &Project) -> Option<String> {
    let alg = record.alg?.name();
    let first = match project.signing_alg() {
        Some(_) => "",
        None => {
            " Should other tokens be signed otherwise, first set SIGNING_ALG in wrangler.toml to their algorithm, and \
             deploy: without it the newest key signs everything."
        }
    };
    Some(format!(
        "Tokens for it need a signing key for {alg}: `edgemint key list` shows those that there are, and `edgemint key rotate \
         --alg {alg}` adds one.{first}"
    ))
}

fn record(args: &ApiAdd) -> ApiRecord {
    let name = args.name.as_deref().unwrap_or_else(|| args.id.as_str());
    let mut record = ApiRecord::new(args.id.clone(), name);
    record.scopes.clone_from(&args.scopes);
    record.token_lifetime = args.token_lifetime.map(Lifetime::seconds);
    record.alg = args.alg;
    record.profile = args.profile;
    record
}
