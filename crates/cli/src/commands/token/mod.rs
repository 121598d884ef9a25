//! What may be typed behind `edgemint token`.

pub(crate) mod ask;
pub(crate) mod get;
pub(crate) mod inspect;
pub(crate) mod introspect;
pub(crate) mod jwt;

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs, Subcommand};
use edgemint_issuer::ClientId;

use crate::check_args::issuer;
use crate::cli::TargetArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    Get(TokenGet),
    Inspect(TokenInspect),
    Introspect(TokenIntrospect),
    Revoke(TokenRevoke),
}

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

/// Which issuer is asked.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Which issuer (one of --issuer, --local and --env)")]
#[command(group(ArgGroup::new("which").required(true).args(["issuer", "local", "env"])))]
#[group(skip)]
pub(crate) struct IssuerArgs {
    /// The issuer at this address
    #[arg(long, visible_alias = "url", value_name = "URL", value_parser = issuer)]
    pub(crate) issuer: Option<String>,
    /// The ISSUER at the top of wrangler.toml, which `wrangler dev` serves
    #[arg(long)]
    pub(crate) local: bool,
    /// The ISSUER of an environment of wrangler.toml, such as production
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}

impl IssuerArgs {
    /// The target of wrangler.toml that is meant when no address was typed.
    pub(crate) fn target(&self) -> TargetArgs {
        TargetArgs { local: self.local, state: None, env: self.env.clone() }
    }
}

/// Get a token from an issuer that runs
///
/// Prints the issuer's answer as JSON. The secret comes from an environment variable, from a file, or is
/// asked for without showing it; it is never an argument, where others could see it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token get --client billing --env production
  edgemint token get --client billing --secret-env CLIENT_SECRET --scope 'openid groups' --local
  edgemint token get --client billing --resource https://invoices.example.com/ --scope read --env production
  edgemint token get --client billing --env production | edgemint token inspect --env production")]
pub(crate) struct TokenGet {
    #[command(flatten)]
    pub(crate) client: ClientAuth,
    /// The scopes, separated by spaces
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// An API that the token is to be for, by its absolute URI (RFC 8707); may be repeated
    #[arg(long = "resource", value_name = "URI")]
    pub(crate) resources: Vec<String>,
    /// An API that the token is to be for, by its name; may be repeated
    #[arg(long = "audience", value_name = "NAME")]
    pub(crate) audiences: Vec<String>,
    /// Goes into the tokens as it is
    #[arg(long)]
    pub(crate) nonce: Option<String>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}

/// Verify a token and show what is in it
///
/// Fetches the issuer's keys, verifies the signature, and prints the header and the claims on stdout; which
/// kind of token it is, the times in words and everything that is wrong stand on stderr. The exit code is 1
/// when anything is wrong. Whether it was revoked, `token introspect` tells. The token may stand behind
/// `Bearer`, or in the whole answer of the token endpoint.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token inspect --env production < token.txt
  edgemint token get --client billing --scope openid --env production | edgemint token inspect --id-token --env production
  edgemint token inspect --issuer https://tokens.example.com --audience billing -")]
pub(crate) struct TokenInspect {
    /// The token; `-` reads it from stdin, where no other process sees it
    #[arg(default_value = "-", hide_default_value = true)]
    pub(crate) token: String,
    /// Of an answer of the token endpoint, its ID token instead of its access token
    #[arg(long)]
    pub(crate) id_token: bool,
    /// The audience that it must be for
    #[arg(long, value_name = "AUD")]
    pub(crate) audience: Option<String>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
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

/// Ask the issuer whether a token is active
///
/// Prints the issuer's answer (RFC 7662) as JSON. The exit code is 0 when the token is active, and 1 when it is
/// not: expired, revoked, none of this issuer, or none that the client may ask about. Token and secret are
/// never arguments, where others could see them.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token introspect --client gateway --secret-env GATEWAY_SECRET --env production < token.txt
  edgemint token introspect --client gateway --token-file token.txt --issuer https://tokens.example.com")]
pub(crate) struct TokenIntrospect {
    #[command(flatten)]
    pub(crate) source: TokenSource,
}

/// Revoke a token
///
/// The client that it was issued to asks the issuer to call it inactive from now on (RFC 7009). A verifier that
/// checks tokens offline, by their signature, does not notice: there it lives until it expires. `client
/// revoke-tokens` does the same to all tokens of a client.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token revoke --client billing --secret-env CLIENT_SECRET --env production < token.txt
  edgemint token revoke --client billing --token-file token.txt --issuer https://tokens.example.com")]
pub(crate) struct TokenRevoke {
    #[command(flatten)]
    pub(crate) source: TokenSource,
}
