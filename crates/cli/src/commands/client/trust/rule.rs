//! Turns the flags of `client trust` into a rule. This module has no side effects.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::{Identity, Platform, TrustedIssuer, TrustedIssuerId};
use edgemint_printable::shell;
use serde_json::Value;

use crate::commands::client::trust::flags::{Claim, ConditionArgs, WorkloadArgs};
use crate::deployment::project::Target;
use crate::records::kv::ById;
use crate::terminal::near::did_you_mean;
use crate::terminal::words::some_of;

/// The numbers of a repository and of its owner, which GitHub never gives to another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) repository: Option<String>,
    pub(crate) owner: Option<String>,
}

/// The conditions of a rule.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Conditions {
    pub(crate) subject: Option<String>,
    pub(crate) subject_prefix: Option<String>,
    pub(crate) claims: BTreeMap<String, Value>,
}

/// The platform that the flags are about. `None` if they name only an issuer.
pub(crate) fn platform(workload: &WorkloadArgs) -> Option<Platform> {
    let WorkloadArgs { github, gitlab, kubernetes, aws, gcp, azure, spiffe, issuer: _ } = workload;
    [
        (github.is_some(), Platform::Github),
        (gitlab.is_some(), Platform::Gitlab),
        (kubernetes.is_some(), Platform::Kubernetes),
        (aws.is_some(), Platform::Aws),
        (gcp.is_some(), Platform::Gcp),
        (azure.is_some(), Platform::Azure),
        (spiffe.is_some(), Platform::Spiffe),
    ]
    .into_iter()
    .find_map(|(is_named, platform)| is_named.then_some(platform))
}

/// The trusted issuer of the workload: the one that the flags name, or the only one of the platform.
pub(crate) fn issuer<'a>(
    workload: &WorkloadArgs,
    issuers: &'a ById<TrustedIssuer>,
    target: &Target,
) -> Result<&'a TrustedIssuer> {
    let platform = platform(workload);
    let named = workload.issuer.as_ref().or(workload.kubernetes.as_ref());
    if let Some(id) = named {
        let stored = issuers.get(id).with_context(|| unregistered(id, issuers, target))?;
        let issuer = stored.as_ref().map_err(|error| {
            anyhow::anyhow!("cannot read the record of the trusted issuer {id} in {target}: {error}")
        })?;
        if let Some(platform) = platform.filter(|platform| *platform != issuer.platform) {
            bail!(
                "cannot trust a workload of {} with the issuer {id}: the platform of the issuer is {}.",
                platform.name(),
                issuer.platform.name()
            );
        }
        return Ok(issuer);
    }
    let platform = platform.context("cannot tell the workload: pass a flag such as --github or --issuer")?;
    // An issuer of Azure belongs to one tenant, which is a part of its URL.
    let is_of_tenant = |id: &TrustedIssuerId| {
        let mut parts = id.as_str().split('/');
        workload.azure.as_ref().is_none_or(|tenant| parts.any(|part| part == tenant))
    };
    let fitting = |issuer: &&TrustedIssuer| issuer.platform == platform && is_of_tenant(&issuer.id);
    let found: Vec<&TrustedIssuer> = issuers.values().flatten().filter(fitting).collect();
    match found.as_slice() {
        [only] => Ok(only),
        [] => {
            let what = match platform {
                Platform::Github | Platform::Gitlab | Platform::Gcp => platform.name(),
                Platform::Kubernetes
                | Platform::Aws
                | Platform::Azure
                | Platform::Spiffe
                | Platform::Custom => "URL",
            };
            bail!(
                "cannot find a trusted issuer for {} in {target}. Register it with `edgemint issuer add {what}`.",
                platform.name()
            )
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|issuer| issuer.id.as_str()).collect();
            bail!(
                "cannot choose the issuer: several in {target} are for {}. Pass --issuer: {}.",
                platform.name(),
                some_of(&ids)
            )
        }
    }
}

fn unregistered(id: &TrustedIssuerId, issuers: &ById<TrustedIssuer>, target: &Target) -> String {
    let near = did_you_mean(id.as_str(), issuers.keys().map(TrustedIssuerId::as_str));
    if near.is_empty() {
        format!(
            "cannot find the trusted issuer {id} in {target}. Register it with `edgemint issuer add {}`",
            shell::last(id.as_str())
        )
    } else {
        format!("cannot find the trusted issuer {id} in {target}{near}")
    }
}

