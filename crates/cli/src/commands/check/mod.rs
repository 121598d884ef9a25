//! `edgemint check`: what is wrong with a deployment's configuration, all of it at once.

pub(crate) mod apis;
pub(crate) mod clients;
pub(crate) mod counts;
pub(crate) mod findings;
pub(crate) mod keys;
pub(crate) mod live;
pub(crate) mod rate_limits;
pub(crate) mod seen;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{
    ApiRecord, ClientRecord, Config, ConfigErrors, GrantType, SIGNING_KEY_PREFIX, VARIABLES,
};
use edgemint_printable::shell;
use serde::Serialize;

use crate::commands::check::findings::{Finding, Findings, Level};
use crate::commands::check::keys::ALL_KEYS;
use crate::commands::check::seen::{Demanded, EXAMPLE_KEY, Seen};
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::deployment::wrangler::Wrangler;
use crate::flags::target::TargetArgs;
use crate::flags::values::issuer;
use crate::host::Host;
use crate::records::kv::Records;
use crate::terminal::output::Output;
use crate::terminal::words::counted;

/// Check the configuration of a deployment
///
/// Reads wrangler.toml, the top of it (local development) and every environment, and reports every mistake
/// with its mend. The values of secrets cannot be read back from Cloudflare: of a deployed environment their
/// names are listed through wrangler, and what could not be checked is said. Mistakes end with the exit code
/// 1, warnings and what could not be checked do not.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint check
  edgemint check --env production --live https://tokens.example.com")]
pub(crate) struct Check {
    /// This environment of wrangler.toml alone
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Compare what the issuer that runs there publishes with the configuration that names it as ISSUER
    #[arg(long, value_name = "URL", value_parser = issuer)]
    pub(crate) live: Option<String>,
}

/// The `id` that wrangler.toml is shipped with.
const PLACEHOLDER_ID: &str = "00000000000000000000000000000000";

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    checked: Vec<&'a str>,
    findings: &'a [Finding],
}

pub(crate) fn run(args: &Check, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let local = TargetArgs { local: true, state: None, env: None };
    let top = Project::find(config, &local, host)?;
    let mut projects = Vec::new();
    match &args.env {
        Some(name) => projects.push(top.with_target(Target::Deployed(name.clone()))?),
        None => {
            for name in top.environments() {
                projects.push(top.with_target(Target::Deployed(name))?);
            }
            projects.insert(0, top);
        }
    }

    let mut findings = Findings::default();
    let seen: Vec<Seen> = projects.iter().map(|project| one(project, host, &mut findings)).collect();
    if let Some(url) = &args.live {
        let mut named = projects.iter().zip(seen);
        let named = named.find(|(project, _)| project.issuer() == Some(url.as_str()));
        findings.environment = named.as_ref().and_then(|(project, _)| environment(project));
        match named {
            Some((project, seen)) => {
                let config = judged(project).ok();
                live::compare(url, config.as_ref(), &seen, &mut findings);
            }
            None => findings.add(Level::Mistake, "ISSUER", unnamed(url, &projects)),
        }
    }
    tell(&projects, &findings, output)
}

/// Why nothing is compared with what runs at `url`.
fn unnamed(url: &str, projects: &[Project]) -> String {
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    let mut named = projects.iter().filter_map(Project::issuer);
    match named.find(|named| bare(named) == bare(url)) {
        Some(named) => format!(
            "is {named} in wrangler.toml, and not {url}: clients compare it byte for byte. Run `edgemint check --live \
             {named}`."
        ),
        None => format!("is {url} in nothing that was checked: clients compare it byte for byte"),
    }
}

pub(crate) fn environment(project: &Project) -> Option<String> {
    project.target.environment().map(str::to_owned)
}

/// Looks at one target.
pub(crate) fn one(project: &Project, host: &Host, findings: &mut Findings) -> Seen {
    findings.environment = environment(project);
    variables(project, findings);
    let bound = binding(project, findings);
    let mut seen = Seen { signing_alg: project.signing_alg(), ..Seen::default() };
    match &project.target {
        Target::Deployed(name) => {
            addresses(project, findings);
            rate_limits::bound(project, name, findings);
            counts::bound(project, findings);
            let secrets = Wrangler::find(project, host).and_then(|wrangler| wrangler.secret_names(name));
            match secrets {
                Ok(names) => {
                    seen.keys = Some(keys::deployed(name, &names, findings));
                    if bound {
                        seen.demanded = clients(project, host, findings);
                    }
                    keys::algorithms(keys::told(&names), &mut seen, findings);
                }
                // Who cannot list secrets cannot list clients: once is enough said.
                Err(error) => {
                    let message = format!(
                        "could not be checked, nor could the clients, as the secrets could not be listed: {error:#}"
                    );
                    findings.add(Level::Unchecked, ALL_KEYS, message);
                }
            }
        }
        // What nobody has started yet has no clients, and to look would make it.
        Target::Local(state) if state.is_dir() => {
            if bound {
                seen.demanded = clients(project, host, findings);
            }
            let there = keys::local(state, seen.signing_alg, host.now, findings);
            keys::algorithms(there, &mut seen, findings);
        }
        Target::Local(_) => {}
    }
    seen
}

/// Looks at the records. Gives what those of APIs demand of keys.
fn clients(project: &Project, host: &Host, findings: &mut Findings) -> Demanded {
    let read = || {
        let records = Records::of(project, host)?;
        anyhow::Ok((records.read_all::<ClientRecord>()?, records.read_all::<ApiRecord>()?))
    };
    match read() {
        Ok((stored, apis)) => {
            clients::judge(&stored, host.now, findings);
            apis::judge(&apis, &stored, findings);
            keys::demanded(&apis)
        }
        Err(error) => {
            findings.add(Level::Unchecked, "CLIENTS", format!("could not be checked: {error:#}"));
            Demanded::default()
        }
    }
}

