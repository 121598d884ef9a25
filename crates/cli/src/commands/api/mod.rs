//! What may be typed behind `edgemint api`.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod set;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args as ClapArgs, Subcommand};
use edgemint_issuer::{Algorithm, ApiId, ApiScope, Lifetime, ScopeToken, TokenProfile};

use crate::cli::{TargetArgs, token_lifetime};

/// The scopes that mean something to edgemint itself, whichever API a token is for.
const STANDARD: [&str; 6] = ["openid", "email", "profile", "groups", "offline_access", "federated:id"];

/// What takes a setting of an API away again.
const DEFAULT: &str = "default";

#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    Add(ApiAdd),
    List(ApiList),
    Show(ApiShow),
    Set(ApiSet),
    Remove(ApiRemove),
}

/// A setting of an API as it was typed: a value, or that of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting<T> {
    Default,
    To(T),
}

impl<T> Setting<T> {
    /// As a record keeps it.
    pub(crate) fn kept(self) -> Option<T> {
        match self {
            Self::Default => None,
            Self::To(value) => Some(value),
        }
    }
}

/// Add an API that tokens can be for
///
/// Its ID is the audience (`aud`) of tokens for it. It should be an absolute URI, which clients name by the
/// parameter `resource`; another name can be asked for by the parameter `audience` alone. No client gets a
/// token for it before `edgemint client grant`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint api add https://invoices.example.com/ --scope read='Read invoices' --scope write='Write invoices' --env production
  edgemint api add sts.amazonaws.com --alg RS256 --profile rfc9068 --env production")]
pub(crate) struct ApiAdd {
    /// The ID: 1 to 256 characters of printable ASCII without space, quote, backslash and #
    #[arg(value_parser = ApiId::parse)]
    pub(crate) id: ApiId,
    /// For people [default: the ID]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A scope that the API defines, and what it allows, for people; may be repeated
    #[arg(long = "scope", value_name = "NAME=DESCRIPTION", value_parser = scope)]
    pub(crate) scopes: Vec<ApiScope>,
    /// How long tokens for it live at most, such as 5m: 30s to 24h [default: as for every other token]
    #[arg(long, value_name = "TIME", value_parser = token_lifetime)]
    pub(crate) token_lifetime: Option<Lifetime>,
    /// The algorithm that tokens for it are signed with [default: that of the key that signs]
    #[arg(long, value_parser = PossibleValuesParser::new(["ES256", "RS256", "EdDSA"]).try_map(|name| algorithm(&name)))]
    pub(crate) alg: Option<Algorithm>,
    /// What tokens for it look like [default: TOKEN_PROFILE of the deployment]
    #[arg(long, value_parser = PossibleValuesParser::new(["dex", "rfc9068"]).try_map(|name| profile(&name)))]
    pub(crate) profile: Option<TokenProfile>,
    /// Print the record that would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// List the APIs
///
/// One line for each: its ID, its name, the scopes that it defines, and where tokens for it are otherwise than
/// the deployment's: how long they live at most, their algorithm, their profile.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint api list --env production
  edgemint api list --local --json")]
pub(crate) struct ApiList {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Show an API
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint api show https://invoices.example.com/ --env production")]
pub(crate) struct ApiShow {
    /// The ID of the API
    #[arg(value_parser = ApiId::parse)]
    pub(crate) id: ApiId,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Change an API
///
/// What is not named stays as it is. The clients whose grants name a scope that goes are told: they get it
/// no longer.
#[derive(Debug, ClapArgs)]
#[command(override_usage = "edgemint api set [OPTIONS] <--local|--env <NAME>> <ID>")]
#[command(group(ArgGroup::new("what").required(true).multiple(true)
    .args(["name", "scopes", "remove_scopes", "token_lifetime", "alg", "profile"])))]
#[command(after_help = "\
Examples:
  edgemint api set https://invoices.example.com/ --scope delete='Delete invoices' --env production
  edgemint api set https://invoices.example.com/ --remove-scope write --token-lifetime default --env production")]
