//! Flags that grant scopes of an API.

use clap::Args as ClapArgs;
use edgemint_issuer::{Scope, ScopeToken};

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

/// The single scopes of all that were typed.
pub(crate) fn single(scopes: &[Scope]) -> impl Iterator<Item = &ScopeToken> {
    scopes.iter().flat_map(Scope::iter)
}
