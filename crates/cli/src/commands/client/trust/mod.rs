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
use crate::records::change_one::{Said, Which};
use crate::records::{change_one, new_client};

/// Let a workload authenticate as a client
///
/// Adds a rule to the client: a token of a trusted issuer that meets every condition of the rule is this client. The
/// workload presents the token that its platform signs, so there is no secret to store. One matching rule is enough.
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
    let number =
        |rule: &Identity| rule.id.trim_start_matches(|c: char| c.is_ascii_lowercase()).parse::<u64>().ok();
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
        let numbers = github::numbers(args.workload.github.as_ref(), &issuer.id, &args.conditions)?;
        let conditions = rule::conditions(&args.workload, &args.conditions, &numbers)?;
        let own = own_issuer(place.project);
        let plan = plan(record, conditions, &args.conditions, issuer, own.as_deref(), now)?;
        let is_first = !record.has_keys() && record.identities.is_empty();
        *record = plan.after;
        let (id, rule) = (&typed.id, &plan.rule);
        let audience = rule.audience.as_deref().or(own.as_deref()).unwrap_or("the ISSUER of this deployment");
        let mut notes = vec![format!(
            "To get an access token, the workload sends its own token as `client_assertion`, with `client_id={id}`. The \
             audience of that token must be exactly {audience}."
        )];
        notes.extend(is_first.then(new_client::of_version_3));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser;
    use edgemint_issuer::{
        ClientId, GeneratedSecret, Introspect, IssuerKeys, KeySetUrl, MAX_IDENTITIES, StoredSecret,
        TrustedIssuerId,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::commands::client::trust::rule::Numbers;
    use crate::commands::issuer::presets;
    use crate::records::kv::ById;

    const OWN: &str = "https://tokens.example.com";
    const NOW: u64 = 1_795_000_000;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: ClientTrust,
    }

    fn typed(flags: &[&str]) -> Result<ClientTrust, String> {
        let words = ["trust", "deploy", "--local"].iter().chain(flags);
        Typed::try_parse_from(words).map(|typed| typed.args).map_err(|error| error.to_string())
    }

    fn issuer(url: &str, platform: Platform) -> TrustedIssuer {
        let id = presets::parse(url).expect(url);
        let keys = IssuerKeys::JwksUri(KeySetUrl::parse("https://keys.example/jwks").expect("a URL"));
        TrustedIssuer::new(id, "A", platform, keys)
    }

    fn issuers(all: &[TrustedIssuer]) -> ById<TrustedIssuer> {
        all.iter().map(|issuer| (issuer.id.clone(), Ok(issuer.clone()))).collect()
    }

    fn client() -> ClientRecord {
        ClientRecord::new(ClientId::parse("deploy").expect("an ID"), "Deploy")
    }

    /// The plan for these flags. The repository acme/app has the number 1296269, and its owner 9919.
    fn planned(stored: &ClientRecord, all: &[TrustedIssuer], flags: &[&str]) -> Result<Plan, String> {
        let args = typed(flags)?;
        let (all, target) = (issuers(all), Target::Deployed("e".to_owned()));
        let numbers = Numbers { repository: Some("1296269".to_owned()), owner: Some("9919".to_owned()) };
        let conditions = &args.conditions;
        let is_typed = conditions.repository_id.is_some() || conditions.owner_id.is_some();
        let typed =
            Numbers { repository: conditions.repository_id.clone(), owner: conditions.owner_id.clone() };
        let numbers = if is_typed { typed } else { numbers };
        let plan = rule::issuer(&args.workload, &all, &target).and_then(|issuer| {
            let found = rule::conditions(&args.workload, conditions, &numbers)?;
            plan(stored, found, conditions, issuer, Some(OWN), NOW)
        });
        plan.map_err(|error| format!("{error:#}"))
    }

    /// An issuer of each platform, flags for a workload of it, and its token in the form that the platform documents.
    fn platforms() -> Vec<(TrustedIssuer, Vec<&'static str>, Value)> {
        let tenant = "8f0c1d2e-0000-4000-8000-0123456789ab";
        let object = "0d1c2b3a-0000-4000-8000-0123456789ab";
        let azure = "https://login.microsoftonline.com/8f0c1d2e-0000-4000-8000-0123456789ab/v2.0";
        let cluster = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF";
        let aws = "https://1c2d3e4f-0000-4000-8000-0123456789ab.tokens.sts.global.api.aws";
        vec![
            (
                issuer("github", Platform::Github),
                vec!["--github", "acme/app", "--environment", "production"],
                json!({ "jti": "j", "sub": "repo:acme@9919/app@1296269:environment:production", "aud": OWN,
                    "ref": "refs/heads/main", "sha": "f00", "repository": "acme/app", "repository_owner": "acme",
                    "repository_owner_id": "9919", "repository_id": "1296269", "run_id": "1", "run_number": "1",
                    "run_attempt": "1", "repository_visibility": "private", "actor_id": "12", "actor": "octocat",
                    "workflow": "deploy", "head_ref": "", "base_ref": "", "event_name": "push", "ref_type": "branch",
                    "ref_protected": "true", "environment": "production", "runner_environment": "github-hosted",
                    "job_workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main",
                    "iss": "https://token.actions.githubusercontent.com", "nbf": NOW, "exp": NOW + 300, "iat": NOW }),
            ),
            (
                issuer("gitlab", Platform::Gitlab),
                vec!["--gitlab", "acme/app", "--project-id", "22", "--ref", "main", "--protected"],
                json!({ "namespace_id": "72", "namespace_path": "acme", "project_id": "22", "project_path": "acme/app",
                    "user_id": "1", "user_login": "sam", "pipeline_id": "574", "pipeline_source": "push",
                    "job_id": "302", "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main",
                    "ref_protected": "true", "runner_id": 1, "runner_environment": "gitlab-hosted", "sha": "f00",
                    "project_visibility": "private", "jti": "j", "iss": "https://gitlab.com", "iat": NOW, "nbf": NOW,
                    "exp": NOW + 3600, "sub": "project_path:acme/app:ref_type:branch:ref:main", "aud": OWN }),
            ),
            (
                issuer(cluster, Platform::Kubernetes),
                vec![
                    "--kubernetes",
                    cluster,
                    "--service-account",
                    "shop/billing",
                    "--claim",
                    "kubernetes.io/serviceaccount/uid=14ee3fa4",
                ],
                json!({ "aud": [OWN], "exp": NOW + 3607, "iat": NOW, "iss": cluster, "jti": "j",
                    "kubernetes.io": { "namespace": "shop", "node": { "name": "n", "uid": "58456cb0" },
                        "pod": { "name": "billing-1", "uid": "b1e7e8b2" },
                        "serviceaccount": { "name": "billing", "uid": "14ee3fa4" } },
                    "nbf": NOW, "sub": "system:serviceaccount:shop:billing" }),
            ),
            (
                issuer(aws, Platform::Aws),
                vec!["--aws", "arn:aws:iam::123456789012:role/DataProcessingRole"],
                json!({ "iss": aws, "aud": OWN, "sub": "arn:aws:iam::123456789012:role/DataProcessingRole", "iat": NOW,
                    "exp": NOW + 300, "jti": "j", "https://sts.amazonaws.com/": { "aws_account": "123456789012",
                        "source_region": "eu-west-1", "org_id": "o-abc1234567",
                        "principal_tags": { "environment": "production" } } }),
            ),
            (
                issuer("gcp", Platform::Gcp),
                vec!["--gcp", "104857600000000000000"],
                json!({ "iss": "https://accounts.google.com", "iat": NOW, "exp": NOW + 3600, "aud": OWN,
                    "azp": "104857600000000000000", "sub": "104857600000000000000", "email_verified": true,
                    "email": "billing@acme.iam.gserviceaccount.com" }),
            ),
            (
                issuer(azure, Platform::Azure),
                vec!["--azure", tenant, "--object-id", object],
                json!({ "aud": OWN, "iss": azure, "iat": NOW, "nbf": NOW, "exp": NOW + 86_700, "aio": "E2", "azp": "a",
                    "azpacr": "2", "idtyp": "app", "oid": object, "rh": "0", "sub": object, "tid": tenant, "uti": "u",
                    "ver": "2.0" }),
            ),
            (
                issuer("https://oidc.spire.example", Platform::Spiffe),
                vec!["--spiffe", "spiffe://example.org/ns/shop/sa/billing"],
                json!({ "aud": [OWN], "exp": NOW + 300, "iat": NOW, "iss": "https://oidc.spire.example",
                    "sub": "spiffe://example.org/ns/shop/sa/billing" }),
            ),
            (
                issuer("https://ci.example.com", Platform::Custom),
                vec![
                    "--issuer",
                    "https://ci.example.com",
                    "--subject",
                    "job:42",
                    "--claim-json",
                    "trusted=true",
                ],
                json!({ "aud": OWN, "exp": NOW + 300, "iat": NOW, "iss": "https://ci.example.com", "sub": "job:42",
                    "trusted": true }),
            ),
        ]
    }

    fn claims(token: &Value) -> BTreeMap<String, Value> {
        token.as_object().cloned().unwrap_or_default().into_iter().collect()
    }

    #[test]
    fn a_token_in_the_documented_form_of_each_platform_matches_its_rule() {
        let all: Vec<TrustedIssuer> = platforms().into_iter().map(|(issuer, ..)| issuer).collect();
        let mut seen = Vec::new();
        for (issuer, flags, token) in platforms() {
            let plan = planned(&client(), &all, &flags).unwrap_or_else(|error| panic!("{flags:?}: {error}"));
            assert_eq!(plan.rule.issuer, issuer.id, "the registered issuer of the platform is found");
            assert_eq!(plan.rule.check_pins(issuer.platform), Ok(()));
            let token = claims(&token);
            let matched = plan.rule.matches(&token, issuer.platform, OWN, NOW);
            assert_eq!(matched, Ok(()), "{flags:?}");
            assert_eq!(plan.warnings, [""; 0], "{flags:?}");
            // No lifetime of the platform's tokens exceeds the default of the record.
            let lifetime = token["exp"].as_u64().unwrap_or(0) - NOW;
            assert!(lifetime <= issuer.max_age, "{flags:?}: {lifetime}");
            seen.push(issuer.platform.name());
        }
        assert_eq!(seen, Platform::ALL.map(Platform::name));
    }

    #[test]
    fn a_token_with_any_other_value_of_what_a_rule_compares_does_not_match() {
        let all: Vec<TrustedIssuer> = platforms().into_iter().map(|(issuer, ..)| issuer).collect();
        for (issuer, flags, token) in platforms() {
            let rule = planned(&client(), &all, &flags).expect("a plan").rule;
            let compared = rule.claims.keys().filter(|name| !name.contains('/'));
            let subject = "sub".to_owned();
            let compared = compared.chain(rule.subject.as_ref().map(|_| &subject));
            for name in compared {
                let text = token[name].as_str().unwrap_or_default();
                let longer = json!(format!("{text}x"));
                for other in [longer, json!([text]), json!(text.to_uppercase() + "X"), Value::Null, json!(1)]
                {
                    let mut token = claims(&token);
                    token.insert(name.clone(), other.clone());
                    assert!(rule.matches(&token, issuer.platform, OWN, NOW).is_err(), "{name} {other}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_rule_matches_a_longer_name_than_it_says(
            project in "[1-9][0-9]{0,8}", more in "[0-9a-z/:]{1,8}", environment in "[a-z]{1,8}"
        ) {
            let flags = ["--gitlab", "a/b", "--project-id", &project, "--environment", &environment];
            let all = [issuer("gitlab", Platform::Gitlab)];
            let rule = planned(&client(), &all, &flags).expect("a plan").rule;
            let token = |project: &str, environment: &str| claims(&json!({
                "aud": OWN, "sub": "x", "project_id": project, "environment": environment
            }));
            let matches = |token| rule.matches(&token, Platform::Gitlab, OWN, NOW).is_ok();
            prop_assert!(matches(token(&project, &environment)));
            let (longer, before) = (format!("{project}{more}"), format!("{more}{project}"));
            let other = format!("{environment}{more}");
            prop_assert!(!matches(token(&longer, &environment)));
            prop_assert!(!matches(token(&project, &other)));
            prop_assert!(!matches(token(&before, &environment)));
        }
    }

    #[test]
    fn a_ref_of_github_keeps_out_events_that_outsiders_start_unless_another_one_is_named() {
        let all = [issuer("github", Platform::Github)];
        let claims = |flags: &[&str]| {
            let flags = [&["--github", "acme/app"], flags].concat();
            planned(&client(), &all, &flags)
                .map(|plan| (Value::from_iter(plan.rule.claims), plan.warnings.len()))
        };
        let ids = |more: Value| {
            let mut claims = json!({ "repository_id": "1296269", "repository_owner_id": "9919" });
            claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            claims
        };
        let main = "refs/heads/main";
        assert_eq!(claims(&["--ref", main]), Ok((ids(json!({ "ref": main, "event_name": "push" })), 0)));
        assert_eq!(
            claims(&["--ref", main, "--event", "schedule"]),
            Ok((ids(json!({ "ref": main, "event_name": "schedule" })), 0))
        );
        assert_eq!(claims(&[]), Ok((ids(json!({})), 1)), "a warning about events");
        let workflow = "job_workflow_ref=acme/app/.github/workflows/a.yml@refs/heads/main";
        assert_eq!(claims(&["--claim", workflow]).map(|(_, warnings)| warnings), Ok(0));
        // With only the owner's number, the name of the repository is compared, too.
        assert_eq!(
            claims(&["--owner-id", "7", "--event", "push"]),
            Ok((json!({ "repository_owner_id": "7", "repository": "acme/app", "event_name": "push" }), 0))
        );
        assert_eq!(
            claims(&["--repository-id", "7", "--event", "push"]),
            Ok((json!({ "repository_id": "7", "event_name": "push" }), 0))
        );
    }

    #[test]
    fn what_would_match_others_is_refused_with_the_reason() {
        let all: Vec<TrustedIssuer> = platforms().into_iter().map(|(issuer, ..)| issuer).collect();
        let second = issuer("https://gitlab.example.com", Platform::Gitlab);
        let more = [&all[..], &[second]].concat();
        let ci = ["--issuer", "https://ci.example.com"];
        for (flags, told) in [
            (vec!["--github", "acme/app", "--ref", "main"], "Pass refs/heads/main"),
            (vec!["--github", "acme/app/x"], "OWNER/REPO"),
            (
                vec!["--github", "acme/app", "--ref", "refs/heads/a", "--environment", "b"],
                "cannot be used with",
            ),
            (vec!["--github", "acme/app", "--subject", "x"], "cannot be used with"),
            (vec!["--github", "acme/app", "--gitlab", "acme/app"], "cannot be used with"),
            (
                vec!["--github", "acme/app", "--claim", "repository_id=2"],
                "two values of the claim repository_id",
            ),
            (
                vec!["--issuer", "github", "--subject", "repo:acme/app:ref:refs/heads/main"],
                "must pin repository_id",
            ),
            (vec!["--issuer", "github", "--claim", "repository=acme/app"], "must pin repository_id"),
            (
                vec!["--gitlab", "acme/app", "--project-id", "22"],
                "Pass --issuer: https://gitlab.com, https://gitlab.example.com",
            ),
            (vec!["--issuer", "https://gitlab.com", "--gitlab", "acme/app"], "Pass --project-id"),
            (
                vec![
                    "--issuer",
                    "gitlab",
                    "--gitlab",
                    "a/b",
                    "--project-id",
                    "2",
                    "--ref",
                    "refs/heads/main",
                ],
                "Pass main",
            ),
            (
                vec!["--issuer", "gitlab", "--claim", "project_path=acme/app"],
                "must pin project_id or namespace_id",
            ),
            (
                vec!["--issuer", "github", "--gitlab", "a/b", "--project-id", "2"],
                "the platform of the issuer is github",
            ),
            (
                vec!["--issuer", "https://unknown.example", "--subject", "x"],
                "issuer add https://unknown.example",
            ),
            (
                vec!["--issuer", "https://ci.example.com/", "--subject", "x"],
                "Did you mean https://ci.example.com?",
            ),
            (
                vec!["--kubernetes", "https://ci.example.com", "--service-account", "a/b"],
                "the platform of the issuer is custom",
            ),
            (
                vec![
                    "--azure",
                    "00000000-0000-4000-8000-0123456789ab",
                    "--object-id",
                    "00000000-0000-4000-8000-0123456789ab",
                ],
                "issuer add URL",
            ),
            (vec!["--issuer", "gcp", "--claim", "email=a@b"], "must pin the exact subject"),
            (
                vec!["--issuer", "https://oidc.spire.example", "--claim", "a=b"],
                "a prefix below one trust domain",
            ),
            (
                vec!["--issuer", "https://oidc.spire.example", "--subject-prefix", "spiffe://example.org"],
                "end in : or /",
            ),
            ([&ci[..], &[]].concat(), "must pin the exact subject, or a claim"),
            ([&ci[..], &["--subject-prefix", "short:"]].concat(), "at least 8 characters"),
            (
                [&ci[..], &["--subject", "x", "--subject-prefix", "longenough:"]].concat(),
                "cannot be used with",
            ),
            ([&ci[..], &["--claim", "sub=x"]].concat(), "--subject sets it"),
            ([&ci[..], &["--claim", "aud=x"]].concat(), "--audience sets it"),
            ([&ci[..], &["--claim-json", "exp=1"]].concat(), "the Worker checks it"),
            (
                [&ci[..], &["--subject", "x", "--audience", "sts.amazonaws.com"]].concat(),
                "tokens for other services",
            ),
            (
                [&ci[..], &["--subject", "x", "--audience", "https://github.com/acme"]].concat(),
                "Leave out --audience",
            ),
            (
                [&ci[..], &["--subject", "x", "--audience", "api://AzureADTokenExchange"]].concat(),
                "other services",
            ),
            (
                [&ci[..], &["--subject", "x", "--audience", "https://kubernetes.default.svc.cluster.local"]]
                    .concat(),
                "other services",
            ),
            (
                [&ci[..], &["--subject", "x", "--audience", "https://ci.example.com"]].concat(),
                "other services",
            ),
            ([&ci[..], &["--subject", "x", "--audience", "sigstore"]].concat(), "other services"),
            ([&ci[..], &["--subject", "x", "--expires", "1970-01-01"]].concat(), "has passed"),
            ([&ci[..], &["--environment", "x"]].concat(), "required arguments"),
            (vec![], "required arguments"),
        ] {
            match planned(&client(), &more, &flags) {
                Ok(plan) => panic!("{flags:?}: {plan:?}"),
                Err(error) => assert!(error.contains(told), "{flags:?}: {error}"),
            }
        }
        let many: Vec<String> = (0..17).map(|i| format!("--claim=c{i}=x")).collect();
        let many: Vec<&str> = ci.into_iter().chain(many.iter().map(String::as_str)).collect();
        assert!(planned(&client(), &more, &many).is_err_and(|error| error.contains("17 claims")));
        let mut public = client();
        public.public = true;
        let flags = [&ci[..], &["--subject", "x"]].concat();
        assert!(planned(&public, &more, &flags).is_err_and(|error| error.contains("public client")));
    }

    #[test]
    fn what_weakens_a_rule_or_the_client_is_told() {
        let mut github = issuer("github", Platform::Github);
        let ci = issuer("https://ci.example.com", Platform::Custom);
        let environment = ["--github", "acme/app", "--environment", "x"];
        let told = |client: &ClientRecord, issuer: &TrustedIssuer, flags: &[&str]| {
            planned(client, std::slice::from_ref(issuer), flags).map(|plan| plan.warnings.join("\n"))
        };
        let subject = ["--issuer", "https://ci.example.com", "--subject", "job:*", "--audience", "mine"];
        let warned = told(&client(), &ci, &subject).expect("a plan");
        assert!(
            warned.contains("the * in 'job:*' has no special meaning")
                && warned.contains("this deployment only")
        );
        let gitlab = issuer("gitlab", Platform::Gitlab);
        let branch = ["--gitlab", "a/b", "--project-id", "2", "--ref", "main"];
        assert!(told(&client(), &gitlab, &branch).is_ok_and(|told| told.contains("--protected")));
        let mut asking = client();
        asking.introspect = Introspect::Any;
        assert!(told(&asking, &github, &environment).is_ok_and(|told| told.contains("uses the token up")));
        let mut both = client();
        let hash = GeneratedSecret::from_random(&zeroize::Zeroizing::new([7; 32])).hash();
        both.secrets.push(StoredSecret { id: "s1".to_owned(), created: 1, expires: None, hash });
        assert!(
            told(&both, &github, &environment).is_ok_and(|told| told.contains("revoke-secret deploy s1"))
        );
        github.disabled = true;
        assert!(told(&client(), &github, &environment).is_ok_and(|told| told.contains("is disabled")));
        // The ISSUER of the deployment is the default, so it is not stored.
        let own = ["--issuer", "https://ci.example.com", "--subject", "x", "--audience", OWN];
        let plan = planned(&client(), &[ci], &own).expect("a plan");
        assert_eq!((plan.rule.audience, plan.warnings.len()), (None, 0));
    }

    #[test]
    fn the_same_rule_is_not_added_twice_and_no_name_comes_back() {
        let all = [issuer("https://ci.example.com", Platform::Custom)];
        let flags = ["--issuer", "https://ci.example.com", "--subject", "x"];
        let first = planned(&client(), &all, &flags).expect("a plan").after;
        assert_eq!(first.identities[0].id, "custom2");
        let again = planned(&first, &all, &flags).expect("a plan").after;
        assert_eq!(again.to_json(), first.to_json());
        let later =
            planned(&first, &all, &[&flags[..], &["--expires", "24h"]].concat()).expect("a plan").after;
        assert_eq!((later.identities.len(), later.identities[0].expires), (1, Some(NOW + 86_400)));
        let mut removed = first.clone();
        removed.identities.clear();
        removed.revision = 3;
        assert_eq!(planned(&removed, &all, &flags).expect("a plan").rule.id, "custom4");
        let named = [&flags[..2], &["--subject", "y", "--rule", "custom2"]].concat();
        assert!(
            planned(&first, &all, &named).is_err_and(|error| error.contains("another rule with this name"))
        );
        let mut full = first;
        let rule = full.identities.remove(0);
        full.identities = (0..MAX_IDENTITIES)
            .map(|i| Identity { id: format!("r{i}"), subject: Some(format!("s{i}")), ..rule.clone() })
            .collect();
        assert!(planned(&full, &all, &flags).is_err_and(|error| error.contains("20 is the maximum")));
    }

    #[test]
    fn a_rule_is_told_in_one_line() {
        let all = [issuer("https://ci.example.com", Platform::Custom)];
        let flags = [
            "--issuer",
            "https://ci.example.com",
            "--subject-prefix",
            "project:a/",
            "--claim",
            "n=1",
            "--claim-json",
            "m=1",
            "--claim",
            "t=x y",
            "--audience",
            "mine",
        ];
        let rule = planned(&client(), &all, &flags).expect("a plan").rule;
        assert_eq!(
            described(&rule),
            "https://ci.example.com: sub from project:a/, m 1, n \"1\", t x y, aud mine"
        );
        let _: TrustedIssuerId = rule.issuer;
    }
}
