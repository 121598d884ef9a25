//! What the commands that ask an issuer in a client's name have in common: which issuer, the client's
//! credentials, the token that is asked about, and how a refusal is told.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgemint_issuer::setting;
use edgemint_printable::printable;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::deployment::local_server;
use crate::deployment::project::Project;
use crate::flags::credentials::ClientAuth;
use crate::flags::issuer::IssuerArgs;
use crate::host::Host;
use crate::host::form::encoded;
use crate::host::http::HttpAnswer;
use crate::terminal::output::Output;

/// The longest token that is read.
const MAX_TOKEN: u64 = 64 * 1024;

/// The issuer that was typed, or that of wrangler.toml.
pub(crate) fn issuer(args: &IssuerArgs, config: Option<&Path>, host: &Host) -> Result<String> {
    if let Some(issuer) = &args.issuer {
        return Ok(issuer.clone());
    }
    let project = Project::find(config, &args.target(), host)?;
    let issuer = local_server::issuer(&project).with_context(|| {
        format!("{} sets no ISSUER for {}: name it with --issuer", project.config.display(), project.target)
    })?;
    crate::flags::values::issuer(&issuer).map_err(|wrong| anyhow::anyhow!("ISSUER {wrong}"))
}

/// The client's credentials, as HTTP Basic wants them (RFC 6749 §2.3.1).
pub(crate) fn authorization(client: &ClientAuth, host: &Host) -> Result<Zeroizing<String>> {
    let secret = secret(client, host)?;
    let pair = Zeroizing::new(format!("{}:{}", *encoded(client.client.as_str()), *encoded(&secret)));
    Ok(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
}

fn secret(client: &ClientAuth, host: &Host) -> Result<Zeroizing<String>> {
    let secret = if let Some(name) = &client.secret_env {
        let value = host.text_variable(name).map(Zeroizing::new);
        value.with_context(|| format!("the environment variable {name} is not set"))?
    } else if let Some(path) = &client.secret_file {
        let file = path.display();
        let path = host.current_dir.join(path);
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.with_context(|| format!("could not read {file}"))?;
        // PowerShell puts a byte order mark before what it writes.
        let line = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let line = line.strip_suffix('\n').unwrap_or(line);
        Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned())
    } else {
        ensure!(
            host.can_ask,
            "nobody can be asked for the secret here: name where it is with --secret-env or --secret-file"
        );
        let prompt = printable(&format!("Secret of {} (not shown): ", client.client));
        (host.hidden_answer)(&prompt).map(Zeroizing::new).context("the secret could not be read")?
    };
    ensure!(!secret.is_empty(), "the secret is empty");
    Ok(secret)
}

/// The access token of a file, or of standard input: never an argument, where others could see it.
pub(crate) fn token(file: Option<&Path>, host: &Host) -> Result<Zeroizing<String>> {
    in_text(&read_token(file, host)?, TokenKind::Access)
}

/// What a file, or standard input, says.
pub(crate) fn read_token(file: Option<&Path>, host: &Host) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    match file {
        Some(file) => {
            let opened = std::fs::File::open(host.current_dir.join(file));
            opened
                .and_then(|opened| opened.take(MAX_TOKEN).read_to_string(&mut text))
                .with_context(|| format!("the token could not be read from {}", file.display()))?;
        }
        None => {
            let read = std::io::stdin().take(MAX_TOKEN).read_to_string(&mut text);
            read.context("the token could not be read from standard input")?;
        }
    }
    Ok(text)
}

/// Which token of an answer is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Access,
    Id,
}

/// The token in what was given: itself, behind `Bearer` as a request has it, or in the answer of the token endpoint.
pub(crate) fn in_text(text: &str, kind: TokenKind) -> Result<Zeroizing<String>> {
    /// What the token endpoint answers (RFC 6749 §5.1, §5.2; OpenID Connect Core §3.1.3.3).
    #[derive(Deserialize)]
    struct TokenResponse {
        access_token: Option<String>,
        id_token: Option<String>,
        error: Option<String>,
    }
    let text = setting(text);
    ensure!(!text.is_empty(), "there is no token: it is empty");
    if !text.starts_with('{') {
        return Ok(Zeroizing::new(without_scheme(text).to_owned()));
    }
    let answer: TokenResponse = serde_json::from_str(text)
        .context("what begins with { is neither a token nor the JSON of the token endpoint")?;
    let [access_token, id_token] =
        [answer.access_token, answer.id_token].map(|token| token.map(Zeroizing::new));
    let (token, name, help) = match kind {
        TokenKind::Access => (access_token, "access_token", "an answer of the token endpoint has one"),
        TokenKind::Id => (id_token, "id_token", "a request with the scope openid gets one"),
    };
    match (token, answer.error) {
        (Some(token), _) => Ok(token),
        (None, Some(error)) => bail!("this is not a token: the token endpoint refused the request ({error})"),
        (None, None) => bail!("the JSON has no {name}: {help}"),
    }
}

/// The token without what stands before it in a request (RFC 6750 §2.1).
fn without_scheme(text: &str) -> &str {
    fn after<'a>(text: &'a str, prefix: &str) -> &'a str {
        match text.split_at_checked(prefix.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest.trim_start(),
            _ => text,
        }
    }
    after(after(text, "authorization:"), "bearer ")
}

/// Says that the issuer refused, and why; with `--json` as it said it.
pub(crate) fn refused(issuer: &str, url: &str, answer: &HttpAnswer, output: &mut Output) -> Result<ExitCode> {
    let Some(json) = &answer.json else { bail!("{url} answered {}, and no JSON", answer.status) };
    if output.is_json() {
        output.result_json(json)?;
        return Ok(ExitCode::FAILURE);
    }
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    bail!("{issuer} refused ({}): {}: {}", answer.status, text("error"), text("error_description"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_whatever_people_have() {
        let answer = r#" {"access_token":"a.b.c","token_type":"bearer","expires_in":1,"id_token":"d.e.f"} "#;
        for (text, kind, expected) in [
            ("a.b.c\n", TokenKind::Access, Some("a.b.c")),
            ("a.b.c", TokenKind::Id, Some("a.b.c")),
            ("Bearer a.b.c", TokenKind::Access, Some("a.b.c")),
            ("bearer   a.b.c", TokenKind::Access, Some("a.b.c")),
            ("Authorization: Bearer a.b.c\r\n", TokenKind::Access, Some("a.b.c")),
            ("authorization:a.b.c", TokenKind::Access, Some("a.b.c")),
            ("bearerless", TokenKind::Access, Some("bearerless")),
            (answer, TokenKind::Access, Some("a.b.c")),
            (answer, TokenKind::Id, Some("d.e.f")),
            (r#"{"access_token":"a"}"#, TokenKind::Id, None),
            (r#"{"error":"invalid_client"}"#, TokenKind::Access, None),
            (r#"{"access_token":1}"#, TokenKind::Access, None),
            ("{", TokenKind::Access, None),
            (" ", TokenKind::Access, None),
        ] {
            let found = in_text(text, kind).ok().map(|token| token.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        let told = in_text(r#"{"error":"invalid_client"}"#, TokenKind::Access).err().map(|e| e.to_string());
        assert!(told.is_some_and(|told| told.contains("refused the request (invalid_client)")));
    }
}
