//! What may be typed behind `edgemint token`.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs, Subcommand};
use edgemint_issuer::ClientId;

use crate::args::TargetArgs;
use crate::check_args::issuer;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    Get(TokenGet),
    Inspect(TokenInspect),
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
  edgemint token get --client billing --env production | jq -r .access_token | edgemint token inspect --env production")]
pub(crate) struct TokenGet {
    /// The client ID
    #[arg(long, value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) client: ClientId,
    /// The environment variable that holds the secret
    #[arg(long, value_name = "VAR", conflicts_with = "secret_file")]
    pub(crate) secret_env: Option<String>,
    /// The file that holds the secret; a line break at its end is no part of it
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The scopes, separated by spaces
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// Goes into the tokens as it is
    #[arg(long)]
    pub(crate) nonce: Option<String>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}

/// Verify a token and show what is in it
///
/// Fetches the issuer's keys, verifies the signature, and prints the header and the claims on stdout; the
/// times in words and everything that is wrong stand on stderr. The exit code is 1 when anything is wrong.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token inspect --env production < token.txt
  edgemint token inspect --issuer https://tokens.example.com --audience billing -")]
pub(crate) struct TokenInspect {
    /// The token; `-` reads it from stdin, where no other process sees it
    #[arg(default_value = "-", hide_default_value = true)]
    pub(crate) token: String,
    /// The audience that it must be for
    #[arg(long, value_name = "AUD")]
    pub(crate) audience: Option<String>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}
