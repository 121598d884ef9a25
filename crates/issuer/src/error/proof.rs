//! A token that must be bound to a key or a certificate, or a proof of possession that is not accepted.

use std::borrow::Cow;

use crate::error::code::ErrorCode as Code;
use crate::error::row::Row;
use crate::jose::public_key::PublicKeyError;

/// Why no token is issued, although the client is proven: it does not prove possession of what the token
/// must be bound to. One row for each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingError {
    /// The DPoP proof is not accepted (RFC 9449 §4.3).
    Proof(ProofFlaw),
    /// The proof has no nonce, although the deployment requires one (RFC 9449 §8).
    NonceMissing,
    /// The nonce of the proof is old, or not one of this issuer's.
    NonceUnknown,
    /// A proof is required, and none came.
    ProofMissing,
    /// Only a certificate may bind the token, and a proof came.
    ProofNotAllowed,
    /// A bound token is required, and nothing came that could bind it.
    Unbound,
}

/// Why a DPoP proof is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofFlaw {
    /// Longer than 4 KiB.
    TooLarge,
    /// More than one header `DPoP`.
    Several,
    /// Not a compact JWS with a JSON object as header and as claims, or one that repeats a member.
    Malformed,
    /// The header has `crit`, `b64`, `jku` or `x5u`.
    Header,
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `alg` is not supported, or does not belong to the key.
    Algorithm,
    /// The header has no `jwk`.
    NoKey,
    /// `jwk` is not a usable public key.
    Key(PublicKeyError),
    /// `htm`, `htu` or `iat` is missing, or a claim is malformed.
    Claims,
    /// `jti` is missing or malformed.
    TokenId,
    /// `htm` is not `POST`.
    Method,
    /// `htu` is not the token endpoint.
    Uri,
    /// `iat` is too old, or `exp` is over.
    Expired,
    /// `iat` or `nbf` is in the future.
    NotYetValid,
    /// The signature does not match, or the key cannot be used.
    Signature,
}

impl ProofFlaw {
    /// The reason as a stable name, and the detail for the log.
    fn row(self) -> (&'static str, Cow<'static, str>) {
        match self {
            Self::TooLarge => (
                "dpop_too_large",
                "the DPoP proof is longer than 4 KiB. Configure the client to put only the required claims into it.".into(),
            ),
            Self::Several => (
                "dpop_repeated",
                "the request has more than one header DPoP. Send one proof with each request.".into(),
            ),
            Self::Malformed => (
                "dpop_malformed",
                "the DPoP proof is not a compact JWT with a header of at most 1 KiB, or it repeats a member. Let a library \
                 make the proof."
                    .into(),
            ),
            Self::Header => (
                "dpop_header",
                "the header of the DPoP proof has crit, b64, jku or x5u. Sign it without these members.".into(),
            ),
            Self::Type => (
                "dpop_type",
                "`typ` in the header of the DPoP proof is not `dpop+jwt`. Let a library make the proof.".into(),
            ),
            Self::Algorithm => (
                "dpop_algorithm",
                "`alg` of the DPoP proof is not ES256, PS256 or EdDSA, or does not belong to its key. Configure the client \
                 to sign proofs with one of them."
                    .into(),
            ),
            Self::NoKey => (
                "dpop_key",
                "the header of the DPoP proof has no `jwk`. Let a library make the proof.".into(),
            ),
            Self::Key(error) => (
                "dpop_key",
                format!("the key in the DPoP proof cannot be used: {error}. Make a new key at the client.").into(),
            ),
            Self::Claims => (
                "dpop_claims",
                "a claim of the DPoP proof is missing or malformed. Send `htm`, `htu`, `iat` and `jti`, and times as numbers."
                    .into(),
            ),
            Self::TokenId => (
                "dpop_jti",
                "`jti` of the DPoP proof is missing, or not 1 to 256 characters. Send a new random `jti` each time."
                    .into(),
            ),
            Self::Method => (
                "dpop_method",
                "`htm` of the DPoP proof is not `POST`. Make the proof for this request.".into(),
            ),
            Self::Uri => (
                "dpop_uri",
                "`htu` of the DPoP proof is not the token endpoint below ISSUER or MTLS_HOST. Make the proof for the URL that \
                 discovery names."
                    .into(),
            ),
            Self::Expired => (
                "dpop_expired",
                "the DPoP proof is too old. Make a new one for each request, and correct the clock of the client, or set \
                 DPOP_NONCE=required, so that its clock counts less."
                    .into(),
            ),
            Self::NotYetValid => (
                "dpop_not_yet_valid",
                "`iat` or `nbf` of the DPoP proof is in the future. Correct the clock of the client, or set \
                 DPOP_NONCE=required, so that its clock counts less."
                    .into(),
            ),
            Self::Signature => (
                "dpop_signature",
                "the signature of the DPoP proof does not match the key in it. Let a library make the proof.".into(),
            ),
        }
    }
}

impl BindingError {
    /// The row of this reason. There is no wildcard arm, so a new reason does not compile without its row.
    pub(super) fn row(&self) -> Row {
        match self {
            Self::Proof(flaw) => {
                let (reason, detail) = flaw.row();
                Row::new(Code::InvalidDpopProof, reason, "Invalid DPoP proof.", detail)
            }
            Self::NonceMissing => Row::new(
                Code::UseDpopNonce,
                "dpop_nonce_missing",
                "Use the nonce of the header DPoP-Nonce in the DPoP proof.",
                "the DPoP proof has no nonce. Let the client repeat the request with the nonce of this answer, or use a library \
                 that does.",
            ),
            Self::NonceUnknown => Row::new(
                Code::UseDpopNonce,
                "dpop_nonce_unknown",
                "Use the nonce of the header DPoP-Nonce in the DPoP proof.",
                "the nonce of the DPoP proof is old, or of another issuer. Let the client repeat the request with the nonce of this \
                 answer, or use a library \
                 that does.",
            ),
            Self::ProofMissing => Row::new(
                Code::InvalidDpopProof,
                "dpop_missing",
                "A DPoP proof is required.",
                "tokens for this client or this API must be bound by DPoP, and the request has no header DPoP. Let the \
                 client send a proof, or run `edgemint client require-bound` or `edgemint api set --bound`.",
            ),
            Self::ProofNotAllowed => Row::new(
                Code::InvalidDpopProof,
                "dpop_not_allowed",
                "A DPoP proof is not accepted for this token.",
                "tokens for this client or this API must be bound to a certificate, and the request has a header DPoP. Let \
                 the client send no proof, or run `edgemint client require-bound` or `edgemint api set --bound`.",
            ),
            Self::Unbound => Row::new(
                Code::InvalidRequest,
                "unbound",
                "A sender-constrained token is required.",
                "tokens for this client or this API must be bound, and the request has neither a DPoP proof nor a usable \
                 certificate. Let the client send one, or run `edgemint client require-bound` or `edgemint api set --bound`.",
            ),
        }
    }
}
