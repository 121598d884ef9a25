//! Tokens for the vectors that present one: made like ours, with the differences that the vector states.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::SigningKey;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{Algorithm as _, AlgorithmSignature as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::crypto::{sign, signing_key};

/// The key pair of RFC 7515 A.3: ES256, and not ours.
const FOREIGN: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

/// A token, as the differences from the one that the client `test` gets without scopes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mint {
    /// The key, by its name in the vector's `keys`: `kid`, `alg`, and the key that signs.
    #[serde(default = "es256")]
    key: String,
    /// Members of the header. Null removes a member.
    #[serde(default)]
    header: Map<String, Value>,
    /// Claims. Null removes a claim. `"+600"` is 600 seconds from now.
    #[serde(default)]
    claims: Map<String, Value>,
    /// Text that is inserted unchanged before the closing brace of the claims.
    #[serde(default)]
    claims_more: String,
    /// The same for the header.
    #[serde(default)]
    header_more: String,
    /// The signer that replaces the key: `foreign`, `none`, or `HS256-with-public-key`.
    signed_by: Option<String>,
}

fn es256() -> String {
    "ES256".into()
}

impl Mint {
    /// The header, the claims and the signature, encoded.
    pub(crate) fn segments(&self, issuer: &str, now: u64) -> [String; 3] {
        let alg = self.key.split('+').next().unwrap();
        let header = json!({ "alg": alg, "kid": self.key, "typ": "JWT" });
        let claims = json!({
            "iss": issuer, "sub": "CgR0ZXN0", "aud": "test", "exp": "+600", "iat": "+0",
            "jti": "AAECAwQFBgcICQoLDA0ODw", "at_hash": "Yw3NKWbEM2aRElRIu7JbTw",
        });
        let header = text(header, &self.header, &self.header_more, now);
        let claims = text(claims, &self.claims, &self.claims_more, now);
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&claims));
        let (header, claims) = input.split_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.encode(self.sign(alg, input.as_bytes()));
        [header.to_owned(), claims.to_owned(), signature]
    }

    fn sign(&self, alg: &str, input: &[u8]) -> Vec<u8> {
        let key = |jwk: &str| SigningKey::parse("SIGNING_KEY_MINT", jwk).unwrap();
        let jwk = match self.signed_by.as_deref() {
            None => signing_key(alg, &[]),
            Some("foreign") => FOREIGN.to_owned(),
            Some("none") => return Vec::new(),
            Some("HS256-with-public-key") => {
                let secret = Hs256Key::new(key(&signing_key(alg, &[])).public_jwk());
                return Hs256.sign(&secret, input).as_bytes().into_owned();
            }
            Some(other) => panic!("nothing signs as {other}"),
        };
        sign(&key(&jwk), input)
    }
}

/// The JSON of `base` with the members of `over`.
fn text(mut base: Value, over: &Map<String, Value>, more: &str, now: u64) -> String {
    let members = base.as_object_mut().unwrap();
    for (name, value) in over {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    for name in ["exp", "iat", "nbf"] {
        if let Some(value) = members.get_mut(name)
            && let Some(ahead) = value.as_str().and_then(|text| text.parse::<i64>().ok())
        {
            *value = now.checked_add_signed(ahead).unwrap().into();
        }
    }
    let json = base.to_string();
    format!("{}{more}}}", json.strip_suffix('}').unwrap())
}
