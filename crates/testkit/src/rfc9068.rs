//! A vector for dex's profile, translated to RFC 9068's profile: by rule, and not case by case.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::expected::{Expected, ExpectedToken};
use crate::vector::Vector;

/// The claims of dex's access token that RFC 9068's does not have.
const NOT_IN_RFC9068: [&str; 6] = ["nonce", "azp", "at_hash", "email_verified", "name", "preferred_username"];

impl Vector {
    /// The same request where `TOKEN_PROFILE` is `rfc9068`, with its expectation: the same status, headers,
    /// scopes and times, and tokens in the other format. `None` for a vector that chooses a profile itself,
    /// or makes a token in dex's format itself.
    #[must_use]
    pub fn in_rfc9068(&self) -> Option<Self> {
        if self.config.contains_key("TOKEN_PROFILE") || self.mints() {
            return None;
        }
        let mut vector = self.clone();
        vector.name.push_str(" in rfc9068");
        vector.config.insert("TOKEN_PROFILE".into(), "rfc9068".into());
        vector.expected.translate();
        // If an API demands a format, the deployment's has no effect.
        let is_dexs = self.expected.access_token.as_ref().is_none_or(ExpectedToken::is_dexs);
        if let Some(profile) = vector.event.get_mut("profile").filter(|_| is_dexs) {
            *profile = "rfc9068".into();
        }
        let audience = vector.expected.access_token.as_ref().map(|token| token.claims["aud"].clone());
        if let (Some(told), Some(audience)) = (vector.event.get_mut("audience"), audience) {
            *told = if audience.is_array() { audience } else { Value::from(vec![audience]) };
        }
        Some(vector)
    }
}

impl Expected {
    fn translate(&mut self) {
        let scope = self.body.as_ref().and_then(|body| body["scope"].as_str()).unwrap_or_default().to_owned();
        if let Some(token) = self.access_token.as_mut().filter(|token| token.is_dexs()) {
            token.translate_access_token(&scope);
            if let Some(body) = self.body.as_mut().filter(|body| body["token_type"] == "bearer") {
                body["token_type"] = "Bearer".into();
            }
        }
        if let Some(token) = &mut self.id_token {
            token.claims["sub"] = client_of(&token.claims["sub"]).into();
        }
        let documents = self.body.iter_mut().filter_map(|body| body.get_mut("claims_supported"));
        for claims in documents.chain(self.includes.get_mut("claims_supported")) {
            claims.as_array_mut().unwrap().extend(["client_id".into(), "scope".into()]);
        }
    }
}

impl ExpectedToken {
    /// Whether it has the format that dex uses for all tokens.
    pub(crate) fn is_dexs(&self) -> bool {
        self.header["typ"] == "JWT"
    }

    fn translate_access_token(&mut self, scope: &str) {
        self.header["typ"] = "at+jwt".into();
        let dexs = self.claims.as_object().unwrap().clone();
        let client = client_of(&dexs["sub"]);
        let mut claims: Map<String, Value> =
            dexs.into_iter().filter(|(name, _)| !NOT_IN_RFC9068.contains(&name.as_str())).collect();
        claims.insert("sub".into(), client.clone().into());
        claims.insert("client_id".into(), client.clone().into());
        if !scope.is_empty() {
            claims.insert("scope".into(), scope.into());
        }
        // dex adds the client itself. Here it is an audience only when it was named. Without any other
        // audience, the issuer is the audience.
        let itself = format!("audience:server:client_id:{client}");
        let named = scope.split(' ').any(|scope| scope == itself);
        let one = || vec![claims["aud"].clone()];
        let mut audience = claims["aud"].as_array().cloned().unwrap_or_else(one);
        audience.retain(|name| named || *name != client.as_str());
        let audience = match audience.as_slice() {
            [] => claims["iss"].clone(),
            [only] => only.clone(),
            _ => Value::from(audience),
        };
        claims.insert("aud".into(), audience);
        self.claims = claims.into();
    }
}

/// The client in dex's `sub`: field 1 of a protobuf message, with wire type 2.
fn client_of(sub: &Value) -> String {
    let message = URL_SAFE_NO_PAD.decode(sub.as_str().unwrap()).unwrap();
    assert_eq!(message[0], 0x0A, "{sub}");
    // The length takes two bytes from 128 characters on.
    let start = if message[1] & 0x80 == 0 { 2 } else { 3 };
    String::from_utf8(message[start..].to_vec()).unwrap()
}