pub(crate) struct ApiSet {
    /// The ID of the API
    #[arg(value_parser = ApiId::parse)]
    pub(crate) id: ApiId,
    /// For people
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A scope to add, or one to describe anew; may be repeated
    #[arg(long = "scope", value_name = "NAME=DESCRIPTION", value_parser = scope)]
    pub(crate) scopes: Vec<ApiScope>,
    /// A scope to take away; may be repeated
    #[arg(long = "remove-scope", value_name = "NAME", value_parser = ScopeToken::parse)]
    pub(crate) remove_scopes: Vec<ScopeToken>,
    /// How long tokens for it live at most: 30s to 24h, or default
    #[arg(long, value_name = "TIME", value_parser = lifetime_or_default)]
    pub(crate) token_lifetime: Option<Setting<Lifetime>>,
    /// The algorithm that tokens for it are signed with
    #[arg(long, value_parser = PossibleValuesParser::new(["ES256", "RS256", "EdDSA", DEFAULT])
        .try_map(|name| or_default(&name, algorithm)))]
    pub(crate) alg: Option<Setting<Algorithm>>,
    /// What tokens for it look like
    #[arg(long, value_parser = PossibleValuesParser::new(["dex", "rfc9068", DEFAULT])
        .try_map(|name| or_default(&name, profile)))]
    pub(crate) profile: Option<Setting<TokenProfile>>,
    /// Print the record that would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Remove APIs
///
/// No token for them is issued any more once caches have run out; those that were issued live until they
/// expire. Refuses while clients have a grant for one of them.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint api remove https://invoices.example.com/ --env production")]
pub(crate) struct ApiRemove {
    /// The IDs of the APIs
    #[arg(required = true, value_name = "ID", value_parser = ApiId::parse)]
    pub(crate) ids: Vec<ApiId>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Even if clients have a grant for it; they keep it, and it is of no effect
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// A scope with its description, and not one that edgemint itself gives a meaning.
fn scope(text: &str) -> Result<ApiScope, String> {
    let Some((name, description)) = text.split_once('=').filter(|(_, told)| !told.trim().is_empty()) else {
        return Err("say what it allows, such as read='Read invoices'".to_owned());
    };
    let token = ScopeToken::parse(name).map_err(|_| {
        "the name of a scope is printable ASCII without space, quote and backslash".to_owned()
    })?;
    if STANDARD.contains(&name) {
        return Err(format!(
            "{name} is a scope that edgemint itself gives a meaning, for every API: choose another name"
        ));
    }
    if token.cross_client_peer().is_some() {
        return Err("a scope that begins with audience:server:client_id: names a client as audience: choose another name".to_owned());
    }
    Ok(ApiScope { name: token, description: description.trim().to_owned() })
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::named(name).ok_or_else(|| "not an algorithm of edgemint".to_owned())
}

fn profile(name: &str) -> Result<TokenProfile, String> {
    [TokenProfile::Dex, TokenProfile::Rfc9068]
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| "not a profile of edgemint".to_owned())
}

fn or_default<T>(text: &str, parse: fn(&str) -> Result<T, String>) -> Result<Setting<T>, String> {
    if text == DEFAULT { Ok(Setting::Default) } else { parse(text).map(Setting::To) }
}

fn lifetime_or_default(text: &str) -> Result<Setting<Lifetime>, String> {
    or_default(text, token_lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_api_defines_a_scope_that_means_something_else_already() {
        for name in STANDARD {
            let refused = scope(&format!("{name}=x")).expect_err(name);
            assert!(refused.contains("choose another name"), "{refused}");
        }
        assert!(scope("audience:server:client_id:a=x").is_err());
        let fine = scope("audience:other=What = it allows ").expect("it is one");
        assert_eq!((fine.name.as_str(), fine.description.as_str()), ("audience:other", "What = it allows"));
        for none in ["read", "read=", "read= ", "=x", "a b=x", "\u{e9}=x"] {
            assert!(scope(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_setting_is_a_value_or_that_of_the_deployment() {
        assert_eq!(lifetime_or_default("default"), Ok(Setting::Default));
        assert_eq!(lifetime_or_default("5m"), Ok(Setting::To(Lifetime::from_seconds(300))));
        assert!(lifetime_or_default("25h").is_err());
        assert_eq!(or_default("EdDSA", algorithm), Ok(Setting::To(Algorithm::EdDsa)));
        assert!(algorithm("HS256").is_err() && profile("none").is_err());
    }
}
