//! Tokens: the claims of a grant in either profile, as the text that gets signed (RFC 7519, RFC 7515, RFC 9068).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::TokenProfile;
use crate::grammar::issuer_url::Issuer;
use crate::grammar::json::Object;
use crate::grant::{Audience, Grant};
use crate::jose::signing_key::SigningKey;
use crate::records::client::ClientId;

/// The longest token, in bytes: none longer is issued, and none longer is looked at. Servers bound headers to that or
/// less.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// The `sub` of a client in the profile of dex: dex's own, so that what was granted to it there is granted here.
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

/// The client whose [`subject`] this text is.
///
/// In the profile of RFC 9068, `sub` is the client ID as it is. So a client whose ID is the subject of another client
/// has the `sub` that the other one has in the profile of dex, and whoever goes by `sub` takes one for the other.
///
/// ```
/// # use edgemint_issuer::{ClientId, client_of_subject};
/// assert_eq!(client_of_subject("CgR0ZXN0"), Some(ClientId::parse("test")?));
/// assert_eq!(client_of_subject("test"), None);
/// # Ok::<(), edgemint_issuer::ClientIdError>(())
/// ```
pub fn client_of_subject(sub: &str) -> Option<ClientId> {
    // Not looked at when it is longer than any subject.
    let message = URL_SAFE_NO_PAD.decode(sub.get(..sub.len().min(512))?).ok()?;
    // The length takes one byte, or for the longest IDs two.
    [2, 3].into_iter().find_map(|at| {
        let id = ClientId::parse(std::str::from_utf8(message.get(at..)?).ok()?).ok()?;
        (subject(&id) == sub).then_some(id)
    })
}

/// What the two tokens of one grant have in common.
pub(crate) struct Mint<'a> {
    pub(crate) issuer: &'a Issuer,
    /// The deployment's, which says what ID tokens look like.
    pub(crate) profile: TokenProfile,
    pub(crate) grant: &'a Grant,
    pub(crate) key: &'a SigningKey,
    /// In seconds since 1970.
    pub(crate) iat: u64,
}

impl Mint<'_> {
    /// What is signed of the access token.
    pub(crate) fn access_token(&self, jti: &str, random: &[u8]) -> String {
        let (grant, client) = (self.grant, self.grant.client());
        let (mut claims, header) = match grant.profile() {
            TokenProfile::Dex => {
                // dex's way to make each access token unique: a hash of fresh random bytes.
                let at_hash = self.key.alg().at_hash(random);
                let mut claims = self.dex_claims(&subject(&client.id), grant.audience(), jti, &at_hash);
                // For an API, which must know; dex has no APIs.
                if grant.is_for_apis() {
                    claims.optional("scope", grant.scope_text().as_deref());
                }
                (claims, self.key.header())
            }
            TokenProfile::Rfc9068 => (self.rfc9068_claims(jti), self.key.access_token_header()),
        };
        // The client's own: none of them has the name of another claim.
        for (name, value) in &client.claims {
            claims.foreign(name, value);
        }
        signing_input(header, claims.end().as_bytes())
    }

    /// What is signed of the ID token that is issued with `access_token`.
    pub(crate) fn id_token(&self, jti: &str, access_token: &str) -> String {
        let client = &self.grant.client().id;
        let sub = match self.profile {
            TokenProfile::Dex => subject(client),
            TokenProfile::Rfc9068 => client.to_string(),
        };
        let at_hash = self.key.alg().at_hash(access_token.as_bytes());
        let claims = self.dex_claims(&sub, self.grant.id_token_audience(), jti, &at_hash);
        signing_input(self.key.header(), claims.end().as_bytes())
    }

    /// The claims that dex puts into access and ID tokens alike (OpenID Connect Core §2, §5.1). Its access token differs
    /// from its ID token in `jti`, `at_hash`, and what concerns APIs.
    fn dex_claims(&self, sub: &str, aud: &Audience, jti: &str, at_hash: &str) -> Object {
        let (grant, client) = (self.grant, self.grant.client());
        let has = |scope: &str| grant.scope().contains(scope);
        let mut claims = self.claims(sub, aud);
        self.times(&mut claims, jti);
        claims.optional("nonce", grant.nonce());
        // As in dex when there are several audiences. One API as the audience does not say whose token it is, either.
        claims.optional("azp", Some(client.id.as_str()).filter(|id| !aud.is_only(id)));
        claims.string("at_hash", at_hash);
        if has("email") {
            claims.boolean("email_verified", false);
        }
        self.groups(&mut claims);
        // dex leaves an empty name out.
        if has("profile") && !client.name.is_empty() {
            claims.string("name", &client.name);
            claims.string("preferred_username", &client.name);
        }
        claims
    }

    /// The claims of a JWT access token (RFC 9068 §2.2).
    fn rfc9068_claims(&self, jti: &str) -> Object {
        let id = self.grant.client().id.as_str();
        let mut claims = self.claims(id, self.grant.audience());
        claims.string("client_id", id);
        self.times(&mut claims, jti);
        claims.optional("scope", self.grant.scope_text().as_deref());
        self.groups(&mut claims);
        claims
    }

    /// Who says it, of whom, and to whom (RFC 7519 §4.1).
    fn claims(&self, sub: &str, aud: &Audience) -> Object {
        // Most claims fit: a buffer that grows is copied each time.
        let mut claims = Object::with_capacity(512);
        claims.string("iss", self.issuer.as_str());
        claims.string("sub", sub);
        match aud {
            Audience::One(only) => claims.string("aud", only),
            Audience::Several(several) => claims.strings("aud", several),
        }
        claims
    }

    /// For how long, and which token it is (RFC 7519 §4.1).
    fn times(&self, claims: &mut Object, jti: &str) {
        claims.number("exp", self.iat.saturating_add(self.grant.lifetime()));
        claims.number("iat", self.iat);
        claims.string("jti", jti);
    }

    fn groups(&self, claims: &mut Object) {
        let groups = &self.grant.client().groups;
        if self.grant.scope().contains("groups") && !groups.is_empty() {
            claims.strings("groups", groups);
        }
    }
}

/// What is signed of a JWT: its JOSE header, which is encoded already, and its claims (RFC 7515 §5.1).
pub(crate) fn signing_input(header: &str, payload: &[u8]) -> String {
    let mut input = String::with_capacity(header.len() + 1 + payload.len().div_ceil(3) * 4);
    input.push_str(header);
    input.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut input);
    input
}

/// The JWT of what was signed and its signature (RFC 7515 §7.1).
pub(crate) fn compact(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut signing_input);
    signing_input
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        fn a_subject_names_its_client_and_another_text_none(id in "[ -~]{1,256}", other in ".{0,20}") {
            let id = ClientId::parse(&id).unwrap();
            prop_assert_eq!(client_of_subject(&subject(&id)), Some(id));
            if let Some(id) = client_of_subject(&other) {
                prop_assert_eq!(subject(&id), other);
            }
        }

        #[test]
        fn a_subject_is_read_back(id in "[ -~]{1,256}") {
            prop_assert_eq!(read_back(&subject(&ClientId::parse(&id).unwrap())), Some(id));
        }
    }
}
