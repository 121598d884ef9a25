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
    /// More than one way of client authentication, such as `Authorization` and a secret in the body.
    TwoAuthenticationMethods,
    /// `client_assertion` without `client_assertion_type`, or the reverse.
    HalfAnAssertion,
    /// A `client_assertion_type` that is not served.
    AssertionType,
    /// No `assertion`, at a grant that requires one.
    AssertionMissing,
    /// No `client_id`, at a grant that requires one.
    ClientIdMissing,
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
                "the grant type is unknown, or not enabled here. List it in GRANT_TYPES, such as `client_credentials`, which \
                 is opt-in, or correct `grant_type` at the client.",
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
                "the request has more than one of these: the header Authorization, a secret, a client assertion, the \
                 assertion of a grant. Configure the client to send one of them.",
            ),
            Self::HalfAnAssertion => Row::new(
                Code::InvalidRequest,
                "half_an_assertion",
                "client_assertion and client_assertion_type must come together.",
                "the body has one of `client_assertion` and `client_assertion_type`, and not the other. Send both.",
            ),
            Self::AssertionType => Row::new(
                Code::InvalidRequest,
                "client_assertion_type",
                "The client_assertion_type is not supported.",
                "`client_assertion_type` is not served. Send \
                 `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.",
            ),
            Self::AssertionMissing => Row::new(
                Code::InvalidRequest,
                "assertion_missing",
                "The parameter assertion is missing.",
                "the body has no `assertion`. Send the identity token of the workload in it.",
            ),
            Self::ClientIdMissing => Row::new(
                Code::InvalidRequest,
                "client_id_missing",
                "The parameter client_id is missing.",
                "the body has no `client_id`. Send the ID of the client whose rules accept the identity token.",
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
