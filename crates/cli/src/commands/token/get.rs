//! `edgemint token get`: requests a token from a running issuer.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;

use crate::commands::token::ask;
use crate::deployment::session::Session;
use crate::flags::credentials::ClientAuth;
use crate::flags::issuer::IssuerArgs;
use crate::host::form;
use crate::host::http::{Http, below};

/// Get a token from a running issuer
///
/// Prints the issuer's response as JSON. The secret comes from an environment variable, a file, or a prompt
/// that does not show it. It is never an argument, because other users of the machine can see arguments. A client
/// with a key signs an assertion (--key-file), and a workload presents the token of its platform (--identity-file).
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token get --client billing --env production
  edgemint token get --client billing --secret-env CLIENT_SECRET --scope 'openid groups' --local
  edgemint token get --client billing --key-file billing.jwk --env production
  edgemint token get --client deploy --identity-file token.txt --env production
  edgemint token get --client billing --resource https://invoices.example.com/ --scope read --env production
  edgemint token get --client billing --env production | edgemint token inspect --env production")]
pub(crate) struct TokenGet {
    #[command(flatten)]
    pub(crate) client: ClientAuth,
    /// Scopes to request, separated by spaces
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// API to request the token for, by its absolute URI (RFC 8707). Repeatable
    #[arg(long = "resource", value_name = "URI")]
    pub(crate) resources: Vec<String>,
    /// API to request the token for, by its name. Repeatable
    #[arg(long = "audience", value_name = "NAME")]
    pub(crate) audiences: Vec<String>,
    /// Value of the claim `nonce` in the tokens
    #[arg(long)]
    pub(crate) nonce: Option<String>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}

pub(crate) fn run(args: &TokenGet, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let issuer = ask::issuer(&args.from, config, host)?;
    let client = ask::authenticate(&args.client, &issuer, host)?;
    let once = [("scope", &args.scope), ("nonce", &args.nonce)];
    let once = once.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let repeated = [("resource", &args.resources), ("audience", &args.audiences)];
    let repeated =
        repeated.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, value.as_str())));
    let grant = std::iter::once(("grant_type", "client_credentials"));
    let form = form::form(grant.chain(once).chain(repeated).chain(client.parameters()));

    let url = below(&issuer, "/token");
    let answer = Http::of(&issuer).post(&url, client.header.as_ref().map(|header| header.as_str()), &form)?;
    match &answer.json {
        Some(json) if answer.status == 200 => {
            output.result_json(json)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => ask::refused(&issuer, &url, &answer, output),
    }
}
