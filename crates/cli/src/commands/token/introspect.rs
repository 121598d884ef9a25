//! `edgemint token introspect` and `revoke`: asks the issuer about a token, and takes one back.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use clap::Args as ClapArgs;
use serde_json::{Value, json};

use crate::commands::token::ask;
use crate::deployment::session::Session;
use crate::flags::credentials::TokenSource;
use crate::host::http::{Http, HttpAnswer, below};
use crate::host::{Host, form};
use crate::terminal::when::{from_now, utc};

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

pub(crate) fn introspect(
    args: &TokenIntrospect,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let (issuer, url, answer) = post("introspect", &args.source, config, host)?;
    let json = match &answer.json {
        Some(json) if answer.status == 200 => json,
        _ => return ask::refused(&issuer, &url, &answer, output),
    };
    let Some(active) = json.get("active").and_then(Value::as_bool) else {
        bail!("{url} does not say whether the token is active: this is no answer to an introspection");
    };
    output.result_json(json)?;
    if active {
        let end = json.get("exp").and_then(Value::as_u64);
        let end =
            end.map_or_else(String::new, |exp| format!(" until {} ({})", utc(exp), from_now(exp, host.now)));
        output.say(format_args!("The token is active{end}."));
        return Ok(ExitCode::SUCCESS);
    }
    output.say(format_args!(
        "The token is not active: it has expired, was revoked, is none of this issuer, or is none that {} may ask about.",
        args.source.client.client
    ));
    Ok(ExitCode::FAILURE)
}

pub(crate) fn revoke(args: &TokenRevoke, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let (issuer, url, answer) = post("revoke", &args.source, config, host)?;
    if answer.status != 200 {
        return ask::refused(&issuer, &url, &answer, output);
    }
    if output.is_json() {
        output.result_json(&json!({ "revoked": true }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say("The token is revoked; the issuer says the same of one that was no token any more.");
    output.say(
        "Introspection sees it everywhere within a minute or so. A verifier that checks tokens offline does not \
         notice: there it lives until it expires.",
    );
    Ok(ExitCode::SUCCESS)
}

/// Posts the token to an endpoint below `/token`. Gives the issuer, the address and what it answered.
fn post(
    endpoint: &str,
    source: &TokenSource,
    config: Option<&Path>,
    host: &Host,
) -> Result<(String, String, HttpAnswer)> {
    let issuer = ask::issuer(&source.from, config, host)?;
    let authorization = ask::authorization(&source.client, host)?;
    let token = ask::token(source.token_file.as_deref(), host)?;
    let url = below(&issuer, &format!("/token/{endpoint}"));
    let form = form::form([("token", token.as_str()), ("token_type_hint", "access_token")]);
    let answer = Http::of(&issuer).post(&url, &authorization, &form)?;
    ensure!(
        answer.status != 404,
        "{url} is not there (404): the issuer is another, or an older edgemint, which has to be deployed again"
    );
    Ok((issuer, url, answer))
}
