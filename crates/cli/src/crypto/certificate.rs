//! A client certificate in a file: its names, its validity and its thumbprint.

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// The line before a certificate in PEM (RFC 7468 §5).
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The line after it.
const END: &str = "-----END CERTIFICATE-----";

/// What a certificate says. Nothing of it is verified: the TLS handshake proves that the client has the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// The SHA-256 of its DER in base64url, as `x5t#S256` in tokens (RFC 8705 §3.1).
    pub(crate) sha256: String,
    /// The subject, in the form of RFC 2253.
    pub(crate) subject: String,
    /// The first second of its validity, since 1970.
    pub(crate) not_before: u64,
    /// The last second of its validity, since 1970.
    pub(crate) not_after: u64,
}

/// Reads the only certificate of a PEM file. Text around it is ignored, as `openssl x509 -text` prints it.
///
/// # Errors
///
/// If the file has another number of certificates, or a private key. The error contains nothing of the file.
pub(crate) fn read(file: &[u8]) -> Result<CertificateFacts> {
    let Ok(text) = std::str::from_utf8(file) else {
        bail!("it is not PEM. Convert it: `openssl x509 -inform DER -in FILE` prints PEM");
    };
    ensure!(
        !text.contains("PRIVATE KEY-----"),
        "it contains a private key, which only the client may have. Pass only the certificate: `openssl x509 -in FILE` \
         prints it. If another person or machine could read this file, replace the key and the certificate"
    );
    let mut blocks = text.split(BEGIN).skip(1);
    let block = blocks.next();
    let block =
        block.context("it is not a certificate in PEM: it has no line -----BEGIN CERTIFICATE-----")?;
    let more = blocks.count();
    ensure!(
        more == 0,
        "it has {} certificates. Pass only that of the client, without those of its authorities",
        more + 1
    );
    let body = block.split_once(END).map(|(body, _)| body.split_ascii_whitespace().collect::<String>());
    let der = body.and_then(|body| STANDARD.decode(body).ok()).context("its PEM is cut off or malformed")?;
    let certificate =
        Certificate::from_der(&der).map_err(|_| anyhow::anyhow!("it is not an X.509 certificate"))?;
    let (facts, validity) = (certificate.tbs_certificate(), certificate.tbs_certificate().validity());
    Ok(CertificateFacts {
        sha256: URL_SAFE_NO_PAD.encode(Sha256::digest(&der)),
        subject: facts.subject().to_string(),
        not_before: validity.not_before.to_unix_duration().as_secs(),
        not_after: validity.not_after.to_unix_duration().as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BILLING: &str = include_str!("../../tests/certificates/billing.pem");
    const KEY: &str = include_str!("../../tests/certificates/billing.key.pem");

    #[test]
    fn a_certificate_is_read_as_openssl_reads_it() {
        let expected = CertificateFacts {
            // `openssl x509 -outform DER | openssl dgst -sha256 -binary`
            sha256: "UOcLUuqY06zk4Qqt4k8Wz3LFTP0Lo46Q9qThIVqAQFI".to_owned(),
            // `openssl x509 -noout -subject -nameopt RFC2253`
            subject: r"CN=billing,O=Example\, Inc.,C=DE".to_owned(),
            not_before: 1_577_836_800,
            not_after: 4_733_510_400,
        };
        let around = format!("\u{feff}Certificate:\n  Data: x\n{}\nmore", BILLING.replace('\n', "\r\n"));
        for text in [BILLING, &around] {
            assert_eq!(read(text.as_bytes()).expect("a certificate"), expected);
        }
    }

    #[test]
    fn what_is_not_one_certificate_is_refused_and_no_key_is_shown() {
        let cut = BILLING.get(..200).expect("it is longer");
        for (text, told) in [
            ("", "no line -----BEGIN CERTIFICATE-----"),
            ("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----", "not a certificate in PEM"),
            ("-----BEGIN CERTIFICATE REQUEST-----\nMCow\n", "not a certificate in PEM"),
            (&format!("{BILLING}{KEY}"), "it contains a private key"),
            (&format!("{KEY}{BILLING}"), "it contains a private key"),
            (KEY, "it contains a private key"),
            (&format!("{BILLING}{BILLING}"), "it has 2 certificates"),
            (cut, "cut off"),
            (&BILLING.replace("MII", "M!I"), "malformed"),
            (&format!("{BEGIN}\nMCow\n{END}"), "not an X.509 certificate"),
            (&format!("{BEGIN}\n{END}"), "not an X.509 certificate"),
        ] {
            let refused = read(text.as_bytes()).expect_err(text).to_string();
            assert!(refused.contains(told), "{text}: {refused}");
            assert!(!refused.contains("MIGH"), "{refused}");
        }
        let der = read(&[0x30, 0x82, 0xff, 0xfe]).expect_err("DER").to_string();
        assert!(der.contains("-inform DER"), "{der}");
    }
}
