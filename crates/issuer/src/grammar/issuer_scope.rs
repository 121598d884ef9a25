//! The scopes whose meaning the issuer itself defines.

/// A scope with the same meaning at each audience. No API can redefine it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerScope {
    /// `openid`: an ID token (OpenID Connect Core §3.1.2.1).
    OpenId,
    /// `email` (OpenID Connect Core §5.4).
    Email,
    /// `groups`: the groups of the client, as in dex.
    Groups,
    /// `profile` (OpenID Connect Core §5.4).
    Profile,
    /// `offline_access`: a refresh token (OpenID Connect Core §11), which `client_credentials` does not have.
    OfflineAccess,
    /// `federated:id`: the identity of a user elsewhere, as in dex. `client_credentials` does not have one.
    FederatedId,
}

impl IssuerScope {
    /// All of them. Those that are served are in the order in which dex publishes them.
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

    /// Whether a request with `client_credentials` can get this scope.
    pub const fn is_served(self) -> bool {
        !matches!(self, Self::OfflineAccess | Self::FederatedId)
    }
}
