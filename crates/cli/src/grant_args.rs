//! What may be typed of what a client may have: grants of APIs, custom claims, introspection, and the end of
//! its tokens.

use clap::{Args as ClapArgs, ValueEnum};
use edgemint_issuer::{ApiId, Introspect, RESERVED_CLAIMS, Scope, ScopeToken};
use serde_json::Value;

use crate::client_args::ClientChange;

/// Which of an API's scopes, and whether it is the client's default.
#[derive(Debug, Clone, ClapArgs)]
#[group(skip)]
pub(crate) struct GrantArgs {
    /// A scope that the client may have for the API, or several with spaces between; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::parse, requires = "api")]
    pub(crate) scopes: Vec<Scope>,
    /// All scopes that the API defines now
    #[arg(long, requires = "api", conflicts_with = "scopes")]
    pub(crate) all_scopes: bool,
    /// Its tokens are for this API when a request names none
    #[arg(long, requires = "api")]
    pub(crate) default: bool,
}

/// Let a client have tokens for an API
///
/// The scopes come to those that it has for the API. The API must be there and define each of them; a scope
/// that it defines later is granted by the same command again. IDs of APIs are compared byte for byte:
/// https://a.example and https://a.example/ are two.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client grant billing --api https://invoices.example.com/ --scope read --scope write --env production
  edgemint client grant billing --api https://invoices.example.com/ --all-scopes --default --env production")]
pub(crate) struct ClientGrant {
    /// The ID of the API
    #[arg(long, value_name = "API", value_parser = ApiId::parse)]
    pub(crate) api: ApiId,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Take a grant of an API back
///
/// Without --scope the whole grant goes, and so it does with its last scope; and the client's default API
/// with it. The API need not be there any more. Tokens that were issued live until they expire.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client ungrant billing --api https://invoices.example.com/ --scope write --env production
  edgemint client ungrant billing --api https://invoices.example.com/ --env production")]
pub(crate) struct ClientUngrant {
    /// The ID of the API
    #[arg(long, value_name = "API", value_parser = ApiId::parse)]
    pub(crate) api: ApiId,
    /// A scope to take back, or several with spaces between; may be repeated [default: the whole grant]
    #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::parse)]
    pub(crate) scopes: Vec<Scope>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Show or change the claims of a client's own in its access tokens
///
/// Without --set, --set-text and --unset they are printed as JSON. Names that edgemint sets, or whose
/// registered meaning others act upon, are refused, and so are more than 4 KB of claims. Whoever has a token
/// can read them.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client claims billing --set-text tenant=acme --set 'regions=[\"eu\",\"us\"]' --env production
  edgemint client claims billing --unset tenant --env production
  edgemint client claims billing --env production")]
pub(crate) struct ClientClaims {
    /// A claim and its value as JSON; may be repeated
    #[arg(long, value_name = "NAME=JSON", value_parser = json_claim)]
    pub(crate) set: Vec<Claim>,
    /// A claim and its value as a text; may be repeated
    #[arg(long, value_name = "NAME=TEXT", value_parser = text_claim)]
    pub(crate) set_text: Vec<Claim>,
    /// A claim to take away; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) unset: Vec<String>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Say which tokens a client may ask about at the introspection endpoint
///
/// A client may always ask about the tokens that it was issued, and about those that name it as audience.
/// With --api it may also ask about the tokens for an API, as a resource server does. IDs of APIs are
/// compared byte for byte: https://a.example and https://a.example/ are two.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
#[command(after_help = "\
Examples:
  edgemint client allow-introspection orders-api --api https://orders.example.com/ --env production
  edgemint client allow-introspection gateway --tokens any --env production")]
pub(crate) struct ClientAllowIntrospection {
    /// Which tokens, whatever API they are for
    #[arg(long, value_enum, group = "which")]
    pub(crate) tokens: Option<Tokens>,
    /// An API whose tokens the client may ask about; may be repeated
    #[arg(long = "api", value_name = "API", value_parser = ApiId::parse, group = "which")]
    pub(crate) apis: Vec<ApiId>,
    /// An API whose tokens the client may no longer ask about; may be repeated
    #[arg(long = "remove-api", value_name = "API", value_parser = ApiId::parse, group = "which")]
    pub(crate) removed: Vec<ApiId>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tokens {
    /// Only those that it was issued, that name it as audience, or that are for the APIs of --api
    Own,
    /// All, such as for a gateway in front of many APIs
    Any,
}

impl Tokens {
    /// As a record keeps it.
    pub(crate) fn kept(self) -> Introspect {
        match self {
            Self::Own => Introspect::Own,
            Self::Any => Introspect::Any,
        }
    }
}

/// Revoke all tokens that a client has got
///
/// Those that were issued up to this second are inactive at the introspection endpoint, once the change is
/// seen. A verifier that checks tokens offline, by their signature, does not notice: there they live until
/// they expire. The client gets new tokens as before: to stop that, disable it or rotate its secret.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client revoke-tokens billing --env production")]
pub(crate) struct ClientRevokeTokens {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// A custom claim as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// The single scopes of all that were typed.
pub(crate) fn single(scopes: &[Scope]) -> impl Iterator<Item = &ScopeToken> {
    scopes.iter().flat_map(Scope::iter)
}

fn named(text: &str) -> Result<(&str, &str), String> {
    match text.split_once('=') {
        None | Some(("", _)) => Err("write the name, = and the value".to_owned()),
        Some((name, _)) if RESERVED_CLAIMS.contains(&name) => {
            Err(format!("{name} is reserved: edgemint sets it, or others act upon its registered meaning"))
        }
        Some(both) => Ok(both),
    }
}

fn json_claim(text: &str) -> Result<Claim, String> {
    let (name, json) = named(text)?;
    match serde_json::from_str(json) {
        Ok(value) => Ok(Claim { name: name.to_owned(), value }),
        Err(error) => {
            Err(format!("the value of {name} is not JSON: {error} (--set-text takes a text as it is)"))
        }
    }
}

fn text_claim(text: &str) -> Result<Claim, String> {
    let (name, text) = named(text)?;
    Ok(Claim { name: name.to_owned(), value: text.into() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_a_name_and_json_or_a_text() {
        let value = |claim: Result<Claim, String>| claim.map(|claim| claim.value);
        assert_eq!(value(json_claim(r#"a={"b":[1,null]}"#)), Ok(json!({ "b": [1, null] })));
        assert_eq!(value(text_claim("a=1=2")), Ok(json!("1=2")));
        assert_eq!(value(text_claim("a=")), Ok(json!("")));
        let told = json_claim("tenant=[1,]").expect_err("no JSON");
        assert!(told.contains("tenant is not JSON") && told.contains("line 1 column 4"), "{told}");
        for none in ["", "a", "=1"] {
            assert!(json_claim(none).is_err() && text_claim(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_reserved_claim_is_refused_with_the_reason() {
        for name in RESERVED_CLAIMS {
            let told = text_claim(&format!("{name}=x")).expect_err(name);
            assert!(told.contains("is reserved"), "{told}");
        }
    }
}
