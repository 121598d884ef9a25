//! The certificates of a client (RFC 8705 §2).

use serde::{Deserialize, Serialize};

use crate::records::schema::RecordError;

/// The most certificates of one client.
pub const MAX_CERTIFICATES: usize = 8;

/// The longest distinguished name, in bytes.
const MAX_NAME: usize = 1024;

/// A certificate that authenticates a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The name of the certificate in logs and commands, unique within the record.
    pub id: String,
    /// The time at which it was added, in seconds since 1970.
    pub created: u64,
    /// What of it must match.
    pub r#match: CertificateMatch,
}

/// What of a certificate must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CertificateMatch {
    /// The SHA-256 of the certificate in base64url (`self_signed_tls_client_auth`, RFC 8705 §2.2).
    Sha256(String),
    /// The names in a certificate that the network verified (`tls_client_auth`, RFC 8705 §2.1).
    Names {
        /// The subject in the form of RFC 2253, byte for byte.
        subject_dn: String,
        /// The issuer in the same form. Without it, every authority that the hostname trusts could issue it.
        issuer_dn: String,
    },
}

/// Checks the certificates of a record.
pub(super) fn check_certificates(certificates: &[ClientCertificate]) -> Result<(), RecordError> {
    if certificates.len() > MAX_CERTIFICATES {
        return Err(RecordError::TooManyCertificates);
    }
    for (i, certificate) in certificates.iter().enumerate() {
        let is_known =
            |other: &ClientCertificate| other.id == certificate.id || other.r#match == certificate.r#match;
        if certificates.iter().take(i).any(is_known) {
            return Err(RecordError::RepeatedCertificate);
        }
        let is_name = |name: &str| (1..=MAX_NAME).contains(&name.len());
        let is_well_formed = match &certificate.r#match {
            CertificateMatch::Sha256(thumbprint) => is_thumbprint(thumbprint),
            CertificateMatch::Names { subject_dn, issuer_dn } => is_name(subject_dn) && is_name(issuer_dn),
        };
        if !is_well_formed || certificate.id.is_empty() {
            return Err(RecordError::Certificate(certificate.id.clone()));
        }
    }
    Ok(())
}

/// Whether `text` is a SHA-256 in base64url without padding.
pub(crate) fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}
