//! Why a token was refused, and the one place that decides what the client is told.

pub(crate) mod authorization;
pub(crate) mod code;
pub(crate) mod detail;

use std::borrow::Cow;
use std::fmt;

use crate::error::authorization::AuthorizationFlaw;
use crate::error::code::ErrorCode;
use crate::grammar::scope::ScopeToken;
use crate::jose::algorithm::Algorithm;
use crate::ports::{Limit, Unavailable};
use crate::records::api_id::ApiId;
use crate::records::client_id::ClientId;
use crate::records::schema::RecordError;
use crate::secret::shown::Shown;

/// Why `/token`, or an endpoint below it, refused: one variant for each reason, grouped by whose fault it is.
///
/// The operator sees the variant ([`Display`](fmt::Display) and [`TokenError::reason`]); the client sees
/// the [`ErrorCode`] and [`TokenError::description`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    // The request is not well-formed.
    /// It came by plain http, from beyond this machine: whatever it carried can have been read on its way.
    PlainHttp,
    /// A web page sent it whose origin may not call this endpoint: the first thing that is looked at, so that a page
    /// cannot use up its visitor's limit.
    ForeignOrigin {
        /// The page's origin.
        origin: Shown,
        /// Whether `CORS_ALLOWED_ORIGINS` could allow it.
        may_be_allowed: bool,
    },
    /// The body is not `application/x-www-form-urlencoded` in UTF-8, but came as this, or as nothing.
    ContentType(Option<Shown>),
    /// The body exceeds [`MAX_BODY`](crate::MAX_BODY).
    BodyTooLarge,
    /// The body is not a form: a bad percent-encoding, or not UTF-8.
    MalformedForm,
    /// More parameters than any request needs.
    TooManyParameters,
    /// A parameter came more than once.
    RepeatedParameter,
    /// No `grant_type`.
    GrantTypeMissing,
    /// A `grant_type` that is unknown or not enabled here.
    GrantTypeNotEnabled,
    /// No `token`, at an endpoint that is about one.
    TokenMissing,
    /// Credentials both in `Authorization` and in the body.
    TwoAuthenticationMethods,
    /// `client_id` in the body is not the one in `Authorization`.
    ClientIdMismatch,
    /// A `nonce` longer than 512 characters.
    NonceTooLong,

    // The client did not prove who it is.
    /// No credentials, or an ID without a secret.
    NoCredentials,
    /// `Authorization: Basic` with something that is not base64 of `id:secret`.
    MalformedAuthorization(AuthorizationFlaw),
    /// An `Authorization` scheme other than Basic.
    UnsupportedScheme,
    /// No such client.
    UnknownClient,
    /// None of the client's secrets matches.
    WrongSecret,
    /// The secret matches one that has expired.
    SecretExpired {
        /// Which of the client's secrets.
        secret_id: String,
    },
    /// The client is disabled.
    ClientDisabled,
    /// A confidential client without any secret: it can never authenticate.
    NoSecret,

    /// Too many attempts failed: what could be a guess is not judged for a while (RFC 6749 §2.3.1).
    Braked(Limit),

    // The client may not have what it asks for.
    /// A public client.
    PublicClient,
    /// `scope` is not of RFC 6749 §3.3's grammar.
    MalformedScope,
    /// More scopes, or more cross-client audiences, than a request may name.
    TooManyScopes,
    /// `offline_access`: there is no refresh token to give.
    OfflineAccess,
    /// `federated:id`: there is no upstream identity.
    FederatedId,
    /// Scopes that nothing defines.
    UnrecognizedScopes(Vec<ScopeToken>),
    /// Cross-client audiences whose peers do not trust this client.
    UntrustedPeers(Vec<ScopeToken>),
    /// A `resource` that is no absolute URI without fragment (RFC 8707 §2), or an `audience` that no API can have.
    MalformedTarget,
    /// More targets than a request may name.
    TooManyTargets,
    /// An API that the client's record does not grant.
    TargetNotGranted(ApiId),
    /// An API that the client's record grants and that is not registered.
    UnknownApi(ApiId),
    /// Targets whose tokens would have to differ in profile or algorithm.
    TargetsDiffer,
    /// A token for APIs that would name this client, too: another client, or an API without a grant that has the ID of the
    /// client.
    TargetWithPeer(ClientId),
    /// Scopes that the client has at some of the targets alone; or none was named, and it has others at each.
    ScopesDiffer,
    /// The token would be longer than any that is looked at when it comes back.
    TokenTooLong,

    /// A request to the authorization endpoint.
    NoSignIn,

    /// A token that another client was issued, and that this one cannot revoke (RFC 7009 §2.1).
    TokenOfAnotherClient,

    // The issuer could not do its part.
    /// The host has no room for another request that waits.
    Overloaded,
    /// The client store could not be asked.
    StoreUnavailable(Unavailable),
    /// The stored record of this client cannot be used.
    CorruptRecord(ClientId, RecordError),
    /// The stored record of this API cannot be used.
    CorruptApi(ApiId, RecordError),
    /// No signing key may be used yet.
    NoActiveKey,
    /// No signing key of the algorithm that an API demands may be used.
    NoActiveKeyFor(Algorithm),
    /// The signing key, or the slow hash, could not be used.
    CryptoUnavailable(Unavailable),
}

