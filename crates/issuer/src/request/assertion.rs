//! An assertion of a request (RFC 7521 §4): read and bounded, but not yet verified.

use serde_json::Value;

use crate::error::assertion::{AssertionFlaw, AssertionUse};
use crate::grammar::members::Members;
use crate::jose::compact::MAX_TOKEN;
use crate::jose::jws::Jws;
use crate::jose::signature_algorithm::SignatureAlgorithm;
use crate::log::seen::SeenAssertion;
use crate::records::client_id::ClientId;

/// The type of a JWT that a client signed itself or got from its platform (RFC 7523 §2.2).
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The type of a JWT-SVID (draft-ietf-oauth-spiffe-client-auth).
pub(crate) const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// The type in the header, without `application/` and whatever its case (RFC 7515 §4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typ {
    Absent,
    Jwt,
    /// `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis).
    ClientAuthentication,
    /// `JOSE`, as SPIFFE allows it.
    Jose,
}

/// An assertion as it came.
#[derive(Debug)]
pub(crate) struct Assertion {
    pub(crate) used_as: AssertionUse,
    /// Whether the request calls it a JWT-SVID.
    pub(crate) is_svid: bool,
    /// The client that the request names, if any. It is not proven.
    pub(crate) client: Option<ClientId>,
    pub(crate) content: Result<Content, AssertionFlaw>,
}

/// The parts of a well-formed assertion. Nothing in it is verified.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) alg: SignatureAlgorithm,
    pub(crate) typ: Typ,
    pub(crate) kid: Option<String>,
    pub(crate) claims: Members,
    /// The signed text.
    pub(crate) input: String,
    pub(crate) signature: Vec<u8>,
}

impl Assertion {
    /// Reads the assertion `text` of a request with this `client_id`.
    pub(crate) fn read(text: &str, client_id: Option<&str>, used_as: AssertionUse, is_svid: bool) -> Self {
        let content = Content::read(text);
        let client = match (client_id, &content) {
            (Some(id), _) => ClientId::parse(id).ok(),
            (None, Ok(content)) => content.own_client(),
            (None, Err(_)) => None,
        };
        Self { used_as, is_svid, client, content }
    }

    /// The named client, for the log.
    pub(crate) fn presented_id(&self) -> Option<String> {
        self.client.as_ref().and_then(ClientId::shown)
    }

    /// The part that the log may show before the signature is verified.
    pub(crate) fn seen(&self) -> SeenAssertion {
        let content = self.content.as_ref().ok();
        SeenAssertion::unverified(
            content.and_then(|content| content.kid.as_deref()),
            content.and_then(|content| content.text("jti")),
        )
    }
}

impl Content {
    fn read(text: &str) -> Result<Self, AssertionFlaw> {
        if text.len() > MAX_TOKEN {
            return Err(AssertionFlaw::TooLarge);
        }
        let jws = Jws::parse(text).ok_or(AssertionFlaw::Malformed)?;
        if jws.is_dangerous() || jws.has("jwk") {
            return Err(AssertionFlaw::Header);
        }
        if jws.has("kid") && jws.header("kid").is_none() {
            return Err(AssertionFlaw::Malformed);
        }
        let typ = typ(&jws).ok_or(AssertionFlaw::Type)?;
        let alg = jws.header("alg").and_then(SignatureAlgorithm::named).ok_or(AssertionFlaw::Algorithm)?;
        if !alg.may_have_length(jws.signature.len()) {
            return Err(AssertionFlaw::Signature);
        }
        Ok(Self {
            alg,
            typ,
            kid: jws.header("kid").map(str::to_owned),
            claims: jws.claims().ok_or(AssertionFlaw::Malformed)?,
            input: jws.input.to_owned(),
            signature: jws.signature,
        })
    }

    /// The claim `name`, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// The client, if `iss` and `sub` both name it (RFC 7523 §3 items 1 and 2).
    fn own_client(&self) -> Option<ClientId> {
        let sub = self.text("sub").filter(|sub| self.text("iss") == Some(*sub))?;
        ClientId::parse(sub).ok()
    }
}

fn typ(jws: &Jws<'_>) -> Option<Typ> {
    if !jws.has("typ") {
        return Some(Typ::Absent);
    }
    let name = jws.header("typ")?.to_ascii_lowercase();
    match name.strip_prefix("application/").unwrap_or(&name) {
        "jwt" => Some(Typ::Jwt),
        "client-authentication+jwt" => Some(Typ::ClientAuthentication),
        "jose" => Some(Typ::Jose),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_has_at_most_8_kib() {
        let read = |length: usize| Content::read(&"a".repeat(length)).err();
        assert_eq!((read(8192), read(8193)), (Some(AssertionFlaw::Malformed), Some(AssertionFlaw::TooLarge)));
    }
}
