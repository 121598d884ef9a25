//! `edgemint client add`: a new client with a secret that is shown once.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use edgemint_issuer::{ApiId, ApiRecord, ClientId, ClientRecord, GeneratedSecret, Lifetime, StoredSecret};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::check_args;
use crate::cli::ClientAdd;
use crate::commands::client::grant;
use crate::commands::token::ask::encoded;
use crate::deployment::delay::Delay;
use crate::deployment::local_server;
use crate::deployment::project::{Project, Target};
use crate::host::Host;
use crate::host::private_file::PrivateFile;
use crate::records::kv::Records;
use crate::records::{change, new_client};
use crate::terminal::output::Output;
use crate::terminal::shell;

/// What the first generated secret of a record is called.
const FIRST: &str = "s1";

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Added<'a> {
    id: &'a ClientId,
    /// `null` for a public client, and when it is in a file.
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<&'a Path>,
    secret_id: Option<&'static str>,
    public: bool,
    seen_after_seconds: u64,
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

pub(crate) fn run(
    args: &ClientAdd,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let mut file = PrivateFile::named(args.out.as_deref(), host)?;
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.id;
    if let Some(why) = new_client::refused_id(id) {
        bail!("the client {id} was not added: {why}");
    }
    let as_api = ApiId::parse(id.as_str()).ok();
    let (stored, is_api) = records.read_beside::<ClientRecord, ApiRecord>(id, as_api.as_ref())?;
    if stored.is_some() {
        bail!(
            "there is a client {id} already in {}; a new secret for it comes from `edgemint client rotate-secret {}`",
            project.target,
            shell::last(id.as_str())
        );
    }

    let secret = if args.public {
        None
    } else {
        Some(GeneratedSecret::from_random(&Zeroizing::new(host.random_bytes::<32>()?)))
    };
    let mut record = record(args, secret.as_ref(), host.now);
    if let Some(api) = &args.api {
        let api: ApiRecord = change::find(&records, api, &project)?;
        grant::add(&mut record, &api, &args.grant)?;
    }
    change::must_be_storable(&record)?;
    let warnings = new_client::warnings(&record, is_api);
    if args.dry_run {
        change::preview(&records, &project, &record, host, output)?;
        warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(file), Some(secret)) = (&mut file, &secret) {
        file.write(secret.expose())?;
    }
    records.write(&record).with_context(|| {
        format!("the secret was not shown; should the client {id} be there now, remove it and add it again")
    })?;

    let file = file.map(PrivateFile::keep);
    let at = TokenEndpoint::of(&project);
    let delay = Delay::of(&project);
    if output.is_json() {
        let shown = secret.as_ref().filter(|_| file.is_none()).map(GeneratedSecret::expose);
        output.result_json(&Added {
            id,
            secret: shown,
            secret_file: file.as_deref(),
            secret_id: secret.as_ref().map(|_| FIRST),
            public: args.public,
            seen_after_seconds: delay.seconds(),
            issuer: at.issuer.as_deref(),
            warnings,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say(format_args!("Added the client {id} to {}.", project.target));
    output.say(delay);
    warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
    let Some(secret) = &secret else {
        output.say("It is public: it has no secret, and gets no token by client_credentials.");
        return Ok(ExitCode::SUCCESS);
    };
    // Where no request need name it, none does.
    let asked = args.api.as_ref().filter(|_| record.default_api.is_none());
    reveal(id, secret, file.as_deref(), &at, asked, output)?;
    if let Some(api) = &record.default_api {
        output.say(grant::way_to_ask(&record, api));
    }
    Ok(ExitCode::SUCCESS)
}

fn record(args: &ClientAdd, secret: Option<&GeneratedSecret>, now: u64) -> ClientRecord {
    let name = args.name.as_deref().unwrap_or_else(|| args.id.as_str());
    let mut record = ClientRecord::new(args.id.clone(), name);
    record.public = args.public;
    record.groups = args.groups.iter().flat_map(|groups| groups.0.clone()).collect();
    record.trusted_peers.clone_from(&args.trusted_peers);
    record.token_lifetime = args.token_lifetime.map(Lifetime::seconds);
    record.secrets.extend(secret.map(|secret| StoredSecret {
        id: FIRST.to_owned(),
        created: now,
        expires: None,
        hash: secret.hash(),
    }));
    record
}

/// Shows a new secret, once, or says in which file it is; and how to try it, for `api` if there is one.
pub(crate) fn reveal(
    id: &ClientId,
    secret: &GeneratedSecret,
    file: Option<&Path>,
    at: &TokenEndpoint,
    api: Option<&ApiId>,
    output: &mut Output,
) -> Result<()> {
    match file {
        Some(file) => output.say(format_args!("Its secret is in {}, and nowhere else.", file.display())),
        None => {
            output.say("Its secret, shown this once:");
            output.result_verbatim(secret.expose())?;
        }
    }
    output.say(format_args!(
        "With the secret in the variable CLIENT_SECRET, this gets a token:\n  {}",
        curl(id, &at.url, api)
    ));
    if let Some(help) = at.help {
        output.say(help);
    }
    Ok(())
}

/// Where a new secret can be tried.
pub(crate) struct TokenEndpoint {
    /// The issuer, as far as it is known.
    pub(crate) issuer: Option<String>,
    url: String,
    /// What the URL lacks.
    help: Option<&'static str>,
}

impl TokenEndpoint {
    /// That of the target; of the local state, only one that answers: its port is not in wrangler.toml.
    pub(crate) fn of(project: &Project) -> Self {
        let configured = project.issuer().filter(|issuer| check_args::issuer(issuer).is_ok());
        let (issuer, base, help) = match (&project.target, local_server::running(project), configured) {
            (_, Some(server), _) => (Some(server.issuer), server.address, None),
            (Target::Local(_), None, issuer) => (
                issuer.map(str::to_owned),
                format!("http://127.0.0.1:PORT{}", issuer.map_or("", path)),
                Some(
                    "No Worker that serves this state was found running: `cargo xtask dev` and `wrangler dev` say their PORT.",
                ),
            ),
            (Target::Deployed(_), None, Some(issuer)) => (Some(issuer.to_owned()), issuer.to_owned(), None),
            (Target::Deployed(_), None, None) => (None, "https://YOUR-ISSUER".to_owned(), None),
        };
        Self { issuer, url: format!("{}/token", base.trim_end_matches('/')), help }
    }
}

/// The path of an issuer's URL, if it has one.
fn path(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

/// A command that gets a token. The ID is form-encoded, as RFC 6749 §2.3.1 has it for Basic: `curl -u`
/// would take a colon in it for the end of it.
fn curl(id: &ClientId, token_endpoint: &str, api: Option<&ApiId>) -> String {
    let target = api.map_or_else(String::new, |api| {
        let parameter = grant::parameter(api);
        format!(" -d {parameter}={}", *encoded(api.as_str()))
    });
    format!(
        "curl -X POST {} -u \"{}:$CLIENT_SECRET\" -d grant_type=client_credentials{target}",
        shell::word(token_endpoint),
        *encoded(id.as_str())
    )
}
