//! The request is not well-formed, or comes in a way that is not served.

use crate::error::code::ErrorCode as Code;
use crate::error::row::Row;
use crate::secret::shown::Shown;

/// The request is not well-formed, or comes in a way that is not served. One row for each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// The request came by plain http for a host other than this machine, so others may have read it on its
    /// way.
    PlainHttp,
    /// A web page sent it, and the page's origin may not call this endpoint. This is checked first, so that a
    /// page cannot use up its visitor's limit.
    ForeignOrigin {
        /// The page's origin.
        origin: Shown,
        /// Whether `CORS_ALLOWED_ORIGINS` could allow it.
        may_be_allowed: bool,
    },
    /// The content type is not `application/x-www-form-urlencoded`. Holds the one that came, if any.
    ContentType(Option<Shown>),
    /// The body exceeds [`MAX_BODY`](crate::MAX_BODY).
    BodyTooLarge,
    /// The body is not a form: it has a bad percent-encoding, or is not UTF-8.
    MalformedForm,
    /// More parameters than any request needs.
    TooManyParameters,
    /// A parameter occurs more than once.
    RepeatedParameter,
    /// No `grant_type`.
    GrantTypeMissing,
    /// A `grant_type` that is unknown or not enabled here.
    GrantTypeNotEnabled,
    /// No `token`, at an endpoint that requires one.
    TokenMissing,
    /// Credentials both in `Authorization` and in the body.
    TwoAuthenticationMethods,
    /// `client_id` in the body is not the one in `Authorization`.
    ClientIdMismatch,
    /// A `nonce` longer than 512 characters.
    NonceTooLong,
    /// A request to the authorization endpoint.
    NoSignIn,
}

impl RequestError {
    /// The row of this reason. There is no wildcard arm, so a new reason does not compile without its row.
    pub(super) fn row(&self) -> Row {
        match self {
            Self::PlainHttp => Row::new(
                Code::InvalidRequest,
                "plain_http",
                "Only https is served.",
                "the request came by plain http, so that others may have read the secret in it. Replace the secret of the \
                 client with `edgemint client rotate-secret`, and set its token URL to https.",
            ),
            Self::ForeignOrigin { origin, may_be_allowed: true } => Row::new(
                Code::InvalidRequest,
                "foreign_origin",
                "Requests from web pages of this origin are not allowed.",
                format!(
                    "a web page of the origin {origin} sent the request, and that origin is not allowed. Add it to \
                     CORS_ALLOWED_ORIGINS if the page is yours."
                ),
            ),
            Self::ForeignOrigin { origin, may_be_allowed: false } => Row::new(
                Code::InvalidRequest,
                "foreign_origin",
                "Requests from web pages of this origin are not allowed.",
                format!(
                    "a web page of the origin {origin} sent the request, and that origin cannot be allowed here. Send \
                     the request from a server, without the header Origin."
                ),
            ),
            Self::ContentType(Some(came)) => Row::new(
                Code::InvalidRequest,
                "content_type",
                "The body must be application/x-www-form-urlencoded in UTF-8.",
                format!(
                    "the body came as `{came}`. Send the parameters as `application/x-www-form-urlencoded`."
                ),
            ),
            Self::ContentType(None) => Row::new(
                Code::InvalidRequest,
                "content_type",
                "The body must be application/x-www-form-urlencoded in UTF-8.",
                "the body came without a content type. Send the parameters as `application/x-www-form-urlencoded`.",
            ),
            Self::BodyTooLarge => Row::new(
                Code::PayloadTooLarge,
                "body_too_large",
                "The body is too large.",
                "the body is longer than 16 KiB. Send only the parameters that the request needs.",
            ),
            Self::MalformedForm => Row::new(
                Code::InvalidRequest,
                "malformed_form",
                "The body is not well-formed.",
                "the body is not a form in UTF-8: it has a bad percent-encoding, or other bytes. Encode each name and \
                 value as `application/x-www-form-urlencoded`.",
            ),
            Self::TooManyParameters => Row::new(
                Code::InvalidRequest,
                "too_many_parameters",
                "Too many parameters.",
                "the body has more than 64 parameters. Send only the parameters that the request needs.",
            ),
            Self::RepeatedParameter => Row::new(
                Code::InvalidRequest,
                "repeated_parameter",
                "A parameter must not be repeated.",
                "a parameter came more than once. Send each parameter once; `resource` and `audience` may repeat.",
            ),
            Self::GrantTypeMissing => Row::new(
                Code::InvalidRequest,
                "grant_type_missing",
                "The parameter grant_type is missing.",
                "the body has no `grant_type`. Send `grant_type=client_credentials` in the body, and not in the URL.",
            ),
            Self::GrantTypeNotEnabled => Row::new(
                Code::UnsupportedGrantType,
                "grant_type_not_enabled",
                "The grant type is not supported.",
                "the grant type is unknown, or not enabled here. Set GRANT_TYPES to `client_credentials`, which is opt-in, \
                 or correct `grant_type` at the client.",
            ),
            Self::TokenMissing => Row::new(
                Code::InvalidRequest,
                "token_missing",
                "The parameter token is missing.",
                "the body has no `token`. Send the token in the body, and not in the URL.",
            ),
            Self::TwoAuthenticationMethods => Row::new(
                Code::InvalidRequest,
                "two_authentication_methods",
                "Only one way of client authentication may be used in a request.",
                "the request has credentials both in the header Authorization and in the body. Configure the client to \
                 send one of the two.",
            ),
            Self::ClientIdMismatch => Row::new(
                Code::InvalidRequest,
                "client_id_mismatch",
                "The client_id in the body is not the authenticating client's.",
                "`client_id` in the body is not the ID in the header Authorization. Send the same ID in both, or leave \
                 `client_id` out.",
            ),
            Self::NonceTooLong => Row::new(
                Code::InvalidRequest,
                "nonce_too_long",
                "The nonce is too long.",
                "`nonce` is longer than 512 characters. Send a shorter one.",
            ),
            Self::NoSignIn => Row::new(
                Code::UnsupportedResponseType,
                "no_sign_in",
                "This issuer has no sign-in. Get tokens with the grant client_credentials at the token endpoint.",
                "this issuer has no sign-in, because it serves only client_credentials. Set the client up for that \
                 grant, or name another issuer at the client.",
            ),
        }
    }
}
