//! The numbers of a repository on GitHub and of its owner, from GitHub's API.

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::TrustedIssuerId;
use serde::Deserialize;

use crate::commands::client::trust::flags::ConditionArgs;
use crate::commands::client::trust::rule::Numbers;
use crate::host::http::{Http, below};

/// A repository in the API (the members that are read here).
#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    id: u64,
}

/// The numbers that the flags have. Without one, those that the API of this issuer's GitHub has.
pub(crate) fn numbers(
    repository: Option<&String>,
    issuer: &TrustedIssuerId,
    args: &ConditionArgs,
) -> Result<Numbers> {
    let typed = Numbers { repository: args.repository_id.clone(), owner: args.owner_id.clone() };
    let Some(repository) = repository.filter(|_| typed == Numbers::default()) else { return Ok(typed) };
    let fetched = args.github_api.clone().or_else(|| api(issuer)).map(|api| fetch(repository, &api));
    let fetched = fetched.unwrap_or_else(|| bail!("the URL of its API is not known"));
    fetched.with_context(|| {
        format!(
            "cannot get the numbers of {repository} from GitHub (a private repository is not visible). Pass \
             --repository-id and --owner-id: `gh api repos/{repository} --jq '.id, .owner.id'` prints them"
        )
    })
}

/// The URL of the API of the GitHub whose jobs have tokens of `issuer`. A repository of this name at another GitHub
/// has other numbers.
fn api(issuer: &TrustedIssuerId) -> Option<String> {
    let rest = issuer.as_str().strip_prefix("https://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match host.strip_prefix("token.actions.") {
        Some("githubusercontent.com") => Some("https://api.github.com".to_owned()),
        Some(domain) if domain.ends_with(".ghe.com") => Some(format!("https://api.{domain}")),
        _ if path == "_services/token" => Some(format!("https://{host}/api/v3")),
        _ => None,
    }
}

fn fetch(repository: &str, api: &str) -> Result<Numbers> {
    let text = Http::of(api).text(&below(api, &format!("/repos/{repository}")))?;
    of_document(repository, &text)
}

fn of_document(repository: &str, text: &str) -> Result<Numbers> {
    let found: Repository = serde_json::from_str(text).context("the response is not a repository")?;
    ensure!(
        found.full_name.eq_ignore_ascii_case(repository),
        "the repository is now {}. Pass that name",
        found.full_name
    );
    Ok(Numbers { repository: Some(found.id.to_string()), owner: Some(found.owner.id.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_repository_with_this_name() {
        let text = r#"{"id":1296269,"name":"app","full_name":"Acme/App","private":false,"owner":{"login":"Acme","id":9919}}"#;
        let numbers = of_document("acme/app", text).expect("its numbers");
        assert_eq!(
            (numbers.repository.as_deref(), numbers.owner.as_deref()),
            (Some("1296269"), Some("9919"))
        );
        assert!(of_document("acme/old", text).is_err_and(|error| error.to_string().contains("Acme/App")));
        assert!(of_document("acme/app", "{}").is_err());
        let args = ConditionArgs { repository_id: Some("7".to_owned()), ..ConditionArgs::default() };
        let other = TrustedIssuerId::parse("https://ci.example.com").expect("an ID");
        let repository = "acme/app".to_owned();
        let typed = super::numbers(Some(&repository), &other, &args).expect("nothing is fetched");
        assert_eq!(typed, Numbers { repository: Some("7".to_owned()), owner: None });
        let refused = super::numbers(Some(&repository), &other, &ConditionArgs::default());
        assert!(refused.is_err_and(|error| format!("{error:#}").contains("its API is not known")));
    }

    #[test]
    fn each_github_has_its_own_api() {
        for (issuer, expected) in [
            ("https://token.actions.githubusercontent.com", Some("https://api.github.com")),
            ("https://token.actions.githubusercontent.com/octo-inc", Some("https://api.github.com")),
            ("https://token.actions.octo.ghe.com", Some("https://api.octo.ghe.com")),
            ("https://ghes.example.com/_services/token", Some("https://ghes.example.com/api/v3")),
            ("https://token.actions.example.com", None),
            ("https://ci.example.com", None),
        ] {
            let id = TrustedIssuerId::parse(issuer).expect(issuer);
            assert_eq!(api(&id).as_deref(), expected, "{issuer}");
        }
    }
}
