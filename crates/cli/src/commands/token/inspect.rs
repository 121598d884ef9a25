//! `edgemint token inspect`: what is in a token, and what is wrong with it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::commands::token::ask::TokenKind;
use crate::commands::token::jwt::{Jwt, Kind};
use crate::commands::token::{TokenInspect, ask};
use crate::host::Host;
use crate::host::http::{Http, below};
use crate::terminal::output::Output;
use crate::terminal::when;
use crate::terminal::when::from_now;

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Inspected<'a> {
    valid: bool,
    kind: Kind,
    header: &'a Map<String, Value>,
    claims: &'a Map<String, Value>,
    wrong: &'a [String],
}

pub(crate) fn run(
    args: &TokenInspect,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let issuer = ask::issuer(&args.from, config, host)?;
    let text =
        if args.token == "-" { ask::read_token(None, host)? } else { Zeroizing::new(args.token.clone()) };
    let kind = if args.id_token { TokenKind::Id } else { TokenKind::Access };
    let text = ask::in_text(&text, kind)?;
    let token = Jwt::parse(&text).map_err(|error| anyhow!("this is not a JWT: {error}"))?;

    let http = Http::of(&issuer);
    let discovery = http.document(&below(&issuer, "/.well-known/openid-configuration"))?;
    let jwks_uri = discovery.get("jwks_uri").and_then(Value::as_str);
    let jwks = http.document(jwks_uri.context("the issuer's discovery document names no jwks_uri")?)?;
    let mut wrong: Vec<String> = token.signature(&jwks).into_iter().collect();
    wrong.extend(token.wrong_kind());
    wrong.extend(token.wrong_claims(&issuer, args.audience.as_deref(), host.now));

    let valid = wrong.is_empty();
    if output.is_json() {
        let (header, claims) = (&token.header, &token.claims);
        output.result_json(&Inspected { valid, kind: token.kind(), header, claims, wrong: &wrong })?;
    } else {
        let shown = json!({ "header": token.header, "claims": token.claims });
        output.result_pretty_json(&shown)?;
        output.say(token.kind());
        for (name, what) in [("iat", "issued"), ("nbf", "valid from"), ("exp", "expires")] {
            if let Some(time) = token.time(name) {
                output.say(format_args!("{what}: {} ({})", when::utc(time), from_now(time, host.now)));
            }
        }
        for one in &wrong {
            output.say(format_args!("wrong: {one}"));
        }
        if valid {
            output.say(format_args!("The token is valid: {issuer} signed it."));
        }
    }
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
