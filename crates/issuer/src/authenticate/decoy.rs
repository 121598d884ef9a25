//! Keys that no one uses: a request for a client that does not exist verifies one signature with such a key,
//! so it costs as much as a request for one that does.

use crate::jose::public_key::PublicKey;
use crate::jose::signature_algorithm::SignatureAlgorithm as Alg;

/// A key for signatures of `alg`. No one needs its private part. The key of P-256 is that of RFC 7515 A.3,
/// the one of RSA that of A.2, and the one of Ed25519 that of RFC 8037 A.2.
pub(super) fn decoy(alg: Alg) -> Option<PublicKey> {
    let jwk = match alg {
        Alg::Es256 => {
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
        }
        Alg::Es384 => {
            r#"{"kty":"EC","crv":"P-384","x":"Bg4353DwxmTv1an392OcSnLhlzY-icF3CXY8lnr4e4NWrGIA8ATSGj0z5euOo0G7","y":"HkUkQbocNJj01uSrTooaX8iHlyxEjulaHCbaqohW7Lij1ugvBTJ_AIMTKvXJXIjv"}"#
        }
        Alg::EdDsa => r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        Alg::Ps256 | Alg::Rs256 => {
            r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#
        }
    };
    PublicKey::parse(jwk).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_one() {
        for alg in Alg::ALL {
            assert!(decoy(alg).expect("a key").serves(alg), "{alg:?}");
        }
    }
}
