//! Client authentication by a TLS client certificate (RFC 8705 §2).

use crate::authenticate::{AuthenticatedClient, Authenticator};
use crate::error::TokenError;
use crate::error::certificate::CertificateFlaw;
use crate::error::client::ClientError;
use crate::http::certificate::Certificate;
use crate::log::event::Proof;
use crate::ports::{ClientStore, LocationCache, RateLimit};
use crate::records::certificate::CertificateMatch;
use crate::records::client::ClientRecord;
use crate::request::authentication::PresentedCertificate;

impl<C: ClientStore + LocationCache, H, B: RateLimit> Authenticator<'_, C, H, B> {
    /// Proves which client presented a certificate. As with assertions, only failures count against the rate
    /// limit, because a certificate cannot be guessed.
    pub(super) async fn by_certificate(
        &self,
        presented: &PresentedCertificate,
    ) -> Result<AuthenticatedClient, TokenError> {
        let failure = match self.judge_certificate(presented).await {
            Err(TokenError::Client(failure)) => failure,
            other => return other,
        };
        if let Some(id) = &presented.client {
            self.limiter.failed(id, false, self.trail).await?;
        }
        Err(failure.into())
    }

    async fn judge_certificate(
        &self,
        presented: &PresentedCertificate,
    ) -> Result<AuthenticatedClient, TokenError> {
        let id = presented.client.as_ref().ok_or(TokenError::Client(ClientError::UnknownClient))?;
        let found = self.clients.find(id, self.trail).await?;
        let record = found.ok_or(TokenError::Client(ClientError::UnknownClient))?;
        if record.disabled {
            return Err(ClientError::ClientDisabled.into());
        }
        if record.public {
            return Err(ClientError::PublicClient.into());
        }
        if record.certificates.is_empty() {
            return Err(ClientError::NoCredentials.into());
        }
        let certificate = Certificate::read(&presented.report, self.trail.now);
        let certificate = certificate.map_err(ClientError::Certificate)?;
        let id = matching(&record, &certificate).map_err(ClientError::Certificate)?.to_owned();
        Ok(AuthenticatedClient { record, proof: Proof::Certificate(id), used: None })
    }
}

/// The ID of the registered certificate that matches.
fn matching<'r>(record: &'r ClientRecord, certificate: &Certificate) -> Result<&'r str, CertificateFlaw> {
    let mut flaw = CertificateFlaw::Unknown;
    for registered in &record.certificates {
        let is_named = match &registered.r#match {
            CertificateMatch::Sha256(thumbprint) if *thumbprint == certificate.thumbprint => {
                return Ok(&registered.id);
            }
            CertificateMatch::Sha256(_) => false,
            CertificateMatch::Names { subject_dn, issuer_dn } => {
                *subject_dn == certificate.subject && *issuer_dn == certificate.issuer
            }
        };
        if is_named && certificate.is_verified {
            return Ok(&registered.id);
        }
        if is_named {
            flaw = CertificateFlaw::NotVerified;
        }
    }
    Err(flaw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::certificate::ClientCertificate;
    use crate::records::client_id::ClientId;

    #[test]
    fn names_count_only_in_a_verified_certificate_and_a_thumbprint_always() {
        let certificate = |is_verified, subject: &str, issuer: &str, thumbprint: &str| Certificate {
            is_verified,
            subject: subject.into(),
            issuer: issuer.into(),
            thumbprint: thumbprint.into(),
        };
        let mut record = ClientRecord::new(ClientId::parse("a").unwrap(), "A");
        let names = CertificateMatch::Names { subject_dn: "CN=a,O=x".into(), issuer_dn: "CN=ca".into() };
        record.certificates = vec![
            ClientCertificate { id: "c1".into(), created: 1, r#match: names },
            ClientCertificate { id: "c2".into(), created: 1, r#match: CertificateMatch::Sha256("T".into()) },
        ];
        for (presented, expected) in [
            (certificate(true, "CN=a,O=x", "CN=ca", "U"), Ok("c1")),
            (certificate(false, "CN=a,O=x", "CN=ca", "U"), Err(CertificateFlaw::NotVerified)),
            (certificate(false, "CN=a,O=x", "CN=ca", "T"), Ok("c2")),
            (certificate(true, "CN=other", "CN=ca", "T"), Ok("c2")),
            (certificate(true, "CN=a, O=x", "CN=ca", "U"), Err(CertificateFlaw::Unknown)),
            (certificate(true, "O=x,CN=a", "CN=ca", "U"), Err(CertificateFlaw::Unknown)),
            (certificate(true, "CN=a,O=x", "CN=CA", "U"), Err(CertificateFlaw::Unknown)),
            (certificate(true, "CN=a,O=x", "", "U"), Err(CertificateFlaw::Unknown)),
            (certificate(true, "", "CN=ca", "U"), Err(CertificateFlaw::Unknown)),
            (certificate(true, "CN=other", "CN=ca", "t"), Err(CertificateFlaw::Unknown)),
        ] {
            assert_eq!(matching(&record, &presented), expected, "{presented:?}");
        }
    }
}
