//! The one way in which a request authenticates its client (RFC 6749 §2.3).

use crate::error::TokenError;
use crate::error::assertion::AssertionUse;
use crate::error::request::RequestError;
use crate::grammar::form::Form;
use crate::request::assertion::{Assertion, JWT_BEARER, JWT_SPIFFE};
use crate::request::credentials::Credentials;

/// The claimed identity of a client, with what shall prove it.
#[derive(Debug)]
pub(crate) enum Authentication {
    /// An ID and a secret.
    Secret(Credentials),
    /// A signed assertion.
    Assertion(Box<Assertion>),
}

impl Authentication {
    /// Reads how the client authenticates: by HTTP Basic, by a secret in the body, or by a client assertion
    /// (RFC 7521 §4.2). `authorization` is the header, `form` the body.
    pub(crate) fn parse(authorization: Option<&str>, form: &Form<'_>) -> Result<Self, TokenError> {
        let (assertion, kind) = (form.get("client_assertion"), form.get("client_assertion_type"));
        if assertion.is_none() && kind.is_none() {
            return Credentials::parse(authorization, form).map(Self::Secret);
        }
        if authorization.is_some() || form.get("client_secret").is_some() {
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

    /// The way an assertion came. A secret is only for client authentication.
    pub(crate) fn used_as(&self) -> AssertionUse {
        match self {
            Self::Secret(_) => AssertionUse::ClientAuthentication,
            Self::Assertion(assertion) => assertion.used_as,
        }
    }

    /// The presented client ID, for the log.
    pub(crate) fn presented_id(&self) -> Option<String> {
        match self {
            Self::Secret(credentials) => credentials.presented_id(),
            Self::Assertion(assertion) => assertion.presented_id(),
        }
    }

    /// Whether it came in `Authorization`.
    pub(crate) fn by_header(&self) -> bool {
        match self {
            Self::Secret(credentials) => credentials.by_header(),
            Self::Assertion(_) => false,
        }
    }
}
