//! The grants that a deployment can serve (`GRANT_TYPES`).

/// A grant that edgemint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 7523 §2.1: the identity token of a workload as the grant.
    JwtBearer,
}

impl GrantType {
    /// All grants.
    pub const ALL: [Self; 2] = [Self::ClientCredentials, Self::JwtBearer];

    /// The value of `grant_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
        }
    }

    /// The grant with this value of `grant_type`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }
}

/// Grants that a dex configuration may list and that edgemint does not have. They are accepted, but not
/// served.
pub(crate) const GRANTS_OF_DEX: [&str; 6] = [
    "authorization_code",
    "refresh_token",
    "implicit",
    "password",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];