/// A variable as the Worker reads it: text, a number or a boolean as text, a list joined by spaces.
fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => Some(value.to_string()),
        toml::Value::Array(items) => {
            items.iter().map(as_text).collect::<Option<Vec<_>>>().map(|items| items.join(" "))
        }
        toml::Value::Table(_) | toml::Value::Datetime(_) => None,
    }
}

/// The target's variables, with a key that stands in for those that cannot be read.
pub(crate) fn judged(project: &Project) -> Result<Config, ConfigErrors> {
    let variables = project.section().and_then(|section| section.get("vars")?.as_table());
    let text: Vec<(&str, String)> = variables
        .into_iter()
        .flatten()
        .filter(|(name, _)| !name.starts_with(SIGNING_KEY_PREFIX))
        .filter_map(|(name, value)| Some((name.as_str(), as_text(value)?)))
        .collect();
    let text = text.iter().map(|(name, value)| (*name, value.as_str()));
    Config::parse(text.chain([("SIGNING_KEY_EXAMPLE", EXAMPLE_KEY)]))
}

pub(crate) fn variables(project: &Project, findings: &mut Findings) {
    match judged(project) {
        Ok(config) if !config.serves(GrantType::ClientCredentials) => findings.add(
            Level::Warning,
            "GRANT_TYPES",
            "does not list client_credentials: the grant is opt-in, and every request for a token is refused",
        ),
        Ok(_) => {}
        Err(errors) => {
            for mistake in errors.mistakes() {
                findings.add(Level::Mistake, &mistake.name, mistake.mend.clone());
            }
        }
    }
    let variables = project.section().and_then(|section| section.get("vars")?.as_table());
    for (name, value) in variables.into_iter().flatten() {
        if name.starts_with(SIGNING_KEY_PREFIX) {
            findings.add(
                Level::Mistake,
                name,
                "stands in wrangler.toml, where everybody who has the file can read it: remove it, make another key \
                 with `edgemint key generate`, and set that with `npx wrangler secret put`",
            );
        } else if VARIABLES.contains(&name.as_str()) && as_text(value).is_none() {
            findings.add(Level::Mistake, name, "must be a text or a list of texts");
        }
    }
}

/// Whether the binding is there, and names what may be a namespace.
pub(crate) fn binding(project: &Project, findings: &mut Findings) -> bool {
    let namespaces = project.section().and_then(|section| section.get("kv_namespaces")?.as_array());
    let clients = namespaces
        .into_iter()
        .flatten()
        .find(|namespace| namespace.get("binding").and_then(toml::Value::as_str) == Some("CLIENTS"));
    let Some(clients) = clients else {
        let section = match &project.target {
            Target::Local(_) => "[[kv_namespaces]]".to_owned(),
            Target::Deployed(name) => format!("[[env.{name}.kv_namespaces]]"),
        };
        let message =
            format!("is missing: add {section} with binding = \"CLIENTS\" (environments do not inherit it)");
        findings.add(Level::Mistake, "CLIENTS", message);
        return false;
    };
    let Target::Deployed(name) = &project.target else { return true };
    let make =
        format!("`npx wrangler kv namespace create CLIENTS {}` prints one", shell::option("--env", name));
    let wrong = match clients.get("id").and_then(toml::Value::as_str) {
        Some(PLACEHOLDER_ID) => "still has the id that stands in for yours",
        Some(id) if id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit()) => return true,
        Some(_) => "has an id that is none of Cloudflare's (32 hexadecimal digits)",
        None => "has no id",
    };
    findings.add(Level::Mistake, "CLIENTS", format!("{wrong}: {make}"));
    false
}

/// An issuer that is right in form, and that nobody can reach.
fn addresses(project: &Project, findings: &mut Findings) {
    let Some(issuer) = project.issuer() else { return };
    let host = issuer.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    if issuer.starts_with("http://") {
        findings.add(
            Level::Mistake,
            "ISSUER",
            "is an address of this machine: set it to the URL that clients use",
        );
    } else if ["example.com", "example.org", "example.net"]
        .iter()
        .any(|example| host.strip_suffix(example).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    {
        findings.add(Level::Mistake, "ISSUER", "is still the example's: set it to the URL that clients use");
    }
}

fn tell(projects: &[Project], findings: &Findings, output: &mut Output) -> Result<ExitCode> {
    let mistakes = findings.count(Level::Mistake);
    let label =
        |name: Option<&str>| name.map_or("local development".to_owned(), |name| format!("env.{name}"));
    if output.is_json() {
        let names: Vec<String> =
            projects.iter().map(|project| label(environment(project).as_deref())).collect();
        let checked = names.iter().map(String::as_str).collect();
        output.result_json(&Report { ok: mistakes == 0, checked, findings: &findings.all })?;
    } else {
        for finding in &findings.all {
            let level = match finding.level {
                Level::Mistake => "mistake",
                Level::Warning => "warning",
                Level::Unchecked => "not checked",
            };
            let place = label(finding.environment.as_deref());
            output.result_paragraph(&format!("{place}: {level}: {} {}", finding.name, finding.message))?;
        }
        let names: Vec<String> =
            projects.iter().map(|project| label(environment(project).as_deref())).collect();
        output.say(format_args!(
            "Checked {}: {}, {}, {} not checked.",
            names.join(", "),
            counted(mistakes, "mistake"),
            counted(findings.count(Level::Warning), "warning"),
            findings.count(Level::Unchecked)
        ));
    }
    Ok(if mistakes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
