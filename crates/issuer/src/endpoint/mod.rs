//! The endpoints: their paths, their methods, and one file for each.

pub(crate) mod answer;
pub(crate) mod authorization;
pub(crate) mod health;
pub(crate) mod inspection;
pub(crate) mod introspect;
pub(crate) mod revoke;
pub(crate) mod token;

use crate::discovery::metadata::AUTHORIZATION_PATH;

const WELL_KNOWN_OAUTH: &str = "/.well-known/oauth-authorization-server";

/// The records of most requests: those of the client, of its API and of its trusted issuer. Cloudflare allows few
/// calls per request on its free plan, where a lookup counts, and so does storing what was not found.
const LOCATION_LOOKUPS: u32 = 3;

/// The endpoints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authorization,
    Token,
    Introspection,
    Revocation,
    OpenIdConfiguration,
    OAuthMetadata,
    Keys,
    Health,
}

impl Endpoint {
    /// The endpoint at `path`. Every path is below the issuer's path. RFC 8414 §3.1 also inserts its
    /// well-known path before it.
    pub(super) fn route(path: &str, base: &str) -> Option<Self> {
        if !base.is_empty() && path.strip_prefix(WELL_KNOWN_OAUTH) == Some(base) {
            return Some(Self::OAuthMetadata);
        }
        match path.strip_prefix(base)? {
            AUTHORIZATION_PATH => Some(Self::Authorization),
            "/token" => Some(Self::Token),
            "/token/introspect" => Some(Self::Introspection),
            "/token/revoke" => Some(Self::Revocation),
            "/.well-known/openid-configuration" => Some(Self::OpenIdConfiguration),
            WELL_KNOWN_OAUTH => Some(Self::OAuthMetadata),
            "/keys" | "/.well-known/jwks.json" => Some(Self::Keys),
            "/healthz" => Some(Self::Health),
            _ => None,
        }
    }

    pub(super) fn takes(self, method: &str) -> bool {
        match self {
            // OpenID Connect Core §3.1.2.1.
            Self::Authorization => matches!(method, "GET" | "HEAD" | "POST"),
            Self::Token | Self::Introspection | Self::Revocation => method == "POST",
            Self::OpenIdConfiguration | Self::OAuthMetadata | Self::Keys | Self::Health => {
                matches!(method, "GET" | "HEAD")
            }
        }
    }

    /// Whether clients authenticate at this endpoint.
    pub(super) fn takes_credentials(self) -> bool {
        matches!(self, Self::Token | Self::Introspection | Self::Revocation)
    }

    /// Whether a DPoP proof counts at this endpoint.
    pub(super) fn takes_dpop(self) -> bool {
        self == Self::Token
    }

    /// How many records of one request may come from the cache of the location. None for the endpoints that answer
    /// questions about tokens, whose answers must be as certain as the store itself.
    pub(super) fn location_lookups(self) -> u32 {
        if self == Self::Token { LOCATION_LOOKUPS } else { 0 }
    }

    /// The endpoint's name in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authorization => "auth",
            Self::Token => "token",
            Self::Introspection => "introspect",
            Self::Revocation => "revoke",
            Self::OpenIdConfiguration | Self::OAuthMetadata => "metadata",
            Self::Keys => "keys",
            Self::Health => "healthz",
        }
    }

    /// Whether web pages may call this endpoint (RFC 9700 §2.6). Never those for resource servers and
    /// operators, and never the authorization endpoint.
    pub(super) fn is_for_pages(self) -> bool {
        !matches!(self, Self::Authorization | Self::Introspection | Self::Revocation | Self::Health)
    }

    /// The methods of this endpoint, without and with a preflight.
    pub(super) fn methods(self, preflight: bool) -> &'static str {
        match (self, preflight) {
            (Self::Authorization, _) => "GET, HEAD, POST",
            (Self::Token | Self::Introspection | Self::Revocation, false) => "POST",
            (Self::Token, true) => "POST, OPTIONS",
            (_, false) => "GET, HEAD",
            (_, true) => "GET, HEAD, OPTIONS",
        }
    }
}
