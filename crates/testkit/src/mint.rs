//! Tokens and assertions for the vectors that present one: made like real ones, with the differences that the vector
//! states.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{SignatureAlgorithm, SigningKey};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{Algorithm as _, AlgorithmSignature as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::crypto::{sign, signing_key};
use crate::others::{private_key, public_key, sign_with};

/// The key pair of RFC 7515 A.3: ES256, and not ours.
const FOREIGN: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

/// The kind of a token, which decides its claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An access token of ours.
    #[default]
    Token,
    /// An assertion of the client `signer`.
    Client,
    /// A token of GitHub Actions.
    Github,
    /// A projected service account token of Kubernetes.
    Kubernetes,
    /// A JWT-SVID.
    Spiffe,
    /// A token of some other issuer.
    Custom,
    /// A DPoP proof.
    Dpop,
}

/// A token, as the differences from the usual one of its kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mint {
    #[serde(default)]
    kind: Kind,
    /// The key: of a token, its name in the vector's `keys`; else, its name in `keys/others.json`.
    key: Option<String>,
    /// Members of the header. Null removes a member.
    #[serde(default)]
    header: Map<String, Value>,
    /// Claims. Null removes a claim. `"+600"` is 600 seconds from now, and `"{issuer}"` in a text is the issuer.
    #[serde(default)]
    claims: Map<String, Value>,
    /// Members of the key in the header of a proof. Null removes a member.
    #[serde(default)]
    jwk: Map<String, Value>,
    /// Text that is inserted unchanged before the closing brace of the claims.
    #[serde(default)]
    claims_more: String,
    /// The same for the header.
    #[serde(default)]
    header_more: String,
    /// The signer that replaces the key: `foreign`, `none`, or `HS256-with-public-key`.
    signed_by: Option<String>,
}

/// The algorithm and the `kid` of a key in `keys/others.json`.
fn usual(key: &str) -> (&'static str, &'static str) {
    match key {
        "signer-ES256" | "other-ES256" => ("ES256", "es256"),
        "signer-EdDSA" => ("EdDSA", "eddsa"),
        "signer-RSA" => ("PS256", "ps256"),
        "platform-RSA" => ("RS256", "p-rsa"),
        "platform-ES256" => ("ES256", "p-es256"),
        "platform-ES384" => ("ES384", "p-es384"),
        other => panic!("nobody has the key {other}"),
    }
}

