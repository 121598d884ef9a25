//! Checks of the variables of a target.

use edgemint_issuer::{Config, ConfigErrors, GrantType, SIGNING_KEY_PREFIX, VARIABLES};

use crate::commands::check::findings::{Level, Scope};
use crate::commands::check::seen::EXAMPLE_KEY;
use crate::deployment::project::Project;

/// A variable as the Worker reads it: a string, a number or a boolean as a string, a list joined by spaces.
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

/// Parses the target's variables, with an example key in place of the keys that cannot be read.
pub(crate) fn config(project: &Project) -> Result<Config, ConfigErrors> {
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

/// Judges the variables of one target.
pub(crate) fn judge(project: &Project, findings: &mut Scope<'_>) {
    match config(project) {
        Ok(config) if !config.serves(GrantType::ClientCredentials) => findings.add(
            Level::Warning,
            "GRANT_TYPES",
            "does not list client_credentials. The grant is opt-in, so every token request is rejected",
        ),
        Ok(_) => {}
        Err(errors) => {
            for error in errors.all() {
                findings.add(Level::Error, &error.name, error.message.clone());
            }
        }
    }
    let variables = project.section().and_then(|section| section.get("vars")?.as_table());
    for (name, value) in variables.into_iter().flatten() {
        if name.starts_with(SIGNING_KEY_PREFIX) {
            findings.add(
                Level::Error,
                name,
                "is in wrangler.toml, where every reader of the file can see the key. Remove it, generate another key \
                 with `edgemint key generate`, and store that with `npx wrangler secret put`",
            );
        } else if VARIABLES.contains(&name.as_str()) && as_text(value).is_none() {
            findings.add(Level::Error, name, "must be a string or a list of strings");
        }
    }
}

/// Reports an issuer with a valid URL that clients cannot reach.
pub(crate) fn addresses(project: &Project, findings: &mut Scope<'_>) {
    let Some(issuer) = project.issuer() else { return };
    let host = issuer.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    if issuer.starts_with("http://") {
        if project.is_rehearsal {
            return;
        }
        findings.add(
            Level::Error,
            "ISSUER",
            "is an address of this machine. Set it to the URL that your clients use",
        );
    } else if ["example.com", "example.org", "example.net"]
        .iter()
        .any(|example| host.strip_suffix(example).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    {
        findings.add(
            Level::Error,
            "ISSUER",
            "is still the example URL. Set it to the URL that your clients use",
        );
    }
}
