//! A DPoP proof (RFC 9449 §4.2): read and bounded, but not yet verified.

use serde_json::Value;

use crate::error::proof::ProofFlaw;
use crate::grammar::limits::MAX_DPOP;
use crate::grammar::members::Members;
use crate::grammar::numeric_date::numeric_date;
use crate::grammar::token_id::token_id;
use crate::jose::jws::Jws;
use crate::jose::public_key::PublicKey;
use crate::jose::signature_algorithm::SignatureAlgorithm;

/// A well-formed proof. Nothing in it is verified.
#[derive(Debug)]
pub(crate) struct DpopProof {
    /// The key that the sender claims to have.
    pub(crate) key: PublicKey,
    pub(crate) alg: SignatureAlgorithm,
    /// The method of the request (`htm`).
    pub(crate) method: String,
    /// The URI of the request (`htu`).
    pub(crate) uri: String,
    /// `iat`, in seconds since 1970.
    pub(crate) iat: f64,
    pub(crate) nbf: Option<f64>,
    pub(crate) exp: Option<f64>,
    pub(crate) nonce: Option<String>,
    /// The signed text.
    pub(crate) input: String,
    pub(crate) signature: Vec<u8>,
}

impl DpopProof {
    /// Reads the header `DPoP`. A runtime joins several headers with a comma.
    pub(crate) fn read(header: &str) -> Result<Self, ProofFlaw> {
        if header.len() > MAX_DPOP {
            return Err(ProofFlaw::TooLarge);
        }
        if header.contains(',') {
            return Err(ProofFlaw::Several);
        }
        let jws = Jws::parse(header).ok_or(ProofFlaw::Malformed)?;
        if jws.is_dangerous() {
            return Err(ProofFlaw::Header);
        }
        if jws.header("typ") != Some("dpop+jwt") {
            return Err(ProofFlaw::Type);
        }
        let alg = jws.header("alg").and_then(SignatureAlgorithm::named);
        let alg =
            alg.filter(|alg| SignatureAlgorithm::OF_PROOFS.contains(alg)).ok_or(ProofFlaw::Algorithm)?;
        let key = jws.member("jwk").ok_or(ProofFlaw::NoKey)?;
        let key = PublicKey::read(key, &["sig"]).map_err(ProofFlaw::Key)?;
        if !key.serves(alg) {
            return Err(ProofFlaw::Algorithm);
        }
        if !alg.may_have_length(jws.signature.len()) || !key.may_have_signed(&jws.signature) {
            return Err(ProofFlaw::Signature);
        }
        let claims = jws.claims().ok_or(ProofFlaw::Malformed)?;
        token_id(&claims).ok_or(ProofFlaw::TokenId)?;
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => numeric_date(value).map(Some).ok_or(ProofFlaw::Claims),
        };
        let owned = |name: &str| text(&claims, name).map(str::to_owned).ok_or(ProofFlaw::Claims);
        Ok(Self {
            method: owned("htm")?,
            uri: owned("htu")?,
            iat: time("iat")?.ok_or(ProofFlaw::Claims)?,
            nbf: time("nbf")?,
            exp: time("exp")?,
            nonce: if claims.contains_key("nonce") { Some(owned("nonce")?) } else { None },
            key,
            alg,
            input: jws.input.to_owned(),
            signature: jws.signature,
        })
    }
}

fn text<'a>(claims: &'a Members, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_signature_of_another_length_is_refused_before_it_is_verified() {
        let header = r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256",
            "x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}}"#;
        let claims = r#"{"jti":"a","htm":"POST","htu":"https://tokens.example.com/token","iat":0}"#;
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let read = |length: usize| {
            let signature = URL_SAFE_NO_PAD.encode(vec![1; length]);
            DpopProof::read(&format!("{input}.{signature}"))
        };
        assert_eq!(read(64).expect("a proof").input, input);
        for length in [0, 63, 65, 256] {
            assert_eq!(read(length).err(), Some(ProofFlaw::Signature), "{length}");
        }
    }
}
