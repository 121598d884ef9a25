//! `edgemint token get`: a token from an issuer that runs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::host::Host;
use crate::http::Http;
use crate::output::Output;
use crate::project::Project;
use crate::token_args::{IssuerArgs, TokenGet};

pub(super) fn run(
    args: &TokenGet,
    config: Option<&Path>,
    host: &Host,
    output: &mut Output,
) -> Result<ExitCode> {
    let issuer = issuer(&args.from, config, host)?;
    let secret = secret(args, host)?;
    let pair = Zeroizing::new(format!("{}:{}", *encoded(args.client.as_str()), *encoded(&secret)));
    let authorization = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut form = "grant_type=client_credentials".to_owned();
    for (name, value) in [("scope", &args.scope), ("nonce", &args.nonce)] {
        if let Some(value) = value {
            form.push_str(&format!("&{name}={}", *encoded(value)));
        }
    }

    let url = format!("{issuer}/token");
    let answer = Http::of(&issuer).post(&url, &authorization, &form)?;
    let Some(json) = &answer.json else { bail!("{url} answered {}, and no JSON", answer.status) };
    if answer.status == 200 {
        output.result_json(json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    if output.is_json() {
        output.result_json(json)?;
        return Ok(ExitCode::FAILURE);
    }
    bail!("{issuer} refused ({}): {}: {}", answer.status, text("error"), text("error_description"))
}

/// The issuer that was typed, or that of wrangler.toml.
pub(super) fn issuer(args: &IssuerArgs, config: Option<&Path>, host: &Host) -> Result<String> {
    if let Some(issuer) = &args.issuer {
        return Ok(issuer.clone());
    }
    let project = Project::find(config, &args.target(), host)?;
    let issuer = project.issuer().with_context(|| {
        format!("{} sets no ISSUER for {}: name it with --issuer", project.config.display(), project.target)
    })?;
    crate::check_args::issuer(issuer).map_err(|wrong| anyhow::anyhow!("ISSUER {wrong}"))
}

fn secret(args: &TokenGet, host: &Host) -> Result<Zeroizing<String>> {
    let secret = if let Some(name) = &args.secret_env {
        let value = host.text_variable(name).map(Zeroizing::new);
        value.with_context(|| format!("the environment variable {name} is not set"))?
    } else if let Some(path) = &args.secret_file {
        let file = path.display();
        let path = host.current_dir.join(path);
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.with_context(|| format!("could not read {file}"))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned())
    } else {
        ensure!(
            host.can_ask,
            "nobody can be asked for the secret here: name where it is with --secret-env or --secret-file"
        );
        let prompt = format!("Secret of {} (not shown): ", args.client);
        (host.hidden_answer)(&prompt).map(Zeroizing::new).context("the secret could not be read")?
    };
    ensure!(!secret.is_empty(), "the secret is empty");
    Ok(secret)
}

/// As `application/x-www-form-urlencoded`, which RFC 6749 §2.3.1 wants for Basic, too.
pub(super) fn encoded(text: &str) -> Zeroizing<String> {
    // Room for the longest: growing would leave copies behind.
    let mut encoded = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                for digit in [byte >> 4, byte & 15] {
                    encoded.push(char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase());
                }
            }
        }
    }
    encoded
}
