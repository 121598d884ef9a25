//! Flags that grant scopes of an API.

use clap::Args as ClapArgs;
use edgemint_issuer::{Scope, ScopeToken};

/// The scopes to grant, and whether the API becomes the client's default.
#[derive(Debug, Clone, ClapArgs)]
#[group(skip)]
pub(crate) struct GrantArgs {
    /// Scope to grant for the API, or several separated by spaces. Repeatable
    #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::parse, requires = "api")]
    pub(crate) scopes: Vec<Scope>,
    /// Grant all scopes that the API defines now
    #[arg(long, requires = "api", conflicts_with = "scopes")]
    pub(crate) all_scopes: bool,
    /// Make this API the default: the client's tokens are for it if a request names no API
    #[arg(long, requires = "api")]
    pub(crate) default: bool,
}

/// The individual scopes in the values of `--scope`.
pub(crate) fn single(scopes: &[Scope]) -> impl Iterator<Item = &ScopeToken> {
    scopes.iter().flat_map(Scope::iter)
}
