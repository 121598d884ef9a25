//! Tokens: the claims of a grant in either profile, as the text that gets signed (RFC 7519, RFC 7515, RFC 9068).

use crate::config::profile::TokenProfile;
use crate::grammar::issuer_url::Issuer;
use crate::grammar::json::Object;
use crate::grant::Grant;
use crate::grant::audience::Audience;
use crate::jose::compact::signing_input;
use crate::jose::signing_key::SigningKey;
use crate::records::subject::subject;

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
