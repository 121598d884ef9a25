//! `edgemint check`: reports all errors in a deployment's configuration at once.

pub(crate) mod apis;
pub(crate) mod binding;
pub(crate) mod bound;
pub(crate) mod clients;
pub(crate) mod counts;
pub(crate) mod fapi;
pub(crate) mod findings;
pub(crate) mod identities;
pub(crate) mod judge;
pub(crate) mod keys;
pub(crate) mod live;
pub(crate) mod live_issuers;
pub(crate) mod look;
pub(crate) mod rate_limits;
pub(crate) mod replay;
pub(crate) mod seen;
pub(crate) mod variables;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use serde::Serialize;

use crate::commands::check::findings::{Findings, Level, label};
use crate::commands::check::judge::judge;
use crate::commands::check::look::{Found, Stored};
use crate::commands::check::seen::Seen;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::flags::values::issuer;
use crate::host::Host;
use crate::terminal::output::{Output, sentences};
use crate::terminal::words::counted;

/// Check the configuration of a deployment
///
/// Checks the top of wrangler.toml (local development) and every environment, and reports every error with its
/// fix. The values of secrets cannot be read back from Cloudflare, so for a deployed environment wrangler lists
/// only their names. Checks that are not possible are reported as skipped. With an error, the exit code is 1.
/// Warnings and skipped checks do not change the exit code.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint check
  edgemint check --env production --live https://tokens.example.com")]
pub(crate) struct Check {
    /// Check only this environment of wrangler.toml
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Compare the documents of the running issuer at this URL with the configuration that has the URL as ISSUER. Also
    /// fetch the keys of its trusted issuers and clients
    #[arg(long, value_name = "URL", value_parser = issuer)]
    pub(crate) live: Option<String>,
}

/// The result: JSON for scripts, and the last sentence for people. Before it, each [`findings::Finding`] is printed.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    pub(crate) ok: bool,
    checked: Vec<String>,
    findings: &'a Findings,
}

impl<'a> Report<'a> {
    pub(crate) fn of(projects: &[Project], findings: &'a Findings) -> Self {
        let checked = projects.iter().map(|project| label(project.target.environment())).collect();
        Self { ok: findings.count(Level::Error) == 0, checked, findings }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checked = format!(
            "Checked {}: {}, {}, {} skipped.",
            self.checked.join(", "),
            counted(self.findings.count(Level::Error), "error"),
            counted(self.findings.count(Level::Warning), "warning"),
            self.findings.count(Level::Skipped)
        );
        sentences(f, [checked])
    }
}

pub(crate) fn run(args: &Check, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let (projects, findings) = examine(args, config, host)?;
    let report = Report::of(&projects, &findings);
    show(&findings, output)?;
    output.report(&report)?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes all checks. Returns the checked targets.
pub(crate) fn examine(args: &Check, config: Option<&Path>, host: &Host) -> Result<(Vec<Project>, Findings)> {
    let projects = targets(args, config, host)?;
    let mut findings = Findings::default();
    let mut seen = Vec::new();
    for project in projects {
        let found = look::at(&project, host);
        let of_target = judge(&project, &found, host.now, &mut findings.at(project.target.environment()));
        seen.push((project, found, of_target));
    }
    if let Some(url) = &args.live {
        compare(url, &seen, &mut findings);
    }
    let projects: Vec<Project> = seen.into_iter().map(|(project, ..)| project).collect();
    Ok((projects, findings))
}

/// Prints the findings for people. In JSON, the report contains them.
pub(crate) fn show(findings: &Findings, output: &mut Output) -> Result<()> {
    if output.is_json() {
        return Ok(());
    }
    findings.iter().try_for_each(|finding| output.result_paragraph(&finding.to_string()))
}

/// The targets to check: one environment, or the top of wrangler.toml and all environments.
fn targets(args: &Check, config: Option<&Path>, host: &Host) -> Result<Vec<Project>> {
    let local = TargetArgs { local: true, state: None, env: None };
    let top = Project::find(config, &local, host)?;
    if let Some(name) = &args.env {
        return Ok(vec![top.with_target(Target::Deployed(name.clone()))?]);
    }
    let environments = top.environments().into_iter();
    let mut projects =
        environments.map(|name| top.with_target(Target::Deployed(name))).collect::<Result<Vec<_>>>()?;
    projects.insert(0, top);
    Ok(projects)
}

/// Compares the documents of the issuer at `url` with the target that has it as ISSUER.
fn compare(url: &str, seen: &[(Project, Found, Seen)], findings: &mut Findings) {
    let Some((project, found, seen)) = seen.iter().find(|(project, ..)| project.issuer() == Some(url)) else {
        let projects = seen.iter().map(|(project, ..)| project);
        findings.at(None).add(Level::Error, "ISSUER", unnamed(url, projects));
        return;
    };
    let published = live::Published::of(url);
    let config = variables::config(project).ok();
    let findings = &mut findings.at(project.target.environment());
    live::compare(url, &published, config.as_ref(), seen, findings);
    let Some(stored) = found.records() else { return };
    let Stored { clients, issuers, .. } = stored;
    live::compare_bound(&published, stored, findings);
    live::compare_clients(&published, clients, findings);
    for issuer in issuers.values().flatten() {
        if let Some(published) = live_issuers::of_issuer(issuer) {
            live_issuers::compare(issuer, &published, findings);
        }
    }
    clients.values().flatten().for_each(|client| live_issuers::client(client, findings));
}

/// The finding if no target has `url` as ISSUER.
fn unnamed<'a>(url: &str, projects: impl Iterator<Item = &'a Project>) -> String {
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    let mut named = projects.filter_map(Project::issuer);
    match named.find(|named| bare(named) == bare(url)) {
        Some(named) => format!(
            "is {named} in wrangler.toml, not {url}. Clients compare it byte for byte. Run `edgemint check --live \
             {named}`"
        ),
        None => format!("is not {url} in any checked environment. Clients compare it byte for byte"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let top = Project::of_text("[env.e]", Target::Local("/s".into())).expect("a project");
        let deployed = top.with_target(Target::Deployed("e".to_owned())).expect("its environment");
        let projects = [top, deployed];
        let mut findings = Findings::default();
        findings.at(Some("e")).add(Level::Skipped, "CLIENTS", "was not checked: x");
        assert!(Report::of(&projects, &findings).ok);
        findings.at(None).add(Level::Error, "ISSUER", "is wrong");
        let report = Report::of(&projects, &findings);
        assert_eq!(
            serde_json::to_string(&report).expect("JSON"),
            r#"{"ok":false,"checked":["local development","env.e"],"findings":[{"level":"skipped","environment":"e","name":"CLIENTS","message":"was not checked: x"},{"level":"error","environment":null,"name":"ISSUER","message":"is wrong"}]}"#
        );
        assert_eq!(report.to_string(), "Checked local development, env.e: 1 error, 0 warnings, 1 skipped.\n");
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["env.e: skipped: CLIENTS was not checked: x", "local development: error: ISSUER is wrong"]
        );
    }
}
