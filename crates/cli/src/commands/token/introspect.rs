//! `edgemint token introspect` and `revoke`: requests to the issuer about one token.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use clap::Args as ClapArgs;
use serde_json::{Value, json};

use crate::commands::token::ask;
use crate::commands::token::credentials::{Credentials, Endpoint};
use crate::deployment::session::Session;
use crate::flags::credentials::TokenSource;
use crate::host::http::HttpAnswer;
use crate::host::{Host, form};
use crate::terminal::when::{from_now, utc};

/// Check with the issuer whether a token is active
///
/// Prints the issuer's response (RFC 7662) as JSON. The exit code is 0 if the token is active, and 1 if not: the
/// token has expired, was revoked, is from another issuer, or the client may not introspect it. Token and secret
/// are never arguments, because other users of the machine can see arguments.
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
/// Sends a revocation request (RFC 7009) as the client that the token was issued to. Introspection then reports
/// the token as inactive. APIs that verify tokens offline accept it until it expires. `client revoke-tokens`
/// revokes all tokens of a client.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token revoke --client billing --secret-env CLIENT_SECRET --env production < token.txt
  edgemint token revoke --client billing --token-file token.txt --issuer https://tokens.example.com")]
pub(crate) struct TokenRevoke {
    #[command(flatten)]
    pub(crate) source: TokenSource,
}

/// The introspection endpoint (RFC 7662 §2).
const INTROSPECTION: Endpoint = Endpoint { path: "/token/introspect", name: "introspection_endpoint" };

/// The revocation endpoint (RFC 7009 §2).
const REVOCATION: Endpoint = Endpoint { path: "/token/revoke", name: "revocation_endpoint" };

pub(crate) fn introspect(
    args: &TokenIntrospect,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let (issuer, url, answer) = post(INTROSPECTION, &args.source, config, host)?;
    let json = match &answer.json {
        Some(json) if answer.status == 200 => json,
        _ => return ask::refused(&issuer, &url, &answer, output),
    };
    let Some(active) = json.get("active").and_then(Value::as_bool) else {
        bail!(
            "cannot read the response of {url}: it is not an introspection response, since `active` is missing"
        );
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
        "The token is not active. It has expired, was revoked, is from another issuer, or {} may not introspect it.",
        args.source.client.client
    ));
    Ok(ExitCode::FAILURE)
}

pub(crate) fn revoke(args: &TokenRevoke, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let (issuer, url, answer) = post(REVOCATION, &args.source, config, host)?;
    if answer.status != 200 {
        return ask::refused(&issuer, &url, &answer, output);
    }
    if output.is_json() {
        output.result_json(&json!({ "revoked": true }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say("Revoked. (The issuer gives the same answer for a token that was already invalid.)");
    output.say(
        "Introspection reports the token as inactive everywhere within about 1m. APIs that verify tokens offline \
         accept it until it expires.",
    );
    Ok(ExitCode::SUCCESS)
}

/// Posts the token to an endpoint. Returns the issuer, the URL and the response.
fn post(
    endpoint: Endpoint,
    source: &TokenSource,
    config: Option<&Path>,
    host: &Host,
) -> Result<(String, String, HttpAnswer)> {
    let issuer = ask::issuer(&source.from, config, host)?;
    let (http, url) = endpoint.find(&source.client, &issuer, false, host)?;
    let client = Credentials::read(&source.client, host)?.authentication(&source.client, &issuer, host)?;
    let token = ask::token(source.token_file.as_deref(), host)?;
    let parameters = [("token", token.as_str()), ("token_type_hint", "access_token")];
    let form = form::form(parameters.into_iter().chain(client.parameters()));
    let headers: Vec<_> = client.headers().collect();
    let answer = http.post(&url, &headers, &form)?;
    ensure!(
        answer.status != 404,
        "cannot find {url} (404): the issuer is not edgemint, or is an older version. If it is older, deploy it again."
    );
    Ok((issuer, url, answer))
}
