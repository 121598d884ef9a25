//! `edgemint token introspect` and `revoke`: asks the issuer about a token, and takes one back.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use crate::commands::token::{TokenIntrospect, TokenRevoke, TokenSource, ask};
use crate::host::Host;
use crate::host::http::{Answer, Http, below};
use crate::terminal::output::Output;
use crate::terminal::when::{from_now, utc};

pub(crate) fn introspect(
    args: &TokenIntrospect,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
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

pub(crate) fn revoke(
    args: &TokenRevoke,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
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
) -> Result<(String, String, Answer)> {
    let issuer = ask::issuer(&source.from, config, host)?;
    let authorization = ask::authorization(&source.client, host)?;
    let token = ask::token(source.token_file.as_deref(), host)?;
    let url = below(&issuer, &format!("/token/{endpoint}"));
    let form = ask::form([("token", token.as_str()), ("token_type_hint", "access_token")]);
    let answer = Http::of(&issuer).post(&url, &authorization, &form)?;
    ensure!(
        answer.status != 404,
        "{url} is not there (404): the issuer is another, or an older edgemint, which has to be deployed again"
    );
    Ok((issuer, url, answer))
}