impl From<&TokenError> for ErrorCode {
    fn from(error: &TokenError) -> Self {
        error.told().0
    }
}

impl TokenError {
    /// The value of `error_description`: characters of RFC 6749 §5.2 only, and nothing of the request but
    /// scope names that passed the grammar (which has no quote and no backslash).
    pub fn description(&self) -> Cow<'static, str> {
        self.told().1
    }

    /// The one mapping from a reason to what the client is told. No wildcard arm: a new reason does not
    /// compile until it chooses.
    fn told(&self) -> (ErrorCode, Cow<'static, str>) {
        use ErrorCode as Code;
        let (code, text) = match self {
            Self::PlainHttp => (Code::InvalidRequest, "Only https is served."),
            Self::Braked(Limit::Revocation) => {
                (Code::TooManyRequests, "Too many revocations: try again later.")
            }
            Self::Braked(_) => (Code::TooManyRequests, "Too many failed attempts: try again later."),
            Self::ForeignOrigin { .. } => {
                (Code::InvalidRequest, "Requests from web pages of this origin are not allowed.")
            }
            Self::ContentType(_) => {
                (Code::InvalidRequest, "The body must be application/x-www-form-urlencoded in UTF-8.")
            }
            Self::BodyTooLarge => (Code::PayloadTooLarge, "The body is too large."),
            Self::MalformedForm => (Code::InvalidRequest, "The body is not well-formed."),
            Self::TooManyParameters => (Code::InvalidRequest, "Too many parameters."),
            Self::RepeatedParameter => (Code::InvalidRequest, "A parameter must not be repeated."),
            Self::GrantTypeMissing => (Code::InvalidRequest, "The parameter grant_type is missing."),
            Self::TokenMissing => (Code::InvalidRequest, "The parameter token is missing."),
            Self::GrantTypeNotEnabled => (Code::UnsupportedGrantType, "The grant type is not supported."),
            Self::TwoAuthenticationMethods => {
                (Code::InvalidRequest, "Only one way of client authentication may be used in a request.")
            }
            Self::ClientIdMismatch => {
                (Code::InvalidRequest, "The client_id in the body is not the authenticating client's.")
            }
            Self::NonceTooLong => (Code::InvalidRequest, "The nonce is too long."),
            // One and the same answer for all of these: who guesses, learns nothing.
            Self::NoCredentials
            | Self::MalformedAuthorization(_)
            | Self::UnsupportedScheme
            | Self::UnknownClient
            | Self::WrongSecret
            | Self::SecretExpired { .. }
            | Self::ClientDisabled
            | Self::NoSecret => (Code::InvalidClient, "Invalid client credentials."),
            Self::PublicClient => {
                (Code::UnauthorizedClient, "Public clients cannot use client_credentials grant.")
            }
            Self::MalformedScope => (Code::InvalidScope, "The scope is malformed."),
            Self::TooManyScopes => (Code::InvalidScope, "Too many scopes."),
            Self::OfflineAccess => {
                (Code::InvalidScope, "client_credentials grant does not support offline_access scope.")
            }
            Self::FederatedId => {
                (Code::InvalidScope, "client_credentials grant does not support federated:id scope.")
            }
            Self::UnrecognizedScopes(scopes) => {
                return (Code::InvalidScope, format!("Unrecognized scope(s) [{}]", join(scopes)).into());
            }
            Self::UntrustedPeers(scopes) => {
                return (
                    Code::InvalidScope,
                    format!("Client can't request scope(s) [{}]", join(scopes)).into(),
                );
            }
            // Which of these it is, is not told: who has no grant learns nothing of the APIs that there are.
            Self::MalformedTarget | Self::TargetNotGranted(_) | Self::UnknownApi(_) => {
                (Code::InvalidTarget, "The resource is malformed, unknown, or not granted to this client.")
            }
            Self::TooManyTargets => (Code::InvalidTarget, "Too many resources."),
            Self::TargetsDiffer => (
                Code::InvalidTarget,
                "Tokens for these resources are not of the same kind: ask for one resource at a time.",
            ),
            Self::TargetWithPeer(_) => (
                Code::InvalidTarget,
                "A token for a resource cannot name this client as audience, too: ask for one token for each.",
            ),
            Self::ScopesDiffer => (
                Code::InvalidScope,
                "The scopes are not the same at each of these resources: ask for one resource at a time.",
            ),
            Self::TokenTooLong => {
                (Code::InvalidScope, "The token would be too long: ask for fewer scopes or audiences.")
            }
            Self::NoSignIn => (
                Code::UnsupportedResponseType,
                "This issuer has no sign-in. Get tokens with the grant client_credentials at the token endpoint.",
            ),
            Self::TokenOfAnotherClient => (Code::InvalidGrant, "The token was issued to another client."),
            Self::CorruptRecord(..) | Self::CorruptApi(..) => {
                (Code::ServerError, "The request could not be served.")
            }
            Self::Overloaded
            | Self::StoreUnavailable(_)
            | Self::NoActiveKey
            | Self::NoActiveKeyFor(_)
            | Self::CryptoUnavailable(_) => {
                (Code::TemporarilyUnavailable, "The service is temporarily unavailable.")
            }
        };
        (code, Cow::Borrowed(text))
    }

    /// A stable name for logs and for counting.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PlainHttp => "plain_http",
            Self::Braked(Limit::ClientAndNetwork) => "braked_client",
            Self::Braked(Limit::Network) => "braked_network",
            Self::Braked(Limit::Prefix) => "braked_prefix",
            Self::Braked(Limit::Revocation) => "braked_revocation",
            Self::ForeignOrigin { .. } => "foreign_origin",
            Self::ContentType(_) => "content_type",
            Self::BodyTooLarge => "body_too_large",
            Self::MalformedForm => "malformed_form",
            Self::TooManyParameters => "too_many_parameters",
            Self::RepeatedParameter => "repeated_parameter",
            Self::GrantTypeMissing => "grant_type_missing",
            Self::GrantTypeNotEnabled => "grant_type_not_enabled",
            Self::TokenMissing => "token_missing",
            Self::TwoAuthenticationMethods => "two_authentication_methods",
            Self::ClientIdMismatch => "client_id_mismatch",
            Self::NonceTooLong => "nonce_too_long",
            Self::NoCredentials => "no_credentials",
            Self::MalformedAuthorization(_) => "malformed_authorization",
            Self::UnsupportedScheme => "unsupported_scheme",
            Self::UnknownClient => "unknown_client",
            Self::WrongSecret => "wrong_secret",
            Self::SecretExpired { .. } => "secret_expired",
            Self::ClientDisabled => "client_disabled",
            Self::NoSecret => "no_secret",
            Self::PublicClient => "public_client",
            Self::MalformedScope => "malformed_scope",
            Self::TooManyScopes => "too_many_scopes",
            Self::OfflineAccess => "offline_access",
            Self::FederatedId => "federated_id",
            Self::UnrecognizedScopes(_) => "unrecognized_scopes",
            Self::UntrustedPeers(_) => "untrusted_peers",
            Self::MalformedTarget => "malformed_target",
            Self::TooManyTargets => "too_many_targets",
            Self::TargetNotGranted(_) => "target_not_granted",
            Self::UnknownApi(_) => "unknown_api",
            Self::TargetsDiffer => "targets_differ",
            Self::TargetWithPeer(_) => "target_with_peer",
            Self::ScopesDiffer => "scopes_differ",
            Self::TokenTooLong => "token_too_long",
            Self::NoSignIn => "no_sign_in",
            Self::TokenOfAnotherClient => "token_of_another_client",
            Self::Overloaded => "overloaded",
            Self::StoreUnavailable(_) => "store_unavailable",
            Self::CorruptRecord(..) => "corrupt_record",
            Self::CorruptApi(..) => "corrupt_api",
            Self::NoActiveKey => "no_active_key",
            Self::NoActiveKeyFor(_) => "no_active_key_for_algorithm",
            Self::CryptoUnavailable(_) => "crypto_unavailable",
        }
    }
}

pub(crate) fn join(scopes: &[ScopeToken]) -> String {
    scopes.iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail())
    }
}

impl std::error::Error for TokenError {}
