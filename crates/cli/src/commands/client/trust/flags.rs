//! The flags of `client trust` that describe a workload.

use clap::Args as ClapArgs;
use edgemint_issuer::TrustedIssuerId;
use serde_json::Value;

use crate::commands::issuer::presets;
use crate::flags::expiry::Expiry;

/// The longest name of a rule, in characters.
const MAX_NAME: usize = 64;

/// The workload that a rule is for.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Workload (one of these flags is required)")]
#[group(skip)]
pub(crate) struct WorkloadArgs {
    /// Jobs of a repository on GitHub Actions
    #[arg(long, value_name = "OWNER/REPO", value_parser = path)]
    pub(crate) github: Option<String>,
    /// Jobs of a project on GitLab CI/CD, with --project-id or --namespace-id
    #[arg(long, value_name = "GROUP/PROJECT", value_parser = path)]
    pub(crate) gitlab: Option<String>,
    /// Pods of the cluster with this issuer, with --service-account
    #[arg(long, value_name = "ISSUER", value_parser = presets::parse, conflicts_with = "issuer", requires = "service_account")]
    pub(crate) kubernetes: Option<TrustedIssuerId>,
    /// Workloads with an IAM role of AWS, by the ARN of the role
    #[arg(long, value_name = "ARN", value_parser = arn)]
    pub(crate) aws: Option<String>,
    /// Workloads with a service account of Google Cloud, by its unique ID (21 digits)
    #[arg(long, value_name = "UNIQUE_ID", value_parser = unique_id)]
    pub(crate) gcp: Option<String>,
    /// Workloads with a managed identity of Azure, by its tenant, with --object-id
    #[arg(long, value_name = "TENANT", value_parser = uuid, requires = "object_id")]
    pub(crate) azure: Option<String>,
    /// Workload with this SPIFFE ID. With a slash at the end: all workloads below it
    #[arg(long, value_name = "SPIFFE_ID", value_parser = spiffe_id)]
    pub(crate) spiffe: Option<String>,
    /// Workloads of this trusted issuer. Needed with another flag only if several issuers have that platform
    #[arg(long, value_name = "URL|PRESET", value_parser = presets::parse)]
    pub(crate) issuer: Option<TrustedIssuerId>,
}

/// The conditions of a rule.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Conditions")]
#[group(skip)]
pub(crate) struct ConditionArgs {
    /// Only jobs of this environment of GitHub or GitLab
    #[arg(long, value_name = "NAME", requires = "git", conflicts_with = "git_ref")]
    pub(crate) environment: Option<String>,
    /// Only jobs of this branch or tag: refs/heads/main on GitHub, main on GitLab. On GitHub, only jobs of the event
    /// push, unless --event says otherwise
    #[arg(long = "ref", id = "git_ref", value_name = "REF", requires = "git")]
    pub(crate) git_ref: Option<String>,
    /// Only jobs of this event of GitHub, such as push
    #[arg(long, value_name = "EVENT", requires = "github")]
    pub(crate) event: Option<String>,
    /// Number of the repository of GitHub [default: GitHub's API is asked]
    #[arg(long, value_name = "NUMBER", value_parser = number, requires = "github")]
    pub(crate) repository_id: Option<String>,
    /// Number of the repository's owner [default: GitHub's API is asked]
    #[arg(long, value_name = "NUMBER", value_parser = number, requires = "github")]
    pub(crate) owner_id: Option<String>,
    /// URL of GitHub's API
    #[arg(long, value_name = "URL", hide = true)]
    pub(crate) github_api: Option<String>,
    /// Number of the project of GitLab
    #[arg(long, value_name = "NUMBER", value_parser = number, requires = "gitlab")]
    pub(crate) project_id: Option<String>,
    /// Number of the project's namespace of GitLab
    #[arg(long, value_name = "NUMBER", value_parser = number, requires = "gitlab")]
    pub(crate) namespace_id: Option<String>,
    /// Only jobs of protected branches and tags of GitLab
    #[arg(long, requires = "gitlab")]
    pub(crate) protected: bool,
    /// Service account of the pods
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = service_account, requires = "kubernetes")]
    pub(crate) service_account: Option<String>,
    /// Object ID (principal ID) of the managed identity
    #[arg(long, value_name = "ID", value_parser = uuid, requires = "azure")]
    pub(crate) object_id: Option<String>,
    /// Exact claim `sub` of the tokens, byte for byte
    #[arg(long, value_name = "TEXT", requires = "issuer", conflicts_with_all = ["platform", "subject_prefix"])]
    pub(crate) subject: Option<String>,
    /// Beginning of the claim `sub`: at least 8 characters, the last of which is : or /
    #[arg(long, value_name = "TEXT", requires = "issuer", conflicts_with = "platform")]
    pub(crate) subject_prefix: Option<String>,
    /// Further claim of the tokens, with its exact text. Repeatable
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = text_claim)]
    pub(crate) claims: Vec<Claim>,
    /// Further claim of the tokens that is a number, true or false. Repeatable
    #[arg(long = "claim-json", value_name = "NAME=JSON", value_parser = json_claim)]
    pub(crate) json_claims: Vec<Claim>,
    /// Audience of the tokens [default: the ISSUER of this deployment]
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Option<String>,
    /// Time at which the rule expires: from now on (2160h), or a date (2027-01-31) [default: never]
    #[arg(long, value_name = "TIME", value_parser = Expiry::parse)]
    pub(crate) expires: Option<Expiry>,
    /// Name of the rule in logs and for `client untrust` [default: the platform with a number]
    #[arg(long, value_name = "NAME", value_parser = rule_name)]
    pub(crate) rule: Option<String>,
}

/// A claim and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim(pub(crate) String, pub(crate) Value);

