//! Requests to a running issuer: small JSON responses over https, or over http only on this machine.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use edgemint_issuer::{Issuer, KeySetUrl};
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, TlsConfig};

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
    /// The header `DPoP-Nonce` (RFC 9449 §8.2), if the response has it once.
    pub(crate) dpop_nonce: Option<String>,
}

impl Http {
    /// A client for the issuer at this URL. Requests to this machine bypass the proxy.
    pub(crate) fn of(issuer: &str) -> Self {
        Self::with(PATIENCE, !issuer.starts_with("http://"), TlsConfig::default())
    }

    /// A client that presents this certificate when a server asks for one. `chain` and `key` are in PEM.
    ///
    /// # Errors
    ///
    /// If one of them is unusable, or the key is that of another certificate. The error contains nothing of them.
    pub(crate) fn presenting(issuer: &str, chain: &str, key: &str) -> Result<Self> {
        let tls = TlsConfig::builder().client_cert(Some(client_certificate(chain, key)?)).build();
        Ok(Self::with(PATIENCE, !issuer.starts_with("http://"), tls))
    }

    /// A client for an issuer that may not be running on this machine.
    pub(crate) fn brief() -> Self {
        Self::with(BRIEFLY, false, TlsConfig::default())
    }

    /// A client for an issuer that may not be published yet.
    pub(crate) fn waiting_for(issuer: &str) -> Self {
        Self::with(WAITING, !issuer.starts_with("http://"), TlsConfig::default())
    }

    fn with(patience: Duration, by_proxy: bool, tls: TlsConfig) -> Self {
        let mut config = Agent::config_builder()
            .tls_config(tls)
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

    /// Posts a form with more headers, such as HTTP Basic credentials or a DPoP proof.
    pub(crate) fn post(&self, url: &str, headers: &[(&str, &str)], form: &str) -> Result<HttpAnswer> {
        may_be_asked(url)?;
        let mut request = self
            .0
            .post(url)
            .header("Accept", "application/json")
            .header("Content-Type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(form).with_context(|| format!("cannot reach {url}"))?;
        let status = response.status().as_u16();
        let mut nonces = response.headers().get_all("DPoP-Nonce").iter();
        let nonce = nonces.next().filter(|_| nonces.next().is_none());
        let dpop_nonce = nonce.and_then(|nonce| nonce.to_str().ok()).map(str::to_owned);
        Ok(HttpAnswer { status, json: json(&mut response), dpop_nonce })
    }
}

/// A certificate with its chain, and its private key. Without this check, ureq panics on a key that does not fit.
fn client_certificate(chain: &str, key: &str) -> Result<ClientCert> {
    let pem = |text: &str| ureq::tls::parse_pem(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    let Ok(items) = pem(chain) else { bail!("the file with the certificate is not PEM") };
    let chain: Vec<Certificate<'static>> = items
        .into_iter()
        .filter_map(|item| {
            let PemItem::Certificate(certificate) = item else { return None };
            Some(certificate)
        })
        .collect();
    ensure!(!chain.is_empty(), "the file with the certificate has none in PEM");
    ensure!(
        !key.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        "the private key is encrypted. Pass a decrypted copy that only you can read: `openssl pkey -in FILE` prints it"
    );
    let Ok(private) = PrivateKey::from_pem(key.as_bytes()) else {
        bail!("the file with the private key has none in PEM")
    };
    let parts = (
        chain.iter().map(|one| one.der().to_vec().into()).collect(),
        rustls::pki_types::PrivateKeyDer::try_from(private.der().to_vec()),
    );
    let (chain_der, Ok(key_der)) = parts else { bail!("the private key is malformed") };
    let provider = rustls::crypto::ring::default_provider();
    match rustls::sign::CertifiedKey::from_der(chain_der, key_der, &provider) {
        Ok(_) => Ok(ClientCert::new_with_certs(&chain, private)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            bail!("the private key is not that of the certificate")
        }
        Err(_) => bail!("the certificate or its private key is malformed, or of an unsupported kind"),
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
            assert!(Http::of(url).post(url, &[("Authorization", "Basic hunter2")], "").is_err(), "{url}");
            assert!(Http::of(url).text(url).is_err(), "{url}");
        }
    }

    const CERTIFICATE: &str = include_str!("../../tests/certificates/billing.pem");
    const KEY: &str = include_str!("../../tests/certificates/billing.key.pem");
    const OTHER_KEY: &str = include_str!("../../tests/certificates/other.key.pem");

    #[test]
    fn a_certificate_needs_its_own_key_and_no_key_is_shown() {
        assert!(client_certificate(CERTIFICATE, KEY).is_ok());
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGH\n-----END ENCRYPTED PRIVATE KEY-----\n";
        for (chain, key, told) in [
            (CERTIFICATE, OTHER_KEY, "not that of the certificate"),
            (CERTIFICATE, CERTIFICATE, "has none in PEM"),
            (CERTIFICATE, "", "has none in PEM"),
            (CERTIFICATE, encrypted, "is encrypted"),
            (CERTIFICATE, "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n", "malformed"),
            (KEY, KEY, "the file with the certificate has none"),
            ("", KEY, "the file with the certificate has none"),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", KEY, "is not PEM"),
            ("-----BEGIN CERTIFICATE-----\nMIGH\n-----END CERTIFICATE-----\n", KEY, "malformed"),
        ] {
            let refused = client_certificate(chain, key).map(|_| ()).expect_err(told).to_string();
            assert!(refused.contains(told) && !refused.contains("MIGH"), "{told}: {refused}");
        }
    }

    #[test]
    fn a_server_that_asks_for_a_certificate_gets_it() {
        use std::io::{Read as _, Write as _};
        use std::sync::Arc;

        use rustls::pki_types::{CertificateDer, PrivateKeyDer};

        let parsed = client_certificate(CERTIFICATE, KEY).expect("a certificate with its key");
        let der = CertificateDer::from(parsed.certs()[0].der().to_vec());
        let key = PrivateKeyDer::try_from(parsed.private_key().der().to_vec()).expect("a key");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(der.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
                .build()
                .expect("a verifier");
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![der.clone()], key)
            .expect("a server");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("https://{}/token", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().expect("a connection");
            let mut connection = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
            let mut stream = rustls::Stream::new(&mut connection, &mut socket);
            let mut request = Vec::new();
            while !request.ends_with(b"a=b") {
                let mut some = [0; 1024];
                let read = stream.read(&mut some).expect("a request");
                assert!(read > 0, "the request is whole");
                request.extend_from_slice(&some[..read]);
            }
            let answer =
                b"HTTP/1.1 200 OK\r\nDPoP-Nonce: n\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            stream.write_all(answer).expect("an answer");
            stream.conn.send_close_notify();
            let _ = stream.flush();
            connection.peer_certificates().map(|chain| chain[0].to_vec())
        });
        let tls = TlsConfig::builder()
            .client_cert(Some(parsed.clone()))
            .root_certs(parsed.certs().iter().cloned().into())
            .build();
        let answer = Http::with(PATIENCE, false, tls).post(&url, &[("DPoP", "p")], "a=b").expect("an answer");
        assert_eq!((answer.status, answer.dpop_nonce.as_deref()), (200, Some("n")));
        assert_eq!(server.join().expect("the server ends"), Some(der.to_vec()));
    }
}
