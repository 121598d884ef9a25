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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, r#match: CertificateMatch) -> ClientCertificate {
        ClientCertificate { id: id.to_owned(), created: 1, r#match }
    }

    fn pinned(id: &str, thumbprint: &str) -> ClientCertificate {
        of(id, CertificateMatch::Sha256(thumbprint.to_owned()))
    }

    fn named(id: &str, subject: &str, issuer: &str) -> ClientCertificate {
        let (subject_dn, issuer_dn) = (subject.to_owned(), issuer.to_owned());
        of(id, CertificateMatch::Names { subject_dn, issuer_dn })
    }

    #[test]
    fn a_client_has_at_most_eight_certificates() {
        let several =
            |n: usize| -> Vec<_> { (0..n).map(|i| pinned(&i.to_string(), &format!("{i:0>43}"))).collect() };
        for n in [0, 1, MAX_CERTIFICATES] {
            assert_eq!(check_certificates(&several(n)), Ok(()), "{n}");
        }
        for n in [MAX_CERTIFICATES + 1, 100] {
            assert_eq!(check_certificates(&several(n)), Err(RecordError::TooManyCertificates), "{n}");
        }
    }

    #[test]
    fn two_certificates_differ_in_their_ids_and_in_what_they_match() {
        let (first, second) = (named("a", "CN=a", "CN=ca"), named("b", "CN=b", "CN=ca"));
        assert_eq!(check_certificates(&[first.clone(), second.clone()]), Ok(()));
        for third in [named("a", "CN=c", "CN=ca"), named("c", "CN=a", "CN=ca"), first.clone()] {
            let all = [first.clone(), second.clone(), third];
            assert_eq!(check_certificates(&all), Err(RecordError::RepeatedCertificate), "{:?}", all[2]);
        }
    }

    #[test]
    fn a_malformed_certificate_is_named() {
        let (longest, good) = ("x".repeat(MAX_NAME), "0".repeat(43));
        let longer = format!("{longest}x");
        for certificate in [
            named("a", "C", "D"),
            named("a", &longest, &longest),
            pinned("a", &good),
            pinned("a", &format!("-_Zz9{}", "0".repeat(38))),
        ] {
            assert_eq!(check_certificates(std::slice::from_ref(&certificate)), Ok(()), "{certificate:?}");
        }
        for certificate in [
            named("a", "", "CN=ca"),
            named("a", "CN=a", ""),
            named("a", &longer, "CN=ca"),
            named("a", "CN=a", &longer),
            pinned("a", ""),
            pinned("a", &"0".repeat(42)),
            pinned("a", &"0".repeat(44)),
            pinned("a", &good.replacen('0', "=", 1)),
            pinned("a", &good.replacen('0', "+", 1)),
            pinned("", &good),
        ] {
            let all = [named("first", "CN=a", "CN=ca"), certificate];
            let expected = RecordError::Certificate(all[1].id.clone());
            assert_eq!(check_certificates(&all), Err(expected), "{:?}", all[1]);
        }
    }
}
