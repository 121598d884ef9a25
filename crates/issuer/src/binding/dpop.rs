//! Verification of a DPoP proof at the token endpoint (RFC 9449 §4.3).

use crate::binding::nonce::{Nonces, Standing};
use crate::config::Config;
use crate::error::TokenError;
use crate::error::fault::Fault;
use crate::error::proof::{BindingError, ProofFlaw};
use crate::grammar::http_uri::normalised;
use crate::grammar::numeric_date::seconds;
use crate::ports::{ForeignVerifier, Verdict};
use crate::request::dpop::DpopProof;

/// How far `iat` may be from the time of the request, in seconds: with a nonce the proof is known to be new, so
/// the clock of the client counts less.
struct Window {
    back: f64,
    ahead: f64,
}

const WITHOUT_NONCE: Window = Window { back: 60.0, ahead: 10.0 };

const WITH_NONCE: Window = Window { back: 300.0, ahead: 60.0 };

/// How long after `exp` a proof is still accepted, in seconds.
const AFTER_EXP: f64 = 10.0;

/// A proof that is accepted.
pub(crate) struct Accepted {
    /// The thumbprint of its key (RFC 7638).
    pub(crate) thumbprint: String,
    /// Whether its nonce, if one is required, is the current one.
    pub(crate) nonce_is_current: bool,
}

/// The tools that verify proofs.
pub(crate) struct ProofJudge<'a, S> {
    pub(crate) config: &'a Config,
    /// The nonces, if the deployment requires them. Otherwise, the claim `nonce` is ignored.
    pub(crate) nonces: Option<&'a Nonces>,
    pub(crate) verifier: &'a S,
    /// The time of the request, in seconds since 1970.
    pub(crate) now: u64,
}

impl<S: ForeignVerifier> ProofJudge<'_, S> {
    /// Verifies the proof in the header `DPoP` of a token request. The signature comes last, because it costs the
    /// most.
    pub(crate) async fn judge(&self, header: &str) -> Result<Accepted, TokenError> {
        let proof = DpopProof::read(header).map_err(flawed)?;
        if proof.method != "POST" {
            return Err(flawed(ProofFlaw::Method));
        }
        if !self.is_token_endpoint(&proof.uri) {
            return Err(flawed(ProofFlaw::Uri));
        }
        let (window, nonce_is_current) = match self.nonces {
            None => (WITHOUT_NONCE, true),
            Some(nonces) => (WITH_NONCE, self.check_nonce(nonces, proof.nonce.as_deref())?),
        };
        check_times(&proof, &window, seconds(self.now)).map_err(flawed)?;
        let DpopProof { key, alg, input, signature, .. } = &proof;
        let verdict = self.verifier.verify_once(key, *alg, input.as_bytes(), signature).await;
        match verdict.map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))? {
            Verdict::Valid => Ok(Accepted { thumbprint: key.thumbprint().to_owned(), nonce_is_current }),
            Verdict::Invalid | Verdict::UnusableKey => Err(flawed(ProofFlaw::Signature)),
        }
    }

    /// Whether the nonce is the current one. An error if it is not accepted.
    fn check_nonce(&self, nonces: &Nonces, nonce: Option<&str>) -> Result<bool, BindingError> {
        let nonce = nonce.ok_or(BindingError::NonceMissing)?;
        match nonces.judge(nonce, self.config.keys.active_index(self.now), self.now) {
            Standing::Current => Ok(true),
            Standing::Accepted => Ok(false),
            Standing::Unknown => Err(BindingError::NonceUnknown),
        }
    }

    /// Whether `uri` is the token endpoint as the configuration names it, never as the request does.
    fn is_token_endpoint(&self, uri: &str) -> bool {
        let endpoint = |base: &str| format!("{base}/token");
        let bases = [Some(self.config.issuer.base()), self.config.mtls_base.as_deref()];
        let mut endpoints = bases.into_iter().flatten().map(endpoint);
        // Most clients send exactly the URL that discovery names.
        endpoints.clone().any(|endpoint| endpoint == uri)
            || normalised(uri).is_some_and(|uri| endpoints.any(|own| normalised(&own).as_ref() == Some(&uri)))
    }
}

fn flawed(flaw: ProofFlaw) -> TokenError {
    BindingError::Proof(flaw).into()
}

fn check_times(proof: &DpopProof, window: &Window, now: f64) -> Result<(), ProofFlaw> {
    let latest = now + window.ahead;
    if proof.iat > latest || proof.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(ProofFlaw::NotYetValid);
    }
    if proof.iat < now - window.back || proof.exp.is_some_and(|exp| exp < now - AFTER_EXP) {
        return Err(ProofFlaw::Expired);
    }
    Ok(())
}
