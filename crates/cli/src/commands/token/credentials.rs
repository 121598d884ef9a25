//! The client's credentials for its requests to an issuer, and the endpoint that receives them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edgemint_issuer::setting;
use edgemint_printable::printable;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::crypto::sign::PrivateKey;
use crate::flags::credentials::{AssertionAudience, ClientAuth};
use crate::host::Host;
use crate::host::form::encoded;
use crate::host::http::{Http, below};
use crate::host::secret_text::read_text;

/// The type of an assertion that authenticates a client (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The path of an issuer's metadata (OpenID Connect Discovery §4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// An endpoint: its path below the issuer, and its name in the issuer's metadata.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
}

impl Endpoint {
    /// The token endpoint (RFC 6749 §3.2).
    pub(crate) const TOKEN: Self = Self { path: "/token", name: "token_endpoint" };

    /// The URL of the endpoint, and the HTTP client that sends the request. With a certificate, it is the URL at which
    /// the issuer asks for one (RFC 8705 §5). `is_proven`: whether a DPoP proof names the URL, which is then that of the
    /// metadata.
    pub(crate) fn find(
        self,
        client: &ClientAuth,
        issuer: &str,
        is_proven: bool,
        host: &Host,
    ) -> Result<(Http, String)> {
        let certificate = client.cert.as_deref().zip(client.cert_key.as_deref());
        let http = match certificate {
            Some((chain, key)) => {
                let chain = read_text(Some(chain), "the certificate", host)?;
                let key = read_text(Some(key), "the private key", host)?;
                Http::presenting(issuer, &chain, &key).context("cannot use the client certificate")?
            }
            None => Http::of(issuer),
        };
        if certificate.is_none() && !is_proven {
            return Ok((http, below(issuer, self.path)));
        }
        let metadata = Http::of(issuer).document(&below(issuer, DISCOVERY))?;
        let stated = metadata.get("issuer").and_then(Value::as_str).unwrap_or("missing");
        ensure!(
            stated == issuer,
            "cannot use the metadata of {issuer}: its issuer is {stated}. Pass that URL with --issuer, or fix ISSUER."
        );
        let text = |members: Option<&Value>| members?.get(self.name)?.as_str().map(str::to_owned);
        let url = if certificate.is_some() {
            text(metadata.get("mtls_endpoint_aliases")).with_context(|| {
                format!(
                    "cannot present a certificate to {issuer}: its metadata has no {} in mtls_endpoint_aliases. Set \
                     MTLS_HOST for the deployment.",
                    self.name
                )
            })?
        } else {
            text(Some(&metadata)).with_context(|| {
                format!("cannot find the endpoint: the metadata of {issuer} has no {}", self.name)
            })?
        };
        Ok((http, url))
    }
}

/// The authentication of a request: a header, or parameters of the form.
pub(crate) struct Authentication {
    pub(crate) header: Option<Zeroizing<String>>,
    parameters: Vec<(&'static str, Zeroizing<String>)>,
}

impl Authentication {
    /// The parameters for the form.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The header `Authorization`, if the form does not authenticate the client.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header.iter().map(|value| ("Authorization", value.as_str()))
    }
}

/// The client's credentials, which are read once. `Debug` would show them, so they have none.
pub(crate) enum Credentials {
    /// HTTP Basic (RFC 6749 §2.3.1).
    Secret(Zeroizing<String>),
    /// The key with which the client signs assertions (RFC 7523 §2.2), and its file.
    Key(Box<PrivateKey>, String),
    /// The identity token of a workload.
    Identity(Zeroizing<String>),
    /// Only the certificate of the connection (RFC 8705 §2).
    Certificate,
}

impl Credentials {
    /// Reads the secret, the key or the identity token. Prompts for the secret if no flag names any credentials.
    pub(crate) fn read(client: &ClientAuth, host: &Host) -> Result<Self> {
        if let Some(file) = &client.key_file {
            let (key, file) = (private_key(file, host)?, file.display().to_string());
            return Ok(Self::Key(Box::new(key), file));
        }
        if let Some(file) = &client.identity_file {
            let file = Some(file.as_path()).filter(|file| *file != Path::new("-"));
            let text = read_text(file, "the identity token", host)?;
            let token = setting(&text);
            ensure!(!token.is_empty(), "cannot use the identity token: the input is empty");
            return Ok(Self::Identity(Zeroizing::new(token.to_owned())));
        }
        if client.cert.is_some() && client.secret_env.is_none() && client.secret_file.is_none() {
            return Ok(Self::Certificate);
        }
        let secret = secret(client, host)?;
        let pair = Zeroizing::new(format!("{}:{}", *encoded(client.client.as_str()), *encoded(&secret)));
        Ok(Self::Secret(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))))
    }

    /// The authentication of one request. Each request has an assertion of its own, because an issuer accepts it once.
    pub(crate) fn authentication(
        &self,
        client: &ClientAuth,
        issuer: &str,
        host: &Host,
    ) -> Result<Authentication> {
        let id = || ("client_id", Zeroizing::new(client.client.as_str().to_owned()));
        let assertion = match self {
            Self::Secret(header) => {
                return Ok(Authentication { header: Some(header.clone()), parameters: Vec::new() });
            }
            Self::Certificate => return Ok(Authentication { header: None, parameters: vec![id()] }),
            Self::Identity(token) => token.clone(),
            Self::Key(key, file) => {
                let audience = match client.audience_of_assertion {
                    AssertionAudience::Issuer => issuer.to_owned(),
                    AssertionAudience::TokenEndpoint => below(issuer, Endpoint::TOKEN.path),
                };
                key.assertion(&client.client, &audience, &token_id(host)?, host.now)
                    .with_context(|| format!("cannot use the private key in {file}"))?
            }
        };
        let parameters = vec![
            id(),
            ("client_assertion_type", Zeroizing::new(ASSERTION_TYPE.to_owned())),
            ("client_assertion", assertion),
        ];
        Ok(Authentication { header: None, parameters })
    }
}

/// An ID (`jti`) that no other assertion or proof has.
pub(crate) fn token_id(host: &Host) -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(host.random_bytes::<16>()?))
}

/// The private JWK in a file.
pub(crate) fn private_key(file: &Path, host: &Host) -> Result<PrivateKey> {
    let text = read_text(Some(file), "the private key", host)?;
    PrivateKey::parse(&text).with_context(|| format!("cannot use the private key in {}", file.display()))
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
