//! `edgemint token inspect`: what is in a token, and what is wrong with it.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::commands::token::ask;
use crate::commands::token::ask::TokenKind;
use crate::commands::token::jwt::{Jwt, Kind};
use crate::deployment::session::Session;
use crate::flags::issuer::IssuerArgs;
use crate::host::http::{Http, below};
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

pub(crate) fn run(args: &TokenInspect, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
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
