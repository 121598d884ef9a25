//! What the issuer publishes of itself: discovery (OpenID Connect Discovery 1.0, RFC 8414) and the JWKS.
//!
//! Built once from the configuration; each document is served as it stands, with its `ETag`. The signature of one
//! of them is `signed_metadata`'s.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::{Config, GrantType, TokenProfile};
use crate::discovery::signed::SignedMetadata;
use crate::endpoint::authorization;
use crate::grammar::duration::Lifetime;
use crate::http::response::{Request, Response};
use crate::jose::signing_key::Algorithm;

/// How long a verifier may keep the JWKS, and everybody the other documents; a new key must be published for longer than this
/// before it signs.
pub const DOCUMENT_MAX_AGE: Lifetime = Lifetime::from_seconds(300);

/// Clients refuse a document without a response type (OpenID Connect Discovery §3, RFC 8414 §2), so the documents name the
/// one that Kubernetes publishes for tokens of machines. A client that wants `code` then stops before it sends a person to
/// the authorization endpoint.
const RESPONSE_TYPES: [&str; 1] = ["id_token"];

/// MCP's SDK for Go refuses a document without PKCE, whatever the grant. No request to the authorization endpoint gets far
/// enough for it to matter.
const CODE_CHALLENGE_METHODS: [&str; 1] = ["S256"];

/// The longest `If-None-Match` that is looked at, in bytes: some twenty tags of ours. A client that sends more gets the
/// document.
pub(crate) const MAX_IF_NONE_MATCH: usize = 1024;

const SCOPES: [&str; 4] = ["openid", "email", "groups", "profile"];

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

const AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// A document and the tag that names its content.
pub(crate) struct Document {
    body: String,
    etag: String,
    cache_control: String,
}

impl Document {
    fn new(body: String) -> Self {
        let etag = tag(&body);
        Self { body, etag, cache_control: format!("public, max-age={}", DOCUMENT_MAX_AGE.seconds()) }
    }

    /// One that is not the same byte for byte wherever it is made, and whose content is named by `named`
    /// (RFC 9110 §8.8.1).
    pub(crate) fn weakly_tagged(body: String, named: &str) -> Self {
        Self { etag: format!("W/{}", tag(named)), ..Self::new(body) }
    }

    /// 200, or 304 to one who has it (RFC 9110 §13.1.2).
    pub(crate) fn serve(&self, request: &Request<'_>) -> Response<'_> {
        let tags = request.if_none_match.filter(|tags| tags.len() <= MAX_IF_NONE_MATCH);
        let mut response = if tags.is_some_and(|tags| self.is_among(tags)) {
            Response::empty(304)
        } else {
            let body = if request.method == "HEAD" { "" } else { &self.body };
            Response::json(200, body)
        };
        response.header("Cache-Control", self.cache_control.as_str());
        response.header("ETag", self.etag.as_str());
        response
    }

    fn is_among(&self, tags: &str) -> bool {
        tags.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(&self.etag))
    }
}

/// An entity tag (RFC 9110 §8.8.3) of this content.
fn tag(content: &str) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(content)))
}

/// What of an entity tag `If-None-Match` compares: weakly (RFC 9110 §13.1.2).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Everything that is published.
pub(crate) struct Documents {
    pub(crate) openid: Document,
    pub(crate) oauth: SignedMetadata,
    /// The JWKS, by the index of the key that is active; the last one is for when none is.
    jwks: Vec<Document>,
}

/// The claims of `signed_metadata` (RFC 8414 §2.1).
///
/// Everybody can have it, so it must not pass as a token at an API that is careless: its `aud` is the document, and it
/// has no `exp`, `sub` and `jti`.
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
    scopes_supported: [&'a str; 4],
    token_endpoint_auth_methods_supported: [&'a str; 2],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'a str; 2],
    introspection_signing_alg_values_supported: &'a [Algorithm],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'a str; 2],
    claims_supported: &'a [&'a str],
}

/// Strings and lists of them: they cannot fail to serialise.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Documents {
    pub(crate) fn new(config: &Config) -> Self {
        // RFC 8414 §2 compares the issuer byte for byte; a terminating slash is not part of the endpoints (§3.1).
        let (issuer, base) = (config.issuer.as_str(), config.issuer.base());
        let algorithms = config.keys.algorithms();
        let mut claims = CLAIMS.to_vec();
        if config.profile == TokenProfile::Rfc9068 {
            claims.extend(CLAIMS_OF_RFC9068);
        }
        let metadata = Metadata {
            issuer,
            authorization_endpoint: format!("{base}{}", authorization::PATH),
            token_endpoint: format!("{base}/token"),
            jwks_uri: format!("{base}/keys"),
            response_types_supported: RESPONSE_TYPES,
            code_challenge_methods_supported: CODE_CHALLENGE_METHODS,
            grant_types_supported: config.grants.iter().copied().map(GrantType::name).collect(),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: &algorithms,
            scopes_supported: SCOPES,
            token_endpoint_auth_methods_supported: AUTH_METHODS,
            // RFC 8414 §2; the algorithms: RFC 9701 §7.
            introspection_endpoint: format!("{base}/token/introspect"),
            introspection_endpoint_auth_methods_supported: AUTH_METHODS,
            introspection_signing_alg_values_supported: &algorithms,
            revocation_endpoint: format!("{base}/token/revoke"),
            revocation_endpoint_auth_methods_supported: AUTH_METHODS,
            claims_supported: &claims,
        };
        let (keys, count) = (&config.keys, config.keys.len());
        let attested = json(&Attested {
            iss: issuer,
            aud: format!("{base}/.well-known/oauth-authorization-server"),
            metadata: &metadata,
        });
        let document = json(&metadata);
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
