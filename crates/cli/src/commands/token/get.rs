//! `edgemint token get`: requests a token from a running issuer.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args as ClapArgs;
use edgemint_issuer::SignatureAlgorithm;
use serde_json::Value;

use crate::commands::token::ask;
use crate::commands::token::credentials::{Credentials, Endpoint, private_key, token_id};
use crate::crypto::make::of_client;
use crate::crypto::sign::PrivateKey;
use crate::deployment::session::Session;
use crate::flags::credentials::ClientAuth;
use crate::flags::issuer::IssuerArgs;
use crate::host::http::HttpAnswer;
use crate::host::{Host, form};

/// Get a token from a running issuer
///
/// Prints the issuer's response as JSON. The secret comes from an environment variable, a file, or a prompt
/// that does not show it. It is never an argument, because other users of the machine can see arguments. A client
/// with a key signs an assertion (--key-file), and a workload presents the token of its platform (--identity-file).
///
/// --dpop binds the token to a key (RFC 9449): only a sender with the key can use the token at an API that checks this.
/// The command makes a key for the one request and deletes it. To use the token, pass a key with --dpop-key-file. --cert
/// binds the token to a client certificate (RFC 8705), if the record of the client or of the API demands one.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token get --client billing --env production
  edgemint token get --client billing --secret-env CLIENT_SECRET --scope 'openid groups' --local
  edgemint token get --client billing --key-file billing.jwk --env production
  edgemint token get --client deploy --identity-file token.txt --env production
  edgemint token get --client billing --key-file billing.jwk --dpop --dpop-key-file proof.jwk --env production
  edgemint token get --client billing --cert billing.pem --cert-key billing.key.pem --env production
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
    /// Send a DPoP proof, so that the token is bound to the key of the proof. A nonce that the issuer demands is sent
    #[arg(long)]
    pub(crate) dpop: bool,
    /// File with the private key of the proof as a JWK, for ES256, PS256 or EdDSA [default: a new key for ES256, which is
    /// not kept]
    #[arg(long, value_name = "FILE", requires = "dpop")]
    pub(crate) dpop_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}

/// The key of the DPoP proof, if the request has one.
fn proof_key(args: &TokenGet, host: &Host) -> Result<Option<PrivateKey>> {
    if !args.dpop {
        return Ok(None);
    }
    let Some(file) = &args.dpop_key_file else {
        let pair = of_client(SignatureAlgorithm::Es256, None, host)?;
        return Ok(Some(PrivateKey::parse(&pair.private)?));
    };
    let key = private_key(file, host)?;
    ensure!(
        key.may_sign_proofs(),
        "cannot use the private key in {}: a DPoP proof can be signed only with ES256, PS256 or EdDSA. Pass another key.",
        file.display()
    );
    Ok(Some(key))
}

/// Whether the issuer wants the proof again with the nonce that it sent (RFC 9449 §8).
fn asks_for_nonce(answer: &HttpAnswer) -> Option<&str> {
    let error = answer.json.as_ref().and_then(|json| json.get("error")?.as_str());
    let nonce = answer.dpop_nonce.as_deref()?;
    (answer.status == 400 && error == Some("use_dpop_nonce")).then_some(nonce)
}

pub(crate) fn run(args: &TokenGet, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let issuer = ask::issuer(&args.from, config, host)?;
    let key = proof_key(args, host)?;
    let credentials = Credentials::read(&args.client, host)?;
    let (http, url) = Endpoint::TOKEN.find(&args.client, &issuer, key.is_some(), host)?;
    let send = |nonce: Option<&str>| -> Result<HttpAnswer> {
        let client = credentials.authentication(&args.client, &issuer, host)?;
        let once = [("scope", &args.scope), ("nonce", &args.nonce)];
        let once = once.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let repeated = [("resource", &args.resources), ("audience", &args.audiences)];
        let repeated =
            repeated.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, value.as_str())));
        let grant = std::iter::once(("grant_type", "client_credentials"));
        let form = form::form(grant.chain(once).chain(repeated).chain(client.parameters()));
        let proof = key.as_ref().map(|key| key.proof(&url, &token_id(host)?, nonce, host.now));
        let proof = proof.transpose().context("cannot make a DPoP proof")?;
        let proof = proof.iter().map(|proof| ("DPoP", proof.as_str()));
        http.post(&url, &client.headers().chain(proof).collect::<Vec<_>>(), &form)
    };
    let mut answer = send(None)?;
    if key.is_some()
        && let Some(nonce) = asks_for_nonce(&answer)
    {
        answer = send(Some(nonce))?;
    }
    match &answer.json {
        Some(json) if answer.status == 200 => {
            output.result_json(json)?;
            let kind = json.get("token_type").and_then(Value::as_str).unwrap_or_default();
            if key.is_some() && !kind.eq_ignore_ascii_case("DPoP") {
                output.say(format_args!(
                    "warning: the token is not bound to the key of the proof (its type is {kind}). The running Worker is \
                     older than this version of edgemint. Deploy again"
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        _ => ask::refused(&issuer, &url, &answer, output),
    }
}
