//! Flags that say who asks, and about which token.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use edgemint_issuer::ClientId;

use crate::flags::issuer::IssuerArgs;

/// Whose credentials are presented.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct ClientAuth {
    /// The client ID
    #[arg(long, value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) client: ClientId,
    /// The environment variable that holds the secret
    #[arg(long, value_name = "VAR", conflicts_with = "secret_file")]
    pub(crate) secret_env: Option<String>,
    /// The file that holds the secret; a line break at its end is no part of it
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

/// A token, whose credentials are presented with it, and to which issuer.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct TokenSource {
    #[command(flatten)]
    pub(crate) client: ClientAuth,
    /// The file that holds the token, or the answer that it came in [default: stdin]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}
