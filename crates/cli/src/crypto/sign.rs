//! What a client signs with its own key: assertions (RFC 7523 §2.2, §3) and DPoP proofs (RFC 9449 §4.2).

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{ClientId, Object, SignatureAlgorithm};
use jwt_compact::alg::{Ed25519, Es256, Rsa};
use jwt_compact::jwk::{JsonWebKey, JwkError};
use jwt_compact::{Algorithm, AlgorithmSignature as _};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The lifetime of an assertion, in seconds. It is used at once.
const LIFETIME: u64 = 60;

/// The private key of a client.
pub(crate) struct PrivateKey {
    jwk: Zeroizing<String>,
    alg: SignatureAlgorithm,
    kid: Option<String>,
}

impl PrivateKey {
    /// Reads a private JWK.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Jwk {
            kty: String,
            alg: Option<String>,
            kid: Option<String>,
            d: Option<serde::de::IgnoredAny>,
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        ensure!(
            !text.starts_with("-----BEGIN"),
            "a key in PEM is not supported. Pass a private JWK, as `edgemint client key add --generate` prints it"
        );
        // The errors of the parser could quote the key.
        let Ok(Object(Jwk { kty, alg, kid, d })) = serde_json::from_str(text) else {
            bail!("it is not a private JWK, as `edgemint client key add --generate` prints it");
        };
        ensure!(d.is_some(), "it is a public key. Pass the private key of the client");
        let alg = match (alg.as_deref(), kty.as_str()) {
            (Some(alg), _) => SignatureAlgorithm::named(alg),
            (None, "EC") => Some(SignatureAlgorithm::Es256),
            (None, "OKP") => Some(SignatureAlgorithm::EdDsa),
            (None, "RSA") => Some(SignatureAlgorithm::Ps256),
            (None, _) => None,
        };
        let alg = alg.filter(|alg| SignatureAlgorithm::OF_CLIENTS.contains(alg));
        let alg = alg.context("clients sign only with ES256, PS256, EdDSA or RS256")?;
        Ok(Self { jwk: Zeroizing::new(text.to_owned()), alg, kid })
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>> {
        let jwk = self.jwk()?;
        match self.alg {
            SignatureAlgorithm::Es256 => signature(&Es256, (&jwk).try_into(), input),
            SignatureAlgorithm::EdDsa => signature(&Ed25519, (&jwk).try_into(), input),
            SignatureAlgorithm::Ps256 => signature(&Rsa::ps256(), (&jwk).try_into(), input),
            SignatureAlgorithm::Rs256 => signature(&Rsa::rs256(), (&jwk).try_into(), input),
            SignatureAlgorithm::Es384 => bail!("clients do not sign with ES384"),
        }
    }

    /// An assertion of `client` for `audience`. `token_id` is its `jti`, which no other assertion has.
    pub(crate) fn assertion(
        &self,
        client: &ClientId,
        audience: &str,
        token_id: &str,
        now: u64,
    ) -> Result<Zeroizing<String>> {
        let mut header = json!({ "alg": self.alg.name(), "typ": "client-authentication+jwt" });
        if let (Some(kid), Some(header)) = (&self.kid, header.as_object_mut()) {
            header.insert("kid".to_owned(), kid.as_str().into());
        }
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "jti": token_id,
            "iat": now, "exp": now.saturating_add(LIFETIME),
        });
        self.jws(&header, &claims)
    }

    /// Whether a DPoP proof may be signed with the key.
    pub(crate) fn may_sign_proofs(&self) -> bool {
        SignatureAlgorithm::OF_PROOFS.contains(&self.alg)
    }

    /// The proof that the sender of a POST to `url` has the key. `token_id` is its `jti`. `nonce` is the value that the
    /// server asked for, if it did.
    pub(crate) fn proof(
        &self,
        url: &str,
        token_id: &str,
        nonce: Option<&str>,
        now: u64,
    ) -> Result<Zeroizing<String>> {
        ensure!(self.may_sign_proofs(), "a DPoP proof cannot be signed with {}", self.alg.name());
        let public = self.jwk()?.to_verifying_key();
        let header = json!({ "typ": "dpop+jwt", "alg": self.alg.name(), "jwk": public });
        let mut claims = json!({ "jti": token_id, "htm": "POST", "htu": url, "iat": now });
        if let (Some(nonce), Some(claims)) = (nonce, claims.as_object_mut()) {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        self.jws(&header, &claims)
    }

    fn jws(&self, header: &Value, claims: &Value) -> Result<Zeroizing<String>> {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.sign(input.as_bytes())?);
        Ok(Zeroizing::new(format!("{input}.{signature}")))
    }

    fn jwk(&self) -> Result<JsonWebKey<'_>> {
        // The errors of the parser could quote the key.
        serde_json::from_str(&self.jwk).map_err(|_| anyhow!("a member of the key is missing or malformed"))
    }
}

