//! The documents that the issuer publishes about itself: discovery (OpenID Connect Discovery 1.0, RFC 8414)
//! and the JWKS.
//!
//! They are built once from the configuration, and each is served unchanged, with its `ETag`.
//! `SignedMetadata` signs one of them.

use serde::Serialize;

use crate::config::Config;
use crate::config::grant_type::GrantType;
use crate::config::profile::TokenProfile;
use crate::discovery::document::Document;
use crate::discovery::signed::SignedMetadata;
use crate::grammar::issuer_scope::IssuerScope;
use crate::grammar::json;
use crate::jose::algorithm::Algorithm;
use crate::jose::signature_algorithm::SignatureAlgorithm;

/// The response type in the documents. Clients refuse a document without one (OpenID Connect Discovery §3,
/// RFC 8414 §2), so the documents name the one that Kubernetes publishes for tokens of machines. A client
/// that wants `code` then stops before it sends a person to the authorization endpoint.
const RESPONSE_TYPES: [&str; 1] = ["id_token"];

/// The PKCE methods in the documents. MCP's SDK for Go refuses a document without PKCE, whatever the grant.
/// The value has no effect, because the authorization endpoint refuses every request.
const CODE_CHALLENGE_METHODS: [&str; 1] = ["S256"];

const CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "jti",
    "nonce",
    "azp",
    "at_hash",
    "email_verified",
    "groups",
    "name",
    "preferred_username",
];

/// The claims that RFC 9068 §2.2 adds.
const CLAIMS_OF_RFC9068: &[&str] = &["client_id", "scope"];

/// The ways of client authentication with a shared secret, which the FAPI 2.0 profile does not allow.
const SECRET_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// The ways with a certificate (RFC 8705 §2), where the deployment has a host for it.
const CERTIFICATE_METHODS: [&str; 2] = ["tls_client_auth", "self_signed_tls_client_auth"];

/// All published documents.
pub(crate) struct Documents {
    pub(crate) openid: Document,
    pub(crate) oauth: SignedMetadata,
    /// The JWKS, by the index of the active key. The last one is for the case that no key is active.
    jwks: Vec<Document>,
}

/// The claims of `signed_metadata` (RFC 8414 §2.1).
///
/// It is public, so it must not pass as a token at a careless API: its `aud` is the document, and it has no
/// `exp`, `sub` and `jti`.
#[derive(Serialize)]
struct Attested<'a> {
    iss: &'a str,
    aud: String,
    #[serde(flatten)]
    metadata: &'a Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    response_types_supported: [&'a str; 1],
    code_challenge_methods_supported: [&'a str; 1],
    grant_types_supported: Vec<&'a str>,
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: &'a [Algorithm],
    scopes_supported: Vec<&'a str>,
    token_endpoint_auth_methods_supported: &'a [&'a str],
    token_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: &'a [&'a str],
    introspection_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    introspection_signing_alg_values_supported: &'a [Algorithm],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: &'a [&'a str],
    revocation_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    claims_supported: &'a [&'a str],
    dpop_signing_alg_values_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<Aliases>,
}

/// The endpoints at the host where clients present certificates, so that other clients are not asked for one
/// (RFC 8705 §5).
#[derive(Serialize)]
struct Aliases {
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
}

/// Algorithms under each of their names: Ed25519 has two (RFC 9864 §2.2).
fn names(algorithms: &[SignatureAlgorithm]) -> Vec<&'static str> {
    let both = |alg: &SignatureAlgorithm| [Some(alg.name()), alg.newer_name()];
    algorithms.iter().flat_map(both).flatten().collect()
}

/// The scopes that a request can be granted at each audience.
fn served_scopes() -> Vec<&'static str> {
    IssuerScope::ALL.into_iter().filter(|scope| scope.is_served()).map(IssuerScope::name).collect()
}

impl Documents {
    pub(crate) fn new(config: &Config) -> Self {
        // RFC 8414 §2 compares the issuer byte for byte. A terminating slash is not part of the endpoints
        // (§3.1).
        let (issuer, base) = (config.issuer.as_str(), config.issuer.base());
        let algorithms = config.keys.algorithms();
        let mut claims = CLAIMS.to_vec();
        if config.profile == TokenProfile::Rfc9068 {
            claims.extend(CLAIMS_OF_RFC9068);
        }
        let of_assertions = names(config.assertion_algorithms());
        let of_proofs = names(&SignatureAlgorithm::OF_PROOFS);
        let mut methods = if config.fapi { Vec::new() } else { SECRET_METHODS.to_vec() };
        methods.push("private_key_jwt");
        let mtls = config.mtls_base.as_deref();
        methods.extend(mtls.into_iter().flat_map(|_| CERTIFICATE_METHODS));
        let metadata = Metadata {
            issuer,
            authorization_endpoint: format!("{base}{}", AUTHORIZATION_PATH),
            token_endpoint: format!("{base}/token"),
            jwks_uri: format!("{base}/keys"),
            response_types_supported: RESPONSE_TYPES,
            code_challenge_methods_supported: CODE_CHALLENGE_METHODS,
            grant_types_supported: config.grants.iter().copied().map(GrantType::name).collect(),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: &algorithms,
            scopes_supported: served_scopes(),
            token_endpoint_auth_methods_supported: &methods,
            token_endpoint_auth_signing_alg_values_supported: &of_assertions,
            // RFC 8414 §2; the algorithms: RFC 9701 §7.
            introspection_endpoint: format!("{base}/token/introspect"),
            introspection_endpoint_auth_methods_supported: &methods,
            introspection_endpoint_auth_signing_alg_values_supported: &of_assertions,
            introspection_signing_alg_values_supported: &algorithms,
            revocation_endpoint: format!("{base}/token/revoke"),
            revocation_endpoint_auth_methods_supported: &methods,
            revocation_endpoint_auth_signing_alg_values_supported: &of_assertions,
            claims_supported: &claims,
            // RFC 9449 §5.1; RFC 8705 §3.3, §5.
            dpop_signing_alg_values_supported: &of_proofs,
            tls_client_certificate_bound_access_tokens: mtls.map(|_| true),
            mtls_endpoint_aliases: mtls.map(|base| Aliases {
                token_endpoint: format!("{base}/token"),
                introspection_endpoint: format!("{base}/token/introspect"),
                revocation_endpoint: format!("{base}/token/revoke"),
            }),
        };
        let (keys, count) = (&config.keys, config.keys.len());
        let attested = json::of(&Attested {
            iss: issuer,
            aud: format!("{base}/.well-known/oauth-authorization-server"),
            metadata: &metadata,
        });
        let document = json::of(&metadata);
        Self {
            openid: Document::new(document.clone()),
            oauth: SignedMetadata::new(document, attested, count),
            jwks: (0..count).map(Some).chain([None]).map(|active| Document::new(keys.jwks(active))).collect(),
        }
    }

    /// The JWKS while the key at `active` signs.
    pub(crate) fn jwks(&self, active: Option<usize>) -> Option<&Document> {
        active.map_or_else(|| self.jwks.last(), |active| self.jwks.get(active))
    }
}

/// The authorization endpoint is below the issuer, where dex has it.
pub(crate) const AUTHORIZATION_PATH: &str = "/auth";
