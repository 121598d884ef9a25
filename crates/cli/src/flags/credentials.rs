//! Flags for the client's credentials and for the token of a request.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use edgemint_issuer::ClientId;

use crate::flags::issuer::IssuerArgs;

/// The credentials of the client that sends the request.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct ClientAuth {
    /// ID of the client that sends the request
    #[arg(long, value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) client: ClientId,
    /// Environment variable that contains the client secret
    #[arg(long, value_name = "VAR", conflicts_with = "secret_file")]
    pub(crate) secret_env: Option<String>,
    /// File that contains the client secret. A line break at its end is ignored
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

/// The token, the client that sends it, and the issuer that receives it.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct TokenSource {
    #[command(flatten)]
    pub(crate) client: ClientAuth,
    /// File that contains the token or the whole token response [default: stdin]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}
