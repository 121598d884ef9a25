//! The scopes to which the issuer itself gives a meaning.

/// A scope that means the same at each audience. No API can define it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerScope {
    /// `openid`: an ID token (OpenID Connect Core §3.1.2.1).
    OpenId,
    /// `email` (OpenID Connect Core §5.4).
    Email,
    /// `groups`: dex's, the groups of the client.
    Groups,
    /// `profile` (OpenID Connect Core §5.4).
    Profile,
    /// `offline_access`: a refresh token (OpenID Connect Core §11), which `client_credentials` does not have.
    OfflineAccess,
    /// `federated:id`: dex's, the identity of a user elsewhere, which `client_credentials` does not have.
    FederatedId,
}

impl IssuerScope {
    /// All of them, in the order in which dex publishes those that it serves.
    pub const ALL: [Self; 6] =
        [Self::OpenId, Self::Email, Self::Groups, Self::Profile, Self::OfflineAccess, Self::FederatedId];

    /// The name in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Email => "email",
            Self::Groups => "groups",
            Self::Profile => "profile",
            Self::OfflineAccess => "offline_access",
            Self::FederatedId => "federated:id",
        }
    }

    /// The scope of this name, compared byte for byte (RFC 6749 §3.3).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Whether a request by `client_credentials` can be granted it.
    pub const fn is_served(self) -> bool {
        !matches!(self, Self::OfflineAccess | Self::FederatedId)
    }
}
