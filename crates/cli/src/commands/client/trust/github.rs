//! The numbers of a repository on GitHub and of its owner, from GitHub's API.

use anyhow::{Context as _, Result, ensure};
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

/// The numbers that the flags have. Without one, those that the API has.
pub(crate) fn numbers(repository: Option<&String>, args: &ConditionArgs) -> Result<Numbers> {
    let typed = Numbers { repository: args.repository_id.clone(), owner: args.owner_id.clone() };
    match repository {
        Some(repository) if typed == Numbers::default() => fetch(repository, &args.github_api).with_context(|| {
            format!(
                "cannot get the numbers of {repository} from GitHub (a private repository is not visible). Pass \
                 --repository-id and --owner-id: `gh api repos/{repository} --jq '.id, .owner.id'` prints them"
            )
        }),
        _ => Ok(typed),
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
        let typed = super::numbers(Some(&"acme/app".to_owned()), &args).expect("nothing is fetched");
        assert_eq!(typed, Numbers { repository: Some("7".to_owned()), owner: None });
    }
}
