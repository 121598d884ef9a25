//! `edgemint check`: what is wrong with a deployment's configuration, all of it at once.

pub(crate) mod apis;
pub(crate) mod binding;
pub(crate) mod clients;
pub(crate) mod counts;
pub(crate) mod findings;
pub(crate) mod judge;
pub(crate) mod keys;
pub(crate) mod live;
pub(crate) mod look;
pub(crate) mod rate_limits;
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
use crate::commands::check::seen::Seen;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::flags::values::issuer;
use crate::host::Host;
use crate::terminal::output::sentences;
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

/// The result: JSON for scripts, and the last sentence for people. Before it, they read each [`findings::Finding`].
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    checked: Vec<String>,
    findings: &'a Findings,
}

impl<'a> Report<'a> {
    fn of(projects: &[Project], findings: &'a Findings) -> Self {
        let checked = projects.iter().map(|project| label(project.target.environment())).collect();
        Self { ok: findings.count(Level::Error) == 0, checked, findings }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checked = format!(
            "Checked {}: {}, {}, {} not checked.",
            self.checked.join(", "),
            counted(self.findings.count(Level::Error), "mistake"),
            counted(self.findings.count(Level::Warning), "warning"),
            self.findings.count(Level::Unchecked)
        );
        sentences(f, [checked])
    }
}

pub(crate) fn run(args: &Check, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let projects = targets(args, config, host)?;
    let mut findings = Findings::default();
    let mut seen = Vec::new();
    for project in &projects {
        let found = look::at(project, host);
        seen.push(judge(project, &found, host.now, &mut findings.at(project.target.environment())));
    }
    if let Some(url) = &args.live {
        compare(url, &projects, &seen, &mut findings);
    }
    let report = Report::of(&projects, &findings);
    if !output.is_json() {
        findings.iter().try_for_each(|finding| output.result_paragraph(&finding.to_string()))?;
    }
    output.report(&report)?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The targets that are to be checked: one environment, or all that wrangler.toml has and its top.
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

/// Compares what the issuer at `url` publishes with the target that names it.
fn compare(url: &str, projects: &[Project], seen: &[Seen], findings: &mut Findings) {
    let mut named = projects.iter().zip(seen);
    match named.find(|(project, _)| project.issuer() == Some(url)) {
        Some((project, seen)) => {
            let published = live::Published::of(url);
            let config = variables::config(project).ok();
            let findings = &mut findings.at(project.target.environment());
            live::compare(url, &published, config.as_ref(), seen, findings);
        }
        None => findings.at(None).add(Level::Error, "ISSUER", unnamed(url, projects)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_the_same_to_scripts_and_to_people() {
        let top = Project::of_text("[env.e]", Target::Local("/s".into())).expect("a project");
        let deployed = top.with_target(Target::Deployed("e".to_owned())).expect("its environment");
        let projects = [top, deployed];
        let mut findings = Findings::default();
        findings.at(Some("e")).add(Level::Unchecked, "CLIENTS", "could not be checked");
        assert!(Report::of(&projects, &findings).ok);
        findings.at(None).add(Level::Error, "ISSUER", "is wrong");
        let report = Report::of(&projects, &findings);
        assert_eq!(
            serde_json::to_string(&report).expect("JSON"),
            r#"{"ok":false,"checked":["local development","env.e"],"findings":[{"level":"unchecked","environment":"e","name":"CLIENTS","message":"could not be checked"},{"level":"mistake","environment":null,"name":"ISSUER","message":"is wrong"}]}"#
        );
        assert_eq!(
            report.to_string(),
            "Checked local development, env.e: 1 mistake, 0 warnings, 1 not checked.\n"
        );
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "env.e: not checked: CLIENTS could not be checked",
                "local development: mistake: ISSUER is wrong"
            ]
        );
    }
}
