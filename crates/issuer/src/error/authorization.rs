//! What is wrong with an `Authorization` header.

/// Why `Authorization: Basic` cannot be read (RFC 7617 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationFlaw {
    /// Longer than 8 KiB, the limit for the header.
    TooLong,
    /// Nothing follows the scheme.
    Empty,
    /// A colon follows the scheme: the credentials are not encoded at all.
    NotEncoded,
    /// It is base64url.
    Base64Url,
    /// It is neither base64 nor base64url.
    NotBase64,
    /// It is base64 without a colon in it.
    NoColon,
}

impl AuthorizationFlaw {
    /// The detail for the log. Never contains the value or a part of it, because it may be a secret.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::TooLong => {
                "the header Authorization is longer than 8 KiB. Send `Basic` and the base64 of ID, colon and secret."
            }
            Self::Empty => {
                "the header Authorization has no credentials after `Basic`. Send the base64 of ID, colon and secret."
            }
            Self::NotEncoded => {
                "the credentials in the header Authorization are not base64: they have a colon. Encode ID, colon and \
                 secret as base64."
            }
            Self::Base64Url => {
                "the credentials in the header Authorization are in the base64url alphabet. Encode them as base64, which \
                 has `+` and `/` where base64url has `-` and `_`."
            }
            Self::NotBase64 => {
                "the credentials in the header Authorization are not base64. Encode ID, colon and secret as base64, \
                 without line breaks."
            }
            Self::NoColon => {
                "the credentials in the header Authorization have no colon once they are decoded. Encode ID, colon and \
                 secret together as base64."
            }
        }
    }
}
