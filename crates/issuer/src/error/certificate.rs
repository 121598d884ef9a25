//! A client certificate that does not authenticate the client (RFC 8705 §2).

/// Why a client certificate does not authenticate the client. All have the same answer, so an attacker cannot
/// tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// What the network reports about the certificate cannot be read, or the certificate is too large.
    Unreadable,
    /// The certificate is revoked.
    Revoked,
    /// It is not valid yet, or no longer.
    OutsideValidity,
    /// The names are the registered ones, but no authority that the hostname trusts issued it.
    NotVerified,
    /// It is not one of the client's certificates.
    Unknown,
}

impl CertificateFlaw {
    /// The reason as a stable name, and the detail for the log.
    pub(super) fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Unreadable => (
                "certificate_unreadable",
                "the report of the network about the client certificate cannot be read, or the certificate is larger than 10 KB. \
                 Give the client a smaller certificate.",
            ),
            Self::Revoked => {
                ("certificate_revoked", "the client certificate is revoked. Give the client a new one.")
            }
            Self::OutsideValidity => (
                "certificate_outside_validity",
                "the client certificate is not valid yet, or no longer. Give the client a new one, and register it with \
                 `edgemint client certificate add`.",
            ),
            Self::NotVerified => (
                "certificate_not_verified",
                "the names in the client certificate are the registered ones, but no authority that the hostname trusts \
                 issued it. Upload the authority at Cloudflare, or register the certificate itself with \
                 `edgemint client certificate add`.",
            ),
            Self::Unknown => (
                "certificate_unknown",
                "the client certificate is not one of this client's. Compare it with `edgemint client certificate list`, \
                 and register it with `edgemint client certificate add`.",
            ),
        }
    }
}
