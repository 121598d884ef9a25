//! The common part of commands that send a client's request to an issuer: the issuer, the client's credentials, the
//! token, and the report of a rejection.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edgemint_issuer::setting;
use edgemint_printable::printable;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::crypto::sign::PrivateKey;
use crate::deployment::local_server;
use crate::deployment::project::Project;
use crate::flags::credentials::{AssertionAudience, ClientAuth};
use crate::flags::issuer::IssuerArgs;
use crate::host::Host;
use crate::host::form::encoded;
use crate::host::http::{HttpAnswer, below};
use crate::host::secret_text::read_text;
use crate::terminal::output::Output;

/// The type of an assertion that authenticates a client (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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

/// The authentication of a request: a header, or parameters of the form.
pub(crate) struct Authentication {
    pub(crate) header: Option<Zeroizing<String>>,
    pub(crate) parameters: Vec<(&'static str, Zeroizing<String>)>,
}

impl Authentication {
    /// The parameters for the form.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// Authenticates the client: with its secret, an assertion that it signs, or the identity token of a workload.
pub(crate) fn authenticate(client: &ClientAuth, issuer: &str, host: &Host) -> Result<Authentication> {
    let id = client.client.as_str();
    let assertion = if let Some(file) = &client.key_file {
        let text = read_text(Some(file), "the private key", host)?;
        let unusable = || format!("cannot use the private key in {}", file.display());
        let key = PrivateKey::parse(&text).with_context(unusable)?;
        let audience = match client.audience_of_assertion {
            AssertionAudience::Issuer => issuer.to_owned(),
            AssertionAudience::TokenEndpoint => below(issuer, "/token"),
        };
        let token_id = URL_SAFE_NO_PAD.encode(host.random_bytes::<16>()?);
        key.assertion(&client.client, &audience, &token_id, host.now).with_context(unusable)?
    } else if let Some(file) = &client.identity_file {
        let file = Some(file.as_path()).filter(|file| *file != Path::new("-"));
        let text = read_text(file, "the identity token", host)?;
        let token = setting(&text);
        ensure!(!token.is_empty(), "cannot use the identity token: the input is empty");
        Zeroizing::new(token.to_owned())
    } else {
        return Ok(Authentication { header: Some(authorization(client, host)?), parameters: Vec::new() });
    };
    let parameters = vec![
        ("client_id", Zeroizing::new(id.to_owned())),
        ("client_assertion_type", Zeroizing::new(ASSERTION_TYPE.to_owned())),
        ("client_assertion", assertion),
    ];
    Ok(Authentication { header: None, parameters })
}

/// The client's secret, encoded for HTTP Basic (RFC 6749 §2.3.1).
fn authorization(client: &ClientAuth, host: &Host) -> Result<Zeroizing<String>> {
    let secret = secret(client, host)?;
    let pair = Zeroizing::new(format!("{}:{}", *encoded(client.client.as_str()), *encoded(&secret)));
    Ok(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
}

fn secret(client: &ClientAuth, host: &Host) -> Result<Zeroizing<String>> {
    let secret = if let Some(name) = &client.secret_env {
        let value = host.text_variable(name).map(Zeroizing::new);
        value
            .with_context(|| format!("cannot read the secret: the environment variable {name} is not set"))?
    } else if let Some(path) = &client.secret_file {
        let file = path.display();
        let path = host.current_dir.join(path);
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.with_context(|| format!("cannot read {file}"))?;
        // PowerShell writes a byte order mark at the start of files.
        let line = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let line = line.strip_suffix('\n').unwrap_or(line);
        Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned())
    } else {
        ensure!(
            host.can_ask,
            "cannot prompt for the secret (no terminal). Pass --secret-env, --secret-file, --key-file or --identity-file."
        );
        let prompt = printable(&format!("Secret of {} (not shown): ", client.client));
        (host.hidden_answer)(&prompt).map(Zeroizing::new).context("cannot read the secret")?
    };
    ensure!(!secret.is_empty(), "cannot use the secret: it is empty");
    Ok(secret)
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
