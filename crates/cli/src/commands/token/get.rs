//! `edgemint token get`: a token from an issuer that runs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::commands::token::{TokenGet, ask};
use crate::host::Host;
use crate::host::http::{Http, below};
use crate::terminal::output::Output;

pub(crate) fn run(
    args: &TokenGet,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let issuer = ask::issuer(&args.from, config, host)?;
    let authorization = ask::authorization(&args.client, host)?;
    let once = [("scope", &args.scope), ("nonce", &args.nonce)];
    let once = once.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let repeated = [("resource", &args.resources), ("audience", &args.audiences)];
    let repeated =
        repeated.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, value.as_str())));
    let form = ask::form(std::iter::once(("grant_type", "client_credentials")).chain(once).chain(repeated));

    let url = below(&issuer, "/token");
    let answer = Http::of(&issuer).post(&url, &authorization, &form)?;
    match &answer.json {
        Some(json) if answer.status == 200 => {
            output.result_json(json)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => ask::refused(&issuer, &url, &answer, output),
    }
}
