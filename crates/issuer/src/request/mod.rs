//! A token request: one parser reads all of it. The result is well-formed, but not yet trusted.

pub(crate) mod asked;
pub(crate) mod assertion;
pub(crate) mod authentication;
pub(crate) mod credentials;
pub(crate) mod dpop;
pub(crate) mod target;

use crate::config::Config;
use crate::config::grant_type::GrantType;
use crate::error::TokenError;
use crate::error::grant::GrantError;
use crate::error::request::RequestError;
use crate::grammar::form::{Form, FormError};
use crate::grammar::limits::MAX_CONTENT_TYPE;
use crate::grammar::scope::{Scope, ScopeError};
use crate::http::request::{Body, Request};
use crate::request::asked::ScopeRequest;
use crate::request::authentication::Authentication;
use crate::secret::shown::Shown;

/// The longest `nonce`, in characters.
const MAX_NONCE: usize = 512;

/// A well-formed request for a token by an enabled grant: the claimed identity, and the requested scopes and
/// targets.
#[derive(Debug)]
pub struct TokenRequest {
    pub(crate) grant: GrantType,
    pub(crate) authentication: Authentication,
    pub(crate) asked: ScopeRequest,
}

impl TokenRequest {
    /// Reads a request to the token endpoint (RFC 6749 §4.4.2, §3.2; RFC 7523 §2.1).
    ///
    /// # Errors
    ///
    /// If the request is malformed, or its grant is not served. Errors in scope and targets are reported
    /// later, once the client has authenticated.
    pub fn parse(request: &Request<'_>, config: &Config) -> Result<Self, TokenError> {
        let form = read_form(request)?;
        let name = form.get("grant_type").ok_or(TokenError::Request(RequestError::GrantTypeMissing))?;
        let grant = GrantType::named(name).filter(|grant| config.serves(*grant));
        let grant = grant.ok_or(TokenError::Request(RequestError::GrantTypeNotEnabled))?;
        let nonce = form.get("nonce");
        if nonce.is_some_and(|nonce| nonce.chars().nth(MAX_NONCE).is_some()) {
            return Err(RequestError::NonceTooLong.into());
        }
        Ok(Self {
            grant,
            authentication: match grant {
                GrantType::ClientCredentials => Authentication::parse(request, &form)?,
                GrantType::JwtBearer => Authentication::of_grant(request.authorization, &form)?,
            },
            asked: ScopeRequest {
                scope: parse_scope(form.get("scope")),
                targets: target::parse(&form),
                nonce: nonce.map(str::to_owned),
            },
        })
    }
}

/// The parameters of a request: a form in UTF-8, within limits (RFC 6749 §3.2, Appendix B).
pub(crate) fn read_form<'a>(request: &Request<'a>) -> Result<Form<'a>, TokenError> {
    if !is_form(request.content_type) {
        return Err(RequestError::ContentType(request.content_type.map(Shown::of)).into());
    }
    let Body::Whole(body) = request.body else { return Err(RequestError::BodyTooLarge.into()) };
    Form::parse(body).map_err(|error| match error {
        FormError::Encoding => TokenError::Request(RequestError::MalformedForm),
        FormError::TooMany => TokenError::Request(RequestError::TooManyParameters),
        FormError::Repeated => TokenError::Request(RequestError::RepeatedParameter),
    })
}

/// Reads the scope. The error is kept for later, because only an authenticated client may learn that its
/// scope is malformed.
fn parse_scope(scope: Option<&str>) -> Result<Scope, TokenError> {
    let Some(text) = scope else { return Ok(Scope::default()) };
    Scope::parse(text).map_err(|error| match error {
        ScopeError::Malformed => TokenError::Grant(GrantError::MalformedScope),
        ScopeError::TooMany => TokenError::Grant(GrantError::TooManyScopes),
    })
}

/// Whether the media type is `application/x-www-form-urlencoded`, whatever its parameters.
///
/// The type defines no parameter, and a form is percent-encoded UTF-8 whatever a `charset` says (WHATWG
/// URL §5, RFC 6749 Appendix B). Apache HttpClient sends `charset=ISO-8859-1` by default, and dex ignores it.
fn is_form(content_type: Option<&str>) -> bool {
    let content_type = content_type.filter(|value| value.len() <= MAX_CONTENT_TYPE);
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_form_is_a_form() {
        for other in [
            "",
            ";",
            "application/json",
            "multipart/form-data; boundary=x",
            "text/plain; application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded2",
            "application/x-www-form-urlencoded, text/plain",
            "\"application/x-www-form-urlencoded\"",
        ] {
            assert!(!is_form(Some(other)), "{other}");
        }
        assert!(!is_form(None));
    }

    proptest! {
        #[test]
        fn no_parameter_changes_whether_it_is_a_form(
            parameters in "(;[ \t]{0,2}|[a-z-]{0,9}=?\"?[ -~]{0,9}){0,4}",
            form in proptest::bool::ANY,
        ) {
            let media_type = if form { "Application/X-WWW-Form-URLencoded" } else { "text/plain" };
            let value = format!("{media_type};{parameters}");
            prop_assert_eq!(is_form(Some(&value)), form);
        }
    }
}
