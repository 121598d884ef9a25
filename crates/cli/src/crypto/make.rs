//! New key pairs.

use anyhow::{Context as _, Result, anyhow, bail};
use edgemint_issuer::{PublicKey, SignatureAlgorithm};
use jwt_compact::alg::SecretBytes;
use jwt_compact::jwk::JsonWebKey;
use rsa::rand_core::{CryptoRng, Error, RngCore, impls};
use rsa::traits::PrivateKeyParts as _;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::host::Host;

const RSA_BITS: usize = 2048;

/// The type of a key pair.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Material {
    P256,
    Ed25519,
    Rsa,
}

/// Makes a key pair, and passes it to `use_it` as a private JWK.
pub(crate) fn with_new<T>(
    material: Material,
    host: &Host,
    use_it: impl FnOnce(&JsonWebKey<'_>) -> Result<T>,
) -> Result<T> {
    match material {
        Material::P256 => {
            let secret = Zeroizing::new(host.random_bytes::<32>()?);
            // Fewer than 2^225 of the 2^256 numbers are not below the order of the curve.
            let key = p256::ecdsa::SigningKey::from_slice(secret.as_slice());
            let key = key.context("cannot make a key of these random bytes. Run the command again.")?;
            use_it(&JsonWebKey::from(&key))
        }
        Material::Ed25519 => {
            let secret = Zeroizing::new(host.random_bytes::<32>()?);
            let key = ed25519_dalek::SigningKey::from_bytes(&secret);
            use_it(&JsonWebKey::from(&key))
        }
        Material::Rsa => {
            let mut key =
                rsa::RsaPrivateKey::new(&mut Random(host), RSA_BITS).context("cannot generate an RSA key")?;
            key.precompute().context("cannot generate an RSA key")?;
            use_it(&with_crt_values(&key)?)
        }
    }
}

/// A key pair of a client.
pub(crate) struct KeyPair {
    /// The private JWK, as one line.
    pub(crate) private: Zeroizing<String>,
    pub(crate) public: PublicKey,
    pub(crate) kid: String,
}

/// Makes a key pair for the assertions of a client. Without `kid`, its ID is its thumbprint.
pub(crate) fn of_client(alg: SignatureAlgorithm, kid: Option<&str>, host: &Host) -> Result<KeyPair> {
    #[derive(Serialize)]
    struct PrivateJwk<'a> {
        #[serde(flatten)]
        key: &'a JsonWebKey<'a>,
        alg: &'static str,
        kid: &'a str,
    }
    let material = match alg {
        SignatureAlgorithm::Es256 => Material::P256,
        SignatureAlgorithm::EdDsa => Material::Ed25519,
        SignatureAlgorithm::Ps256 | SignatureAlgorithm::Rs256 => Material::Rsa,
        SignatureAlgorithm::Es384 => bail!("cannot generate a key for ES384: clients do not sign with it"),
    };
    with_new(material, host, |key| {
        let public = serde_json::to_string(&key.to_verifying_key())?;
        let public = PublicKey::parse(&public).map_err(|error| anyhow!("cannot use the new key: {error}"))?;
        let kid = kid.unwrap_or(public.thumbprint()).to_owned();
        let private = serde_json::to_string(&PrivateJwk { key, alg: alg.name(), kid: &kid });
        let private = Zeroizing::new(private.context("cannot write the key as JSON")?);
        Ok(KeyPair { private, public, kid })
    })
}

/// Adds the CRT values, which jwt-compact leaves out and WebCrypto requires (RFC 7518 §6.3.2).
fn with_crt_values(key: &rsa::RsaPrivateKey) -> Result<JsonWebKey<'_>> {
    let bytes = |n: &rsa::BigUint| SecretBytes::owned(n.to_bytes_be());
    let mut jwk = JsonWebKey::from(key);
    if let JsonWebKey::Rsa { private_parts: Some(parts), .. } = &mut jwk
        && let (Some(dp), Some(dq), Some(qi)) = (key.dp(), key.dq(), key.crt_coefficient())
    {
        parts.p_crt_exponent = Some(bytes(dp));
        parts.q_crt_exponent = Some(bytes(dq));
        parts.q_crt_coefficient = Some(bytes(&qi));
        return Ok(jwk);
    }
    bail!("cannot use the generated RSA key: its CRT values are missing")
}

/// The host's random source, with the interface that the `rsa` crate requires.
struct Random<'a>(&'a Host);

impl RngCore for Random<'_> {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        // Without randomness, no key may be generated, and this trait method cannot return an error.
        #[expect(
            clippy::expect_used,
            reason = "this method cannot return an error, and must not ignore one"
        )]
        (self.0.random)(buffer).expect("random bytes from this machine");
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        (self.0.random)(buffer).map_err(Error::new)
    }
}

impl CryptoRng for Random<'_> {}