/// A `jti` that no other assertion of this process has.
fn fresh_token_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Kind {
    fn claims(self, issuer: &str) -> Value {
        let jti = fresh_token_id();
        match self {
            Self::Token => json!({
                "iss": issuer, "sub": "CgR0ZXN0", "aud": "test", "exp": "+600", "iat": "+0",
                "jti": "AAECAwQFBgcICQoLDA0ODw", "at_hash": "ICEiIyQlJicoKSorLC0uLw",
            }),
            Self::Client => json!({
                "iss": "signer", "sub": "signer", "aud": issuer, "exp": "+60", "iat": "+0", "jti": jti,
            }),
            // https://docs.github.com/en/actions/reference/security/oidc, with the claims that rules pin.
            Self::Github => json!({
                "iss": "https://token.actions.githubusercontent.com", "aud": issuer, "jti": jti,
                "sub": "repo:acme/app:environment:production", "exp": "+300", "iat": "+0", "nbf": "-300",
                "repository": "acme/app", "repository_id": "74", "repository_owner": "acme",
                "repository_owner_id": "65", "ref": "refs/heads/main", "event_name": "push",
                "environment": "production", "run_attempt": "1",
                "job_workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main",
            }),
            // https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
            Self::Kubernetes => json!({
                "iss": "https://kubernetes.default.svc.cluster.local", "aud": [issuer], "jti": jti,
                "sub": "system:serviceaccount:shop:billing", "exp": "+3600", "iat": "+0", "nbf": "+0",
                "kubernetes.io": {
                    "namespace": "shop", "node": { "name": "n1", "uid": "8a" },
                    "pod": { "name": "billing-69cbfb9798-jv9gn", "uid": "77" },
                    "serviceaccount": { "name": "billing", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
                    "warnafter": 1_700_000_000,
                },
            }),
            Self::Spiffe => json!({
                "iss": "https://spire.example", "sub": "spiffe://example.org/billing", "aud": [issuer],
                "exp": "+300", "iat": "+0", "jti": jti,
            }),
            Self::Custom => json!({
                "iss": "https://id.example/", "sub": "job:7:main", "aud": issuer, "exp": "+300", "iat": "+0",
                "jti": jti, "tenant": "acme", "level": 3, "trusted": true,
            }),
            Self::Dpop => json!({
                "htm": "POST", "htu": format!("{}/token", issuer.trim_end_matches('/')), "iat": "+0", "jti": jti,
            }),
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Token => "ES256",
            Self::Client | Self::Dpop => "signer-ES256",
            Self::Github | Self::Kubernetes => "platform-RSA",
            Self::Spiffe => "platform-ES256",
            Self::Custom => "platform-ES384",
        }
    }
}

impl Mint {
    /// The usual token of `kind`, with these members of its header and its claims instead.
    pub fn of(kind: Kind, header: Value, claims: Value) -> Self {
        let members = |value: Value| value.as_object().cloned().unwrap_or_default();
        Self {
            kind,
            key: None,
            header: members(header),
            claims: members(claims),
            jwk: Map::new(),
            claims_more: String::new(),
            header_more: String::new(),
            signed_by: None,
        }
    }

    /// The same, signed with this key of `keys/others.json`.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// The token.
    pub fn token(&self, issuer: &str, now: u64) -> String {
        self.segments(issuer, now).join(".")
    }

    /// The header, the claims and the signature, encoded.
    pub(crate) fn segments(&self, issuer: &str, now: u64) -> [String; 3] {
        let key = self.key.as_deref().unwrap_or(self.kind.key());
        let (alg, kid) =
            if self.kind == Kind::Token { (key.split('+').next().unwrap(), key) } else { usual(key) };
        let header = if self.kind == Kind::Dpop {
            let mut jwk = public_key(key, &[]);
            jwk.as_object_mut().unwrap().extend(self.jwk.clone());
            jwk.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            json!({ "alg": alg, "typ": "dpop+jwt", "jwk": jwk })
        } else {
            json!({ "alg": alg, "kid": kid, "typ": "JWT" })
        };
        let header = text(header, &self.header, &self.header_more, issuer, now);
        let claims = text(self.kind.claims(issuer), &self.claims, &self.claims_more, issuer, now);
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&claims));
        let (encoded, payload) = input.split_once('.').unwrap();
        let signed = if self.kind == Kind::Token {
            self.sign(alg, input.as_bytes())
        } else {
            let header: Value = serde_json::from_str(&header).unwrap_or_default();
            let stated = header["alg"].as_str().and_then(SignatureAlgorithm::named);
            self.sign_as_other(key, stated, input.as_bytes())
        };
        let signature = URL_SAFE_NO_PAD.encode(signed);
        [encoded.to_owned(), payload.to_owned(), signature]
    }

    /// The signature of an assertion, with the algorithm that its header states if the key can do that.
    fn sign_as_other(&self, key: &str, stated: Option<SignatureAlgorithm>, input: &[u8]) -> Vec<u8> {
        let usual = SignatureAlgorithm::named(usual(key).0).unwrap();
        let is_rsa = |alg| matches!(alg, SignatureAlgorithm::Ps256 | SignatureAlgorithm::Rs256);
        let alg = stated.filter(|stated| is_rsa(*stated) && is_rsa(usual)).unwrap_or(usual);
        match self.signed_by.as_deref() {
            None => sign_with(alg, &private_key(key), input),
            Some("foreign") => {
                let foreign: Value = serde_json::from_str(FOREIGN).unwrap();
                sign_with(SignatureAlgorithm::Es256, &foreign, input)
            }
            Some("none") => Vec::new(),
            Some("HS256-with-public-key") => {
                Hs256.sign(&Hs256Key::new(public_key(key, &[]).to_string()), input).as_bytes().into_owned()
            }
            Some(other) => panic!("nothing signs as {other}"),
        }
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
fn text(mut base: Value, over: &Map<String, Value>, more: &str, issuer: &str, now: u64) -> String {
    let members = base.as_object_mut().unwrap();
    for (name, value) in over {
        let value = match value.as_str() {
            Some(text) => text.replace("{issuer}", issuer).into(),
            None => value.clone(),
        };
        members.insert(name.clone(), value);
    }
    members.retain(|_, value| !value.is_null());
    for name in ["exp", "iat", "nbf"] {
        if let Some(value) = members.get_mut(name)
            && let Some(ahead) = value.as_str().filter(|text| text.starts_with(['+', '-']))
            && let Ok(ahead) = ahead.parse::<i64>()
        {
            *value = now.checked_add_signed(ahead).unwrap().into();
        }
    }
    let json = base.to_string();
    format!("{}{more}}}", json.strip_suffix('}').unwrap())
}
