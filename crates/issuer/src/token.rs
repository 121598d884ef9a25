//! Tokens of the `dex` profile: the claims of a grant, as the text that gets signed (RFC 7519, RFC 7515).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::client::ClientId;
use crate::grant::{Audience, Grant};
use crate::issuer_url::Issuer;
use crate::keys::SigningKey;

/// The `sub` of a client: dex's, so that what was granted to it there is granted here.
///
/// base64url, unpadded, of the protobuf message `{1: user_id = client_id, 2: conn_id = ""}`; proto3 leaves
/// an empty field out.
///
/// ```
/// # use edgemint_issuer::{ClientId, subject};
/// assert_eq!(subject(&ClientId::parse("test")?), "CgR0ZXN0");
/// # Ok::<(), edgemint_issuer::ClientIdError>(())
/// ```
pub fn subject(client: &ClientId) -> String {
    let id = client.as_str().as_bytes();
    let mut message = Vec::with_capacity(id.len() + 3);
    message.push(0x0A);
    // A varint; the longest ID, 256 bytes, needs two bytes of it.
    let mut length = id.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7F).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(id);
    URL_SAFE_NO_PAD.encode(message)
}

/// The claims that dex puts into access and ID tokens alike (OpenID Connect Core §2, §5.1).
#[derive(Serialize)]
pub(crate) struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a Audience,
    exp: u64,
    iat: u64,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<&'a str>,
    at_hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
}

/// What the two tokens of one grant have in common.
pub(crate) struct Mint<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) grant: &'a Grant,
    pub(crate) key: &'a SigningKey,
    /// In seconds since 1970.
    pub(crate) iat: u64,
    pub(crate) sub: String,
}

impl Mint<'_> {
    /// What is signed of a token with this `jti` and `at_hash`: the JOSE header and the claims
    /// (RFC 7515 §5.1). dex's access token differs from its ID token in these two values alone.
    pub(crate) fn signing_input(&self, jti: &str, at_hash: &str) -> String {
        let (grant, client) = (self.grant, self.grant.client());
        let has = |scope: &str| grant.scope().contains(scope);
        // dex leaves an empty name out.
        let name = Some(client.name.as_str()).filter(|name| has("profile") && !name.is_empty());
        let claims = Claims {
            iss: self.issuer.as_str(),
            sub: &self.sub,
            aud: grant.audience(),
            exp: self.iat.saturating_add(grant.lifetime()),
            iat: self.iat,
            jti,
            nonce: grant.nonce(),
            azp: grant.audience().is_several().then(|| client.id.as_str()),
            at_hash,
            email_verified: has("email").then_some(false),
            groups: if has("groups") { &client.groups } else { &[] },
            name,
            preferred_username: name,
        };
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let header = self.key.header();
        let mut input = String::with_capacity(header.len() + 1 + payload.len().div_ceil(3) * 4);
        input.push_str(header);
        input.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut input);
        input
    }
}

/// The JWT of what was signed and its signature (RFC 7515 §7.1).
pub(crate) fn compact(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut signing_input);
    signing_input
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What another protobuf implementation would read: field 1, wire type 2.
    fn read_back(sub: &str) -> Option<String> {
        let message = URL_SAFE_NO_PAD.decode(sub).ok()?;
        let rest = message.strip_prefix(&[0x0A])?;
        let (mut length, mut shift, mut used) = (0_usize, 0, 0);
        for byte in rest {
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            used += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let id = &rest[used..];
        (id.len() == length).then(|| String::from_utf8(id.to_vec()).unwrap())
    }

    #[test]
    fn the_subject_is_dexs() {
        assert_eq!(subject(&ClientId::parse("test").unwrap()), "CgR0ZXN0");
        assert_eq!(subject(&ClientId::parse("example-app").unwrap()), "CgtleGFtcGxlLWFwcA");
    }

    proptest! {
        #[test]
        fn a_subject_is_read_back(id in "[ -~]{1,256}") {
            prop_assert_eq!(read_back(&subject(&ClientId::parse(&id).unwrap())), Some(id));
        }
    }
}