fn signature<A: Algorithm>(
    algorithm: &A,
    key: Result<A::SigningKey, JwkError>,
    input: &[u8],
) -> Result<Vec<u8>> {
    let key = key.map_err(|_| anyhow!("a member of the key is missing or malformed"))?;
    Ok(algorithm.sign(&key, input).as_bytes().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::make::of_client;
    use crate::crypto::verify::verifies;
    use crate::host::Host;

    fn host() -> Host {
        Host {
            now: 9,
            current_dir: ".".into(),
            temp_dir: ".".into(),
            variable: |_| None,
            random: |buffer| {
                buffer.fill(7);
                Ok(())
            },
            can_ask: false,
            answer: || Ok(String::new()),
            hidden_answer: |_| Ok(String::new()),
        }
    }

    #[test]
    fn what_a_generated_key_signs_its_public_half_verifies() {
        let client = ClientId::parse("a").expect("an ID");
        for alg in [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa] {
            let pair = of_client(alg, Some("k"), &host()).expect("a key pair");
            let key = PrivateKey::parse(&pair.private).expect("its private half");
            let assertion = key.assertion(&client, "https://i", "j", 9).expect("an assertion");
            let (input, signature) = assertion.rsplit_once('.').expect("three parts");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
            assert!(verifies(&pair.public, alg, input.as_bytes(), &signature), "{alg:?}");
            assert!(!verifies(&pair.public, alg, b"other", &signature), "{alg:?}");
            let part = |part: &str| -> Value {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
            };
            let (header, claims) = input.split_once('.').expect("two parts");
            let expected = json!({ "alg": alg.name(), "kid": "k", "typ": "client-authentication+jwt" });
            assert_eq!(part(header), expected);
            assert_eq!(
                part(claims),
                json!({ "iss": "a", "sub": "a", "aud": "https://i", "jti": "j", "iat": 9, "exp": 69 })
            );
        }
        let named = of_client(SignatureAlgorithm::EdDsa, None, &host()).expect("a key pair");
        assert_eq!(named.kid, named.public.thumbprint());
    }

    #[test]
    fn a_proof_has_the_public_key_and_nothing_private() {
        for alg in [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa] {
            let pair = of_client(alg, Some("k"), &host()).expect("a key pair");
            let key = PrivateKey::parse(&pair.private).expect("its private half");
            for nonce in [None, Some("n")] {
                let proof = key.proof("https://i/token", "j", nonce, 9).expect("a proof");
                let (input, signature) = proof.rsplit_once('.').expect("three parts");
                let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
                assert!(verifies(&pair.public, alg, input.as_bytes(), &signature), "{alg:?}");
                let part = |part: &str| -> Value {
                    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
                };
                let (header, claims) = input.split_once('.').expect("two parts");
                let (header, claims) = (part(header), part(claims));
                let jwk =
                    edgemint_issuer::PublicKey::parse(&header["jwk"].to_string()).expect("a public key");
                assert_eq!(jwk.thumbprint(), pair.public.thumbprint());
                assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!(alg.name())));
                let mut expected = json!({ "jti": "j", "htm": "POST", "htu": "https://i/token", "iat": 9 });
                if nonce.is_some() {
                    expected["nonce"] = json!("n");
                }
                assert_eq!(claims, expected);
            }
        }
        let key =
            PrivateKey::parse(r#"{"kty":"RSA","d":"hunter2","alg":"RS256"}"#).expect("it looks like one");
        let refused = key.proof("https://i/token", "j", None, 9).map(|_| ()).expect_err("RS256").to_string();
        assert_eq!(refused, "a DPoP proof cannot be signed with RS256");
    }

    #[test]
    fn what_is_not_a_private_key_of_a_client_is_refused_without_its_text() {
        for (text, told) in [
            ("", "not a private JWK"),
            ("-----BEGIN PRIVATE KEY-----", "PEM is not supported"),
            (r#"{"kty":"EC","x":"hunter2"}"#, "a public key"),
            (r#"{"kty":"EC","d":"hunter2","alg":"HS256"}"#, "sign only with"),
            (r#"{"kty":"EC","d":"hunter2","alg":"ES384"}"#, "sign only with"),
            (r#"{"kty":"oct","d":"hunter2"}"#, "sign only with"),
            (r#"{"kty":"EC","d":"hunter2","alg":7}"#, "not a private JWK"),
        ] {
            let refused = PrivateKey::parse(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.contains(told) && !refused.contains("hunter2"), "{text}: {refused}");
        }
        let key = PrivateKey::parse(r#"{"kty":"EC","d":"hunter2"}"#).expect("it looks like one");
        assert!(key.sign(b"x").is_err_and(|error| !error.to_string().contains("hunter2")));
    }
}
