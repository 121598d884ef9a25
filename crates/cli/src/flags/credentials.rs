//! Flags for the client's credentials and for the token of a request.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
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
    /// File that contains the client's private key as a JWK. The client signs an assertion with it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_env", "secret_file"])]
    pub(crate) key_file: Option<PathBuf>,
    /// Audience (`aud`) of the assertion
    #[arg(long, value_name = "AUDIENCE", value_enum, default_value = "issuer", requires = "key_file")]
    pub(crate) audience_of_assertion: AssertionAudience,
    /// File that contains the identity token of a workload, such as a job or a pod. `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_env", "secret_file", "key_file"])]
    pub(crate) identity_file: Option<PathBuf>,
    /// PEM file with the client's certificate and its chain. It binds the token, and authenticates the client if no
    /// other flag does
    #[arg(long, value_name = "FILE", requires = "cert_key")]
    pub(crate) cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) cert_key: Option<PathBuf>,
}

/// The audience of an assertion that the client signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AssertionAudience {
    /// The issuer, which every client accepts
    Issuer,
    /// The URL of the token endpoint, if `client key set` allows it
    TokenEndpoint,
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