/// The conditions that the flags describe. `numbers`: those of the repository on GitHub.
pub(crate) fn conditions(
    workload: &WorkloadArgs,
    args: &ConditionArgs,
    numbers: &Numbers,
) -> Result<Conditions> {
    let mut conditions = Conditions {
        subject: args.subject.clone(),
        subject_prefix: args.subject_prefix.clone(),
        claims: BTreeMap::new(),
    };
    let claims: Vec<(&str, Option<String>)> = if let Some(repository) = &workload.github {
        github(repository, args, numbers)?
    } else if let Some(project) = &workload.gitlab {
        gitlab(project, args)?
    } else {
        conditions.subject = subject(workload, args).or(conditions.subject);
        Vec::new()
    };
    if let Some(prefix) = workload.spiffe.as_ref().filter(|id| id.ends_with('/')) {
        (conditions.subject, conditions.subject_prefix) = (None, Some(prefix.clone()));
    }
    let tenant = [("tid", workload.azure.clone())];
    let of_platform = claims.into_iter().chain(tenant);
    let of_platform = of_platform.filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    let typed = args.claims.iter().chain(&args.json_claims);
    let typed = typed.map(|Claim(name, value)| (name.clone(), value.clone()));
    for (name, value) in of_platform.chain(typed) {
        match conditions.claims.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(entry) if *entry.get() == value => {}
            Entry::Occupied(entry) => bail!(
                "cannot require two values of the claim {}: {} and {value}. Keep one of them.",
                entry.key(),
                entry.get()
            ),
        }
    }
    Ok(conditions)
}

/// The exact subject of a workload whose platform has one.
fn subject(workload: &WorkloadArgs, args: &ConditionArgs) -> Option<String> {
    let pod = args.service_account.as_ref().filter(|_| workload.kubernetes.is_some());
    let pod = pod.map(|account| format!("system:serviceaccount:{}", account.replace('/', ":")));
    let object = args.object_id.clone().filter(|_| workload.azure.is_some());
    pod.or(object)
        .or_else(|| workload.aws.clone())
        .or_else(|| workload.gcp.clone())
        .or_else(|| workload.spiffe.clone())
}

/// The claims of a job of GitHub. Never its subject, whose form an organisation can change.
fn github(
    repository: &str,
    args: &ConditionArgs,
    numbers: &Numbers,
) -> Result<Vec<(&'static str, Option<String>)>> {
    ensure!(
        repository.split('/').count() == 2,
        "cannot trust {repository}: the name of a repository on GitHub is OWNER/REPO."
    );
    if let Some(name) = args.git_ref.as_ref().filter(|name| !name.starts_with("refs/")) {
        bail!(
            "cannot use --ref {name}: on GitHub, the claim `ref` begins with refs/. Pass refs/heads/{name} for a branch, \
             or refs/tags/{name} for a tag."
        );
    }
    // With only the owner's number, the name identifies the repository: it is unique within the owner.
    let name = numbers.repository.is_none().then(|| repository.to_owned());
    let push = args.git_ref.as_ref().map(|_| "push".to_owned());
    Ok(vec![
        ("repository_id", numbers.repository.clone()),
        ("repository_owner_id", numbers.owner.clone()),
        ("repository", name),
        ("environment", args.environment.clone()),
        ("ref", args.git_ref.clone()),
        ("event_name", args.event.clone().or(push)),
    ])
}

/// The claims of a job of GitLab.
fn gitlab(project: &str, args: &ConditionArgs) -> Result<Vec<(&'static str, Option<String>)>> {
    if let Some(name) = args.git_ref.as_ref().and_then(|name| name.strip_prefix("refs/")) {
        let short = name.split_once('/').map_or(name, |(_, short)| short);
        bail!("cannot use --ref refs/{name}: on GitLab, the claim `ref` is only the name. Pass {short}.");
    }
    ensure!(
        args.project_id.is_some() || args.namespace_id.is_some(),
        "cannot trust {project}: another project can get its name later, so the rule needs its number. Pass --project-id \
         (the project's page shows it), or --namespace-id."
    );
    let path = args.project_id.is_none().then(|| project.to_owned());
    Ok(vec![
        ("project_id", args.project_id.clone()),
        ("namespace_id", args.namespace_id.clone()),
        ("project_path", path),
        ("environment", args.environment.clone()),
        ("ref", args.git_ref.clone()),
        ("ref_protected", args.protected.then(|| "true".to_owned())),
    ])
}

/// The rule as text: its issuer and its conditions.
pub(crate) fn described(rule: &Identity) -> String {
    let Identity { id: _, issuer, subject, subject_prefix, claims, audience, created: _, expires: _ } = rule;
    let text = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let claim = |(name, value): (&String, &Value)| format!("{name} {}", shown(value));
    let conditions: Vec<String> = text("sub", subject)
        .into_iter()
        .chain(text("sub from", subject_prefix))
        .chain(claims.iter().map(claim))
        .chain(text("aud", audience))
        .collect();
    format!("{issuer}: {}", conditions.join(", "))
}

/// A claim as text: with quotation marks only where the type could be mistaken.
fn shown(value: &Value) -> String {
    match value.as_str() {
        Some(text) if serde_json::from_str::<Value>(text).is_err() => text.to_owned(),
        _ => value.to_string(),
    }
}
