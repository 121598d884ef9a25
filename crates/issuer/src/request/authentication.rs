//! The one way in which a request authenticates its client (RFC 6749 §2.3).

use crate::error::TokenError;
use crate::error::assertion::AssertionUse;
use crate::error::request::RequestError;
use crate::grammar::form::Form;
use crate::http::request::Request;
use crate::records::client_id::ClientId;
use crate::request::assertion::{Assertion, JWT_BEARER, JWT_SPIFFE};
use crate::request::credentials::Credentials;

/// The claimed identity of a client, with what shall prove it.
#[derive(Debug)]
pub(crate) enum Authentication {
    /// An ID and a secret.
    Secret(Credentials),
    /// A signed assertion.
    Assertion(Box<Assertion>),
    /// An ID and a TLS client certificate.
    Certificate(Box<PresentedCertificate>),
}

/// The certificate of a request that only names its client.
#[derive(Debug)]
pub(crate) struct PresentedCertificate {
    /// The named client, if it can be one. It is not proven.
    pub(crate) client: Option<ClientId>,
    /// What the network reports about the certificate.
    pub(crate) report: String,
}

impl Authentication {
    /// Reads how the client authenticates: by HTTP Basic, by a secret in the body, by a client assertion (RFC
    /// 7521 §4.2), or by a certificate. `form` is the body.
    ///
    /// A certificate counts only where nothing else authenticates (RFC 8705 §2): beside another method it can
    /// only bind the token.
    pub(crate) fn parse(request: &Request<'_>, form: &Form<'_>) -> Result<Self, TokenError> {
        let (authorization, secret) = (request.authorization, form.get("client_secret"));
        let (assertion, kind) = (form.get("client_assertion"), form.get("client_assertion_type"));
        if assertion.is_none() && kind.is_none() {
            return match (request.certificate, authorization, secret, form.get("client_id")) {
                (Some(report), None, None, Some(id)) => {
                    let (client, report) = (ClientId::parse(id).ok(), report.to_owned());
                    Ok(Self::Certificate(Box::new(PresentedCertificate { client, report })))
                }
                _ => Credentials::parse(authorization, form).map(Self::Secret),
            };
        }
        if authorization.is_some() || secret.is_some() {
            return Err(RequestError::TwoAuthenticationMethods.into());
        }
        let assertion = assertion.ok_or(TokenError::Request(RequestError::HalfAnAssertion))?;
        let is_svid = match kind.ok_or(TokenError::Request(RequestError::HalfAnAssertion))? {
            JWT_BEARER => false,
            JWT_SPIFFE => true,
            _ => return Err(RequestError::AssertionType.into()),
        };
        let used_as = AssertionUse::ClientAuthentication;
        let assertion = Assertion::read(assertion, form.get("client_id"), used_as, is_svid);
        Ok(Self::Assertion(Box::new(assertion)))
    }

    /// Reads the assertion of the grant jwt-bearer (RFC 7523 §2.1). It also authenticates the client, so
    /// nothing else may.
    pub(crate) fn of_grant(authorization: Option<&str>, form: &Form<'_>) -> Result<Self, TokenError> {
        let others = ["client_secret", "client_assertion", "client_assertion_type"];
        if authorization.is_some() || others.iter().any(|name| form.get(name).is_some()) {
            return Err(RequestError::TwoAuthenticationMethods.into());
        }
        let assertion = form.get("assertion").ok_or(TokenError::Request(RequestError::AssertionMissing))?;
        let id = form.get("client_id").ok_or(TokenError::Request(RequestError::ClientIdMissing))?;
        Ok(Self::Assertion(Box::new(Assertion::read(assertion, Some(id), AssertionUse::Grant, false))))
    }

    /// The way an assertion came. Anything else is only for client authentication.
    pub(crate) fn used_as(&self) -> AssertionUse {
        match self {
            Self::Secret(_) | Self::Certificate(_) => AssertionUse::ClientAuthentication,
            Self::Assertion(assertion) => assertion.used_as,
        }
    }

    /// The presented client ID, for the log.
    pub(crate) fn presented_id(&self) -> Option<String> {
        match self {
            Self::Secret(credentials) => credentials.presented_id(),
            Self::Assertion(assertion) => assertion.presented_id(),
            Self::Certificate(presented) => presented.client.as_ref().and_then(ClientId::shown),
        }
    }

    /// Whether it came in `Authorization`.
    pub(crate) fn by_header(&self) -> bool {
        match self {
            Self::Secret(credentials) => credentials.by_header(),
            Self::Assertion(_) | Self::Certificate(_) => false,
        }
    }
}
