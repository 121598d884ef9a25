//! What is wrong with an `Authorization` header.

/// Why `Authorization: Basic` cannot be read (RFC 7617 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationFlaw {
    /// Longer than any that is looked at.
    TooLong,
    /// Nothing follows the scheme.
    Empty,
    /// A colon follows the scheme: the credentials are not encoded at all.
    NotEncoded,
    /// It is base64url.
    Base64Url,
    /// It is neither base64 nor base64url.
    NotBase64,
    /// It is base64 of something without a colon.
    NoColon,
}
