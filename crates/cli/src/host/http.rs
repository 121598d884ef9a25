//! Requests to a running issuer: small JSON responses over https, or over http only on this machine.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::{Issuer, KeySetUrl};
use serde_json::Value;
use ureq::Agent;

/// The maximum size of a response, in bytes. Documents of an issuer are much smaller.
const MAX_ANSWER: u64 = 1024 * 1024;

/// The timeout of a request.
const PATIENCE: Duration = Duration::from_secs(20);

/// The timeout of a request to an issuer that may not be running on this machine.
const BRIEFLY: Duration = Duration::from_secs(1);

/// The timeout of a request to an issuer that may not be published yet.
const WAITING: Duration = Duration::from_secs(3);

/// An HTTP client for the endpoints of issuers.
pub(crate) struct Http(Agent);

/// The status of a response and its JSON body.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) json: Option<Value>,
}

impl Http {
    /// A client for the issuer at this URL. Requests to this machine bypass the proxy.
    pub(crate) fn of(issuer: &str) -> Self {
        Self::with(PATIENCE, !issuer.starts_with("http://"))
    }

    /// A client for an issuer that may not be running on this machine.
    pub(crate) fn brief() -> Self {
        Self::with(BRIEFLY, false)
    }

    /// A client for an issuer that may not be published yet.
    pub(crate) fn waiting_for(issuer: &str) -> Self {
        Self::with(WAITING, !issuer.starts_with("http://"))
    }

    fn with(patience: Duration, by_proxy: bool) -> Self {
        let mut config = Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("edgemint/", env!("CARGO_PKG_VERSION")));
        if !by_proxy {
            config = config.proxy(None);
        }
        Self(config.build().new_agent())
    }

    /// Fetches a JSON document.
    pub(crate) fn document(&self, url: &str) -> Result<Value> {
        may_be_asked(url)?;
        let mut response = self
            .0
            .get(url)
            .header("Accept", "application/json")
            .call()
            .with_context(|| format!("cannot reach {url}"))?;
        let status = response.status().as_u16();
        ensure!(status == 200, "{url} returned {status} instead of 200");
        json(&mut response).with_context(|| format!("{url} did not return JSON"))
    }

    /// Fetches a document of an issuer of others, or of a client. No redirect is followed.
    pub(crate) fn text(&self, url: &str) -> Result<String> {
        ensure!(
            url.starts_with("https://") || KeySetUrl::parse(url).is_ok(),
            "cannot send a request to {url}: the URL must begin with https:// (http is only for this machine)"
        );
        let request = self.0.get(url).header("Accept", "application/json");
        let mut response = request.call().with_context(|| format!("cannot reach {url}"))?;
        let status = response.status().as_u16();
        let redirect = if (300..400).contains(&status) { ". Redirects are not followed" } else { "" };
        ensure!(status == 200, "{url} returned {status} instead of 200{redirect}");
        let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        text.with_context(|| format!("cannot read the document at {url}"))
    }

    /// Posts a form. `authorization`: HTTP Basic credentials, if the form does not authenticate the client.
    pub(crate) fn post(&self, url: &str, authorization: Option<&str>, form: &str) -> Result<HttpAnswer> {
        may_be_asked(url)?;
        let mut request = self
            .0
            .post(url)
            .header("Accept", "application/json")
            .header("Content-Type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let mut response = request.send(form).with_context(|| format!("cannot reach {url}"))?;
        let status = response.status().as_u16();
        Ok(HttpAnswer { status, json: json(&mut response) })
    }
}

fn json(response: &mut ureq::http::Response<ureq::Body>) -> Option<Value> {
    let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string().ok()?;
    serde_json::from_str(&text).ok()
}

/// The URL of `path` at an issuer. A terminating slash of the issuer is not part of it (RFC 8414 §3.1, OpenID Connect
/// Discovery §4.1).
pub(crate) fn below(issuer: &str, path: &str) -> String {
    format!("{}{path}", issuer.strip_suffix('/').unwrap_or(issuer))
}

/// Rejects URLs that would send a request unencrypted over a network.
fn may_be_asked(url: &str) -> Result<()> {
    if let Err(error) = Issuer::parse(url) {
        bail!("cannot send a request to {url}: the URL {error}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_appended_to_the_issuer_without_its_slash() {
        for issuer in ["https://h", "https://h/"] {
            assert_eq!(below(issuer, "/token"), "https://h/token");
        }
        assert_eq!(below("https://h/dex/", "/keys"), "https://h/dex/keys");
    }

    #[test]
    fn nothing_goes_over_a_network_in_clear() {
        for url in ["http://example.com/token", "ftp://example.com", "file:///etc/passwd", "example.com"] {
            assert!(Http::of(url).post(url, Some("Basic hunter2"), "").is_err(), "{url}");
            assert!(Http::of(url).text(url).is_err(), "{url}");
        }
    }
}