fn text_claim(text: &str) -> Result<Claim, String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("write the name of the claim, = and its value")?;
    Ok(Claim(name.to_owned(), value.into()))
}

fn json_claim(text: &str) -> Result<Claim, String> {
    let Claim(name, value) = text_claim(text)?;
    let value: Option<Value> = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    match value {
        Some(value @ (Value::Bool(_) | Value::Number(_))) => Ok(Claim(name, value)),
        _ => Err("the value must be a number, true or false. For a text, use --claim".to_owned()),
    }
}

/// `OWNER/REPO`, or a longer path.
fn path(text: &str) -> Result<String, String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.+".contains(&c))
    };
    if text.contains('/') && text.split('/').all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("write it as in the URL of the repository: acme/app".to_owned())
    }
}

fn number(text: &str) -> Result<String, String> {
    if (1..=22).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit()) && !text.starts_with('0') {
        Ok(text.to_owned())
    } else {
        Err("this is not the number of a repository, an owner, a project or a namespace".to_owned())
    }
}

fn arn(text: &str) -> Result<String, String> {
    if text.contains(":assumed-role/") {
        return Err("this is a session. Pass the ARN of its role: arn:aws:iam::ACCOUNT:role/NAME".to_owned());
    }
    let is_arn = text.starts_with("arn:") && text.contains(":iam::") && !text.contains(['*', ' ']);
    if is_arn { Ok(text.to_owned()) } else { Err("write arn:aws:iam::ACCOUNT:role/NAME".to_owned()) }
}

fn unique_id(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err(
            "an email address can belong to another account later. Pass the unique ID: `gcloud iam service-accounts \
             describe EMAIL --format='value(uniqueId)'` prints it"
                .to_owned(),
        );
    }
    number(text).map_err(|_| "the unique ID of a service account has only digits".to_owned())
}

fn uuid(text: &str) -> Result<String, String> {
    let is_part = |part: &str, length| {
        part.len() == length && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = text.split('-').collect();
    let is_uuid =
        parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| is_part(part, length));
    if is_uuid {
        Ok(text.to_owned())
    } else {
        Err("write the ID in lower case, such as 8f0c1d2e-0000-4000-8000-0123456789ab".to_owned())
    }
}

fn spiffe_id(text: &str) -> Result<String, String> {
    let path = text.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
    let is_id = path.is_some_and(|(domain, _)| !domain.is_empty()) && !text.contains(['*', ' ', '?', '#']);
    if is_id { Ok(text.to_owned()) } else { Err("write spiffe://TRUST-DOMAIN/PATH".to_owned()) }
}

fn service_account(text: &str) -> Result<String, String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
    };
    match text.split_once('/') {
        Some((namespace, name)) if is_name(namespace) && is_name(name) => Ok(text.to_owned()),
        _ => Err("write NAMESPACE/NAME".to_owned()),
    }
}

fn rule_name(text: &str) -> Result<String, String> {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        Err(format!("the name of a rule has 1 to {MAX_NAME} letters, digits and -_."))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_keeps_its_type() {
        assert_eq!(text_claim("a=b=c"), Ok(Claim("a".to_owned(), json!("b=c"))));
        assert_eq!(text_claim("a="), Ok(Claim("a".to_owned(), json!(""))));
        assert_eq!(
            text_claim("kubernetes.io/namespace=x"),
            Ok(Claim("kubernetes.io/namespace".to_owned(), json!("x")))
        );
        for (text, value) in [("a=1", json!(1)), ("a=true", json!(true)), ("a=-1.5", json!(-1.5))] {
            assert_eq!(json_claim(text), Ok(Claim("a".to_owned(), value)), "{text}");
        }
        assert!(text_claim("a").is_err() && text_claim("=a").is_err());
        for text in ["a=x", "a=\"x\"", "a=[1]", "a=null", "a={}", "a="] {
            assert!(json_claim(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_mean_another_workload_are_refused() {
        for (parse, right, wrong) in [
            (
                path as fn(&str) -> Result<String, String>,
                &["acme/app", "a/b/c", "A_b/c.d-e"][..],
                &["acme", "acme/", "/app", "acme/*", "https://github.com/acme/app"][..],
            ),
            (number, &["1", "12345678901234567890"], &["", "0", "01", "1a", "-1", "12345678901234567890123"]),
            (
                arn,
                &["arn:aws:iam::1:role/a", "arn:aws-cn:iam::1:role/a"],
                &["", "role", "arn:aws:iam::1:role/*", "arn:aws:sts::1:assumed-role/a/b", "arn:aws:s3:::b"],
            ),
            (unique_id, &["104857600000000000000"], &["a@b.iam.gserviceaccount.com", "x", ""]),
            (
                uuid,
                &["8f0c1d2e-0000-4000-8000-0123456789ab"],
                &[
                    "8F0C1D2E-0000-4000-8000-0123456789AB",
                    "8f0c1d2e",
                    "8f0c1d2e-0000-4000-8000-0123456789ab-1",
                ],
            ),
            (
                spiffe_id,
                &["spiffe://a/b", "spiffe://a/b/"],
                &["spiffe://a", "spiffe:///b", "https://a/b", "spiffe://a/*"],
            ),
            (
                service_account,
                &["ns/name", "a-b/c.d"],
                &["name", "ns/", "/name", "ns/na*me", "NS/name", "a/b/c"],
            ),
            (rule_name, &["github2", "a.b_c-d"], &["", "-a", "a b", "a/b", "é"]),
        ] {
            for text in right {
                assert_eq!(parse(text).as_deref(), Ok(*text));
            }
            for text in wrong {
                assert!(parse(text).is_err(), "{text}");
            }
        }
        assert!(rule_name(&"a".repeat(65)).is_err());
    }
}
