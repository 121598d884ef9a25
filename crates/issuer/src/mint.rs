//! Tokens: the claims of a grant in either profile, as the text to sign (RFC 7519, RFC 7515, RFC 9068).

use crate::config::profile::TokenProfile;
use crate::grammar::issuer_url::Issuer;
use crate::grammar::json::Object;
use crate::grant::Grant;
use crate::grant::audience::Audience;
use crate::jose::compact::signing_input;
use crate::jose::signing_key::SigningKey;
use crate::records::subject::subject;

/// The data that both tokens of one grant share.
pub(crate) struct Mint<'a> {
    pub(crate) issuer: &'a Issuer,
    /// The deployment's profile, which decides the format of ID tokens.
    pub(crate) profile: TokenProfile,
    pub(crate) grant: &'a Grant,
    pub(crate) key: &'a SigningKey,
    /// Issue time, in seconds since 1970.
    pub(crate) iat: u64,
}

impl Mint<'_> {
    /// The text to sign of the access token. `random`: 32 fresh bytes.
    pub(crate) fn access_token(&self, jti: &str, random: &[u8]) -> String {
        let (grant, client) = (self.grant, self.grant.client());
        let (mut claims, header) = match grant.profile() {
            TokenProfile::Dex => {
                // dex makes each access token unique with the hash of a random ID that it does not show. Random
                // bytes of the same length have the same distribution, and computing a hash costs a tenth of all
                // work that this crate does for a token.
                let at_hash = self.key.alg().random_at_hash(random);
                let mut claims = self.dex_claims(&subject(&client.id), grant.audience(), jti, &at_hash);
                // APIs need the scopes. dex has no APIs.
                if grant.is_for_apis() {
                    claims.optional("scope", grant.scope_text().as_deref());
                }
                (claims, self.key.header())
            }
            TokenProfile::Rfc9068 => (self.rfc9068_claims(jti), self.key.access_token_header()),
        };
        if let Some(confirmation) = grant.confirmation() {
            claims.object("cnf", confirmation.json());
        }
        // The client's own claims. None of them has the name of another claim.
        for (name, value) in &client.claims {
            claims.foreign(name, value);
        }
        signing_input(header, claims.end().as_bytes())
    }

    /// The text to sign of the ID token that is issued with `access_token`.
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

    /// The claims that dex puts into both access and ID tokens (OpenID Connect Core §2, §5.1). Its access
    /// token differs from its ID token in `jti`, `at_hash`, and the claims for APIs.
    fn dex_claims(&self, sub: &str, aud: &Audience, jti: &str, at_hash: &str) -> Object {
        let (grant, client) = (self.grant, self.grant.client());
        let has = |scope: &str| grant.scope().contains(scope);
        let mut claims = self.claims(sub, aud);
        self.times(&mut claims, jti);
        claims.optional("nonce", grant.nonce());
        // As in dex with several audiences. If one API is the audience, `aud` does not name the client
        // either.
        claims.optional("azp", Some(client.id.as_str()).filter(|id| !aud.is_only(id)));
        claims.string("at_hash", at_hash);
        if has("email") {
            claims.boolean("email_verified", false);
        }
        self.groups(&mut claims);
        // dex omits an empty name.
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

    /// The issuer, the subject, and the audience of a token (RFC 7519 §4.1).
    fn claims(&self, sub: &str, aud: &Audience) -> Object {
        // Large enough for most claims. A buffer that grows is copied each time.
        let mut claims = Object::with_capacity(512);
        claims.string("iss", self.issuer.as_str());
        claims.string("sub", sub);
        match aud {
            Audience::One(only) => claims.string("aud", only),
            Audience::Several(several) => claims.strings("aud", several),
        }
        claims
    }

    /// The lifetime and the ID of a token (RFC 7519 §4.1).
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
