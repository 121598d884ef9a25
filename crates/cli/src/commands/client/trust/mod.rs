//! `edgemint client trust`: adds a rule, so that tokens of a workload identify a client.

pub(crate) mod flags;
pub(crate) mod github;
pub(crate) mod judge;
pub(crate) mod rule;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{ArgGroup, Args as ClapArgs};
use edgemint_issuer::{ClientRecord, Identity, Platform, TrustedIssuer};
use serde::Serialize;

use crate::commands::client::trust::flags::{ConditionArgs, WorkloadArgs};
use crate::commands::client::trust::rule::{Conditions, described};
use crate::deployment::local_server;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};

/// Let a workload authenticate as a client
///
/// Adds a rule to the client: a token of a trusted issuer that meets every condition of the rule is this client. The
/// workload presents the token that its platform signs, so nobody stores a secret. One matching rule is enough.
/// Texts are compared byte for byte. The rule must pin what only one workload can have, because names of
/// repositories and projects can belong to others later. `edgemint client trust-test` tries a token.
#[derive(Debug, ClapArgs)]
#[command(override_usage = "edgemint client trust [OPTIONS] <--local|--env <NAME>> <ID>")]
#[command(group(ArgGroup::new("platform").args(["github", "gitlab", "kubernetes", "aws", "gcp", "azure", "spiffe"])))]
#[command(group(ArgGroup::new("git").args(["github", "gitlab"])))]
#[command(group(ArgGroup::new("workload").required(true).multiple(true)
    .args(["github", "gitlab", "kubernetes", "aws", "gcp", "azure", "spiffe", "issuer"])))]
#[command(after_help = "\
Examples:
  edgemint client trust deploy --github acme/app --environment production --env production
  edgemint client trust deploy --github acme/app --ref refs/heads/main --env production
  edgemint client trust deploy --gitlab acme/app --project-id 4711 --ref main --protected --env production
  edgemint client trust billing --kubernetes https://kubernetes.default.svc --service-account shop/billing --env production
  edgemint client trust report --issuer https://ci.example.com --subject job:42 --env production")]
pub(crate) struct ClientTrust {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    #[command(flatten)]
    pub(crate) conditions: ConditionArgs,
}

/// The change to make.
#[derive(Debug)]
struct Plan {
    after: ClientRecord,
    rule: Identity,
    warnings: Vec<String>,
}

/// Decides the change of the stored record. `own`: the ISSUER of this deployment, if it is known.
fn plan(
    stored: &ClientRecord,
    conditions: Conditions,
    args: &ConditionArgs,
    issuer: &TrustedIssuer,
    own: Option<&str>,
    now: u64,
) -> Result<Plan> {
    let expires = args.expires.map(|expires| expires.at(now)).transpose()?;
    let mut after = stored.clone();
    let mut rule = Identity {
        id: args.rule.clone().unwrap_or_else(|| next_id(stored, issuer.platform)),
        issuer: issuer.id.clone(),
        subject: conditions.subject,
        subject_prefix: conditions.subject_prefix,
        claims: conditions.claims,
        // Without an audience, the rule follows the ISSUER of the deployment.
        audience: args.audience.clone().filter(|audience| Some(audience.as_str()) != own),
        created: now,
        expires,
    };
    let is_same = |other: &Identity| {
        let ids = Identity { id: rule.id.clone(), created: rule.created, expires, ..other.clone() };
        ids == rule
    };
    match after.identities.iter().position(is_same).and_then(|at| after.identities.get_mut(at)) {
        Some(same) => {
            same.expires = expires;
            rule = same.clone();
        }
        None if stored.identities.iter().any(|other| other.id == rule.id) => bail!(
            "cannot add the rule {}: the client {} has another rule with this name. Pass another one with --rule.",
            rule.id,
            stored.id
        ),
        None => after.identities.push(rule.clone()),
    }
    judge::refuse(&after, &rule, issuer)?;
    let warnings = judge::warnings(&after, &rule, issuer, now);
    Ok(Plan { after, rule, warnings })
}

/// An ID that no rule of this client has had, including removed ones: each rule is added with a new revision, and its
/// number is at least that revision.
fn next_id(stored: &ClientRecord, platform: Platform) -> String {
    let number = |rule: &Identity| {
        rule.id.trim_start_matches(|c: char| c.is_ascii_lowercase()).parse::<u64>().ok()
    };
    let last = stored.identities.iter().filter_map(number).max().unwrap_or_default();
    format!("{}{}", platform.name(), last.max(stored.revision).saturating_add(1))
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Trusted {
    rule: Identity,
}

pub(crate) fn run(args: &ClientTrust, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    let now = host.now;
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        let target = &place.project.target;
        let issuers = place.records.read_all::<TrustedIssuer>()?;
        let issuer = rule::issuer(&args.workload, &issuers, target)?;
        let numbers = github::numbers(args.workload.github.as_ref(), &args.conditions)?;
        let conditions = rule::conditions(&args.workload, &args.conditions, &numbers)?;
        let own = own_issuer(place.project);
        let plan = plan(record, conditions, &args.conditions, issuer, own.as_deref(), now)?;
        *record = plan.after;
        let (id, rule) = (&typed.id, &plan.rule);
        let audience = rule.audience.as_deref().or(own.as_deref()).unwrap_or("the ISSUER of this deployment");
        let notes = vec![format!(
            "To get an access token, the workload sends its own token as `client_assertion`, with `client_id={id}`. The \
             audience of that token must be exactly {audience}."
        )];
        Ok(Said {
            done: format!("The client {id} in {target} has the rule {} ({})", rule.id, described(rule)),
            already: format!("The client {id} in {target} already has the rule {}", rule.id),
            what: Trusted { rule: plan.rule },
            notes,
            warnings: plan.warnings,
        })
    })
}

/// The ISSUER of the target, if it is known.
pub(crate) fn own_issuer(project: &Project) -> Option<String> {
    match project.target {
        Target::Local(_) => local_server::issuer(project),
        Target::Deployed(_) => project.issuer().map(str::to_owned),
    }
}
