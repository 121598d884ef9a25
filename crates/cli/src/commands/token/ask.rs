//! The common part of commands that send a client's request to an issuer: the issuer, the token, and the report of a
//! rejection.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::setting;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::deployment::local_server;
use crate::deployment::project::Project;
use crate::flags::issuer::IssuerArgs;
use crate::host::Host;
use crate::host::http::HttpAnswer;
use crate::host::secret_text::read_text;
use crate::terminal::output::Output;

/// The issuer from the command line or from wrangler.toml.
pub(crate) fn issuer(args: &IssuerArgs, config: Option<&Path>, host: &Host) -> Result<String> {
    if let Some(issuer) = &args.issuer {
        return Ok(issuer.clone());
    }
    let project = Project::find(config, &args.target(), host)?;
    let issuer = local_server::issuer(&project).with_context(|| {
        format!(
            "cannot determine the issuer: {} does not set ISSUER for {}. Pass --issuer.",
            project.config.display(),
            project.target
        )
    })?;
    crate::flags::values::issuer(&issuer).map_err(|wrong| anyhow::anyhow!("ISSUER {wrong}"))
}

/// The access token from a file or standard input. It is never an argument, because other processes can see those.
pub(crate) fn token(file: Option<&Path>, host: &Host) -> Result<Zeroizing<String>> {
    in_text(&read_token(file, host)?, TokenKind::Access)
}

/// The contents of a file or of standard input.
pub(crate) fn read_token(file: Option<&Path>, host: &Host) -> Result<Zeroizing<String>> {
    read_text(file, "the token", host)
}

/// Which token of a token response to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Access,
    Id,
}

/// Extracts the token from the input: the bare token, a token after `Bearer`, or the response of the token endpoint.
pub(crate) fn in_text(text: &str, kind: TokenKind) -> Result<Zeroizing<String>> {
    /// The response of the token endpoint (RFC 6749 §5.1, §5.2; OpenID Connect Core §3.1.3.3).
    #[derive(Deserialize)]
    struct TokenResponse {
        access_token: Option<String>,
        id_token: Option<String>,
        error: Option<String>,
    }
    let text = setting(text);
    ensure!(!text.is_empty(), "cannot read the token: the input is empty");
    if !text.starts_with('{') {
        return Ok(Zeroizing::new(without_scheme(text).to_owned()));
    }
    let answer: TokenResponse = serde_json::from_str(text).context(
        "cannot read the token: the input begins with { but is not a response of the token endpoint",
    )?;
    let [access_token, id_token] =
        [answer.access_token, answer.id_token].map(|token| token.map(Zeroizing::new));
    let (token, name, help) = match kind {
        TokenKind::Access => (access_token, "access_token", "Pass a response of the token endpoint."),
        TokenKind::Id => (id_token, "id_token", "Request the token with the scope openid."),
    };
    match (token, answer.error) {
        (Some(token), _) => Ok(token),
        (None, Some(error)) => {
            bail!("cannot read the token: the token endpoint rejected the request ({error})")
        }
        (None, None) => bail!("cannot read the token: the JSON has no {name}. {help}"),
    }
}

/// The token without the header name and the scheme of a request (RFC 6750 §2.1).
fn without_scheme(text: &str) -> &str {
    fn after<'a>(text: &'a str, prefix: &str) -> &'a str {
        match text.split_at_checked(prefix.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest.trim_start(),
            _ => text,
        }
    }
    after(after(text, "authorization:"), "bearer ")
}

/// Reports that the issuer rejected the request, and why. With `--json`, prints the issuer's response.
pub(crate) fn refused(issuer: &str, url: &str, answer: &HttpAnswer, output: &mut Output) -> Result<ExitCode> {
    let Some(json) = &answer.json else { bail!("{url} returned {} without JSON", answer.status) };
    if output.is_json() {
        output.result_json(json)?;
        return Ok(ExitCode::FAILURE);
    }
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    bail!(
        "{issuer} rejected the request ({}): {}: {}",
        answer.status,
        text("error"),
        text("error_description")
    )
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
        assert!(told.is_some_and(|told| told.contains("rejected the request (invalid_client)")));
    }
}
