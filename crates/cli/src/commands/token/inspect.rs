//! `edgemint token inspect`: the contents of a token, and the errors in it.

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

/// The result with `--json`.
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
    let token = Jwt::parse(&text).map_err(|error| anyhow!("cannot parse the token as a JWT: {error}"))?;

    let http = Http::of(&issuer);
    let discovery = http.document(&below(&issuer, "/.well-known/openid-configuration"))?;
    let jwks_uri = discovery.get("jwks_uri").and_then(Value::as_str);
    let jwks = http.document(jwks_uri.context(
        "cannot find the issuer's keys: its discovery document has no \
                                               jwks_uri",
    )?)?;
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
        token.confirmation().iter().for_each(|line| output.say(line));
        for (name, what) in [("iat", "issued"), ("nbf", "valid from"), ("exp", "expires")] {
            if let Some(time) = token.time(name) {
                output.say(format_args!("{what}: {} ({})", when::utc(time), from_now(time, host.now)));
            }
        }
        for one in &wrong {
            output.say(format_args!("error: {one}"));
        }
        if valid {
            output.say(format_args!("The token is valid: {issuer} signed it."));
        }
    }
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verify a token and show its contents
///
/// Fetches the issuer's keys, verifies the signature, and prints the header and the claims on stdout. The kind
/// of the token, its times in words, and all errors are on stderr. The exit code is 1 if there is an error. This
/// command cannot detect revocation: use `token introspect`. The input can be the token, the token after
/// `Bearer`, or the whole response of the token endpoint.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint token inspect --env production < token.txt
  edgemint token get --client billing --scope openid --env production | edgemint token inspect --id-token --env production
  edgemint token inspect --issuer https://tokens.example.com --audience billing -")]
pub(crate) struct TokenInspect {
    /// Token to inspect. `-` reads it from stdin, which no other process sees
    #[arg(default_value = "-", hide_default_value = true)]
    pub(crate) token: String,
    /// Inspect the ID token instead of the access token, if the input is a response of the token endpoint
    #[arg(long)]
    pub(crate) id_token: bool,
    /// Audience that the token must have
    #[arg(long, value_name = "AUD")]
    pub(crate) audience: Option<String>,
    #[command(flatten)]
    pub(crate) from: IssuerArgs,
}
