//! Client authentication by a signed assertion: with a key of the client (RFC 7523 §2.2), or by an issuer that
//! the operator trusts to identify workloads (RFC 7523 §3).

use std::cell::Cell;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::authenticate::decoy::decoy;
use crate::authenticate::times::{Bounds, Times};
use crate::authenticate::{AuthenticatedClient, Authenticator};
use crate::error::TokenError;
use crate::error::assertion::{AssertionError, AssertionFlaw, AssertionUse};
use crate::error::fault::Fault;
use crate::grammar::key_set_url::KeySetUrl;
use crate::grammar::token_id::token_id;
use crate::jose::jwks::MAX_TRIES;
use crate::jose::public_key::PublicKey;
use crate::jose::signature_algorithm::SignatureAlgorithm;
use crate::log::event::Proof;
use crate::ports::{
    ClientStore, ForeignVerifier, IssuerStore, KeySource, LocationCache, RateLimit, SingleUse, Unavailable,
    Verdict,
};
use crate::records::client::ClientRecord;
use crate::records::client_key::{AssertionAudience, DEFAULT_ASSERTION_LIFETIME};
use crate::records::identity::Mismatch;
use crate::records::platform::Platform;
use crate::records::trusted_issuer::{IssuerKeys, TrustedIssuer, TrustedIssuerId};
use crate::registry::remote_keys::Wanted;
use crate::request::assertion::{Assertion, Content, Typ};

/// How long an assertion is known after it has expired, in seconds: longer than the tolerance for `exp`.
const KNOWN_AFTER: u64 = 11;

/// The parts of the replay memory for the tokens of one issuer. The tokens of a client have one part.
const PARTS: u8 = 16;

/// Why an assertion proves nothing.
enum Failure {
    /// Because of the assertion.
    Flaw(AssertionFlaw),
    /// Because of something else, such as a store that fails.
    Other(TokenError),
}

impl From<AssertionFlaw> for Failure {
    fn from(flaw: AssertionFlaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Other(error)
    }
}

impl<C: ClientStore + IssuerStore + LocationCache + KeySource, H: ForeignVerifier, B: RateLimit>
    Authenticator<'_, C, H, B>
{
    /// Proves which client sent `assertion`.
    ///
    /// The signature is verified first, and only failures count against the rate limit: a signature cannot be
    /// guessed, so a correct assertion never meets the limit. The sender learns nothing from a failure.
    pub(super) async fn by_assertion(
        &self,
        assertion: &Assertion,
    ) -> Result<AuthenticatedClient, TokenError> {
        self.trail.saw(assertion.seen());
        let verified = Cell::new(0);
        let flaw = match self.judge(assertion, &verified).await {
            Ok(client) => return Ok(client),
            Err(Failure::Other(error)) => return Err(error),
            Err(Failure::Flaw(flaw)) => flaw,
        };
        if let Ok(content) = &assertion.content
            && verified.get() == 0
            && let Some(key) = decoy(content.alg)
        {
            self.verify(&key, content, &verified).await?;
        }
        if let Some(id) = &assertion.client {
            self.limiter.failed(id, false, self.trail).await?;
        }
        Err(AssertionError { flaw, used_as: assertion.used_as }.into())
    }

    async fn judge(
        &self,
        assertion: &Assertion,
        verified: &Cell<usize>,
    ) -> Result<AuthenticatedClient, Failure> {
        let content = assertion.content.as_ref().map_err(Clone::clone)?;
        let id = assertion.client.as_ref().ok_or(AssertionFlaw::NoClient)?;
        let record = self.clients.find(id, self.trail).await?.ok_or(AssertionFlaw::UnknownClient)?;
        if record.disabled {
            return Err(AssertionFlaw::ClientDisabled.into());
        }
        if record.public {
            return Err(AssertionFlaw::PublicClient.into());
        }
        let iss = content.text("iss").ok_or(AssertionFlaw::Claims)?;
        let is_own = assertion.used_as == AssertionUse::ClientAuthentication && !assertion.is_svid;
        let (proof, used) = if iss != id.as_str() {
            if self.config.fapi {
                return Err(AssertionFlaw::NotAllowed.into());
            }
            self.judge_identity(assertion, content, &record, iss, verified).await?
        } else if is_own {
            self.judge_own(content, &record, verified).await?
        } else {
            return Err(AssertionFlaw::Issuer.into());
        };
        Ok(AuthenticatedClient { record, proof, used })
    }

    /// Judges an assertion that the client signed itself.
    async fn judge_own(
        &self,
        content: &Content,
        record: &ClientRecord,
        verified: &Cell<usize>,
    ) -> Result<(Proof, Option<SingleUse>), Failure> {
        let id = record.id.as_str();
        let sub = content.text("sub").ok_or(AssertionFlaw::Claims)?;
        if sub != id {
            return Err(AssertionFlaw::Subject.into());
        }
        if content.typ == Typ::Jose {
            return Err(AssertionFlaw::Type.into());
        }
        if !self.config.assertion_algorithms().contains(&content.alg) {
            return Err(AssertionFlaw::Algorithm.into());
        }
        let kid = match &record.jwks_uri {
            Some(url) => self.verify_by_fetched(content, record, url, verified).await?,
            None => self.verify_by_registered(content, record, verified).await?,
        };
        self.trail.learned(|seen| seen.verified(id, sub));

        let issuer = &self.config.issuer;
        let endpoint = || format!("{}/token", issuer.base());
        let aud = content.text("aud").ok_or(AssertionFlaw::Audience)?;
        // FAPI 2.0 §5.3.2.1 item 8 accepts only the issuer.
        let may_be_endpoint =
            !self.config.fapi && record.assertion_audience == Some(AssertionAudience::TokenEndpoint);
        if aud != issuer.as_str() && !(may_be_endpoint && aud == endpoint()) {
            return Err(AssertionFlaw::Audience.into());
        }
        let longest = record.assertion_lifetime.unwrap_or(DEFAULT_ASSERTION_LIFETIME.seconds());
        let times = Times::read(&content.claims).ok_or(AssertionFlaw::Claims)?;
        times.check(&Bounds::OfClient { longest }, self.trail.now)?;
        let jti = token_id(&content.claims).ok_or(AssertionFlaw::TokenId)?;
        let used = SingleUse {
            part: format!("client {id}"),
            key: fingerprint("client", id, jti),
            until: times.ends().saturating_add(KNOWN_AFTER),
        };
        Ok((Proof::Key(kid), Some(used)))
    }

    /// The `kid` of the registered key that signed.
    async fn verify_by_registered(
        &self,
        content: &Content,
        record: &ClientRecord,
        verified: &Cell<usize>,
    ) -> Result<String, Failure> {
        let is_named = |kid: &str| content.kid.as_deref().is_none_or(|named| named == kid);
        let keys = record.keys.iter().filter(|key| key.alg == content.alg && is_named(&key.kid));
        let mut flaw = AssertionFlaw::UnknownKey;
        for key in keys.take(MAX_TRIES) {
            if !key.is_live(self.trail.now) {
                flaw = AssertionFlaw::KeyExpired { kid: key.kid.clone() };
            } else if self.verify(&key.jwk, content, verified).await? {
                return Ok(key.kid.clone());
            } else {
                flaw = AssertionFlaw::Signature;
            }
        }
        Err(flaw.into())
    }

    /// The `kid`, or else the thumbprint, of the key at the client's URL that signed.
    async fn verify_by_fetched(
        &self,
        content: &Content,
        record: &ClientRecord,
        url: &KeySetUrl,
        verified: &Cell<usize>,
    ) -> Result<String, Failure> {
        let rsa =
            if record.jwks_algs.is_empty() { &[SignatureAlgorithm::Ps256][..] } else { &record.jwks_algs };
        let may_sign = |key: &PublicKey| key.alg().is_some() || rsa.contains(&content.alg);
        let wanted = Wanted { url, uses: &["sig"], kid: content.kid.as_deref() };
        let key = self.verify_by_set(content, &wanted, may_sign, verified).await?;
        Ok(key.kid().unwrap_or(key.thumbprint()).to_owned())
    }

    /// The key at a URL that signed.
    async fn verify_by_set(
        &self,
        content: &Content,
        wanted: &Wanted<'_>,
        may_sign: impl Fn(&PublicKey) -> bool,
        verified: &Cell<usize>,
    ) -> Result<PublicKey, Failure> {
        if wanted.url.is_local() && !self.config.issuer.is_local() {
            let why = Unavailable::new("only a deployment on this machine may fetch it");
            return Err(TokenError::Fault(Fault::KeysUnavailable(wanted.url.to_string(), why)).into());
        }
        let set = self.remote_keys.find(wanted, self.clients.store(), self.trail).await?;
        let keys = set.candidates(wanted.kid, content.alg).filter(|key| may_sign(key));
        self.verify_by_any(content, keys, verified).await
    }

    /// The one of `keys` that signed.
    async fn verify_by_any<'k>(
        &self,
        content: &Content,
        keys: impl Iterator<Item = &'k PublicKey>,
        verified: &Cell<usize>,
    ) -> Result<PublicKey, Failure> {
        let mut flaw = AssertionFlaw::UnknownKey;
        for key in keys {
            if self.verify(key, content, verified).await? {
                return Ok(key.clone());
            }
            flaw = AssertionFlaw::Signature;
        }
        Err(flaw.into())
    }

    /// Judges the identity token of a workload, whose issuer `iss` a rule of the client must name.
    async fn judge_identity(
        &self,
        assertion: &Assertion,
        content: &Content,
        record: &Rc<ClientRecord>,
        iss: &str,
        verified: &Cell<usize>,
    ) -> Result<(Proof, Option<SingleUse>), Failure> {
        // A stranger's `iss` never becomes a key of the store: only one that a rule names.
        let own = self.config.issuer.as_str();
        let rules = || record.identities.iter().filter(|rule| rule.issuer.as_str() == iss);
        let id = &rules().next().filter(|_| iss != own).ok_or(AssertionFlaw::Issuer)?.issuer;
        let issuer = self.trusted_issuer(id).await?;
        let is_spiffe = issuer.platform == Platform::Spiffe;
        if assertion.is_svid && !is_spiffe {
            return Err(AssertionFlaw::Issuer.into());
        }
        let is_typed = match content.typ {
            Typ::Absent | Typ::Jwt => true,
            Typ::Jose => is_spiffe,
            Typ::ClientAuthentication => false,
        };
        if !is_typed {
            return Err(AssertionFlaw::Type.into());
        }
        if !issuer.algs.contains(&content.alg) {
            return Err(AssertionFlaw::Algorithm.into());
        }
        let kid = content.kid.as_deref();
        match &issuer.keys {
            IssuerKeys::JwksUri(url) => {
                let wanted = Wanted { url, uses: issuer.platform.key_uses(), kid };
                self.verify_by_set(content, &wanted, |_| true, verified).await?;
            }
            IssuerKeys::Jwks(_) => {
                let keys = issuer.uploaded().candidates(kid, content.alg);
                self.verify_by_any(content, keys, verified).await?;
            }
        }
        let sub = content.text("sub").ok_or(AssertionFlaw::Claims)?;
        self.trail.learned(|seen| seen.verified(iss, sub));

        let times = Times::read(&content.claims).ok_or(AssertionFlaw::Claims)?;
        let bounds = Bounds::OfWorkload { max_age: issuer.max_age, needs_iat: !is_spiffe };
        times.check(&bounds, self.trail.now)?;
        let mut flaw = AssertionFlaw::Audience;
        let mut matching = None;
        for rule in rules() {
            if let Err(missing) = rule.check_pins(issuer.platform) {
                self.trail.goes_on_without(format!(
                    "the rule {} of this client does not pin {}, so it is skipped: replace it with `edgemint client trust`",
                    rule.id, missing.0
                ));
                flaw = AssertionFlaw::NoRule;
                continue;
            }
            match rule.matches(&content.claims, issuer.platform, own, self.trail.now) {
                Ok(()) => {
                    matching = Some(rule);
                    break;
                }
                Err(Mismatch::Audience) => {}
                Err(_) => flaw = AssertionFlaw::NoRule,
            }
        }
        let rule = matching.ok_or(flaw)?;
        self.trail.learned(|seen| seen.matched(&rule.id));
        let used = if issuer.single_use {
            let jti = token_id(&content.claims).ok_or(AssertionFlaw::TokenId)?;
            let key = fingerprint("identity", iss, jti);
            let part = key.first().copied().unwrap_or_default() % PARTS;
            let until = times.ends().saturating_add(KNOWN_AFTER);
            Some(SingleUse { part: format!("issuer {iss} {part}"), key, until })
        } else {
            None
        };
        Ok((Proof::Identity(rule.id.clone()), used))
    }

    /// The registered and enabled issuer `id`.
    async fn trusted_issuer(&self, id: &TrustedIssuerId) -> Result<Rc<TrustedIssuer>, Failure> {
        let not_trusted = || AssertionFlaw::IssuerNotTrusted(id.to_string());
        if id.is_local() && !self.config.issuer.is_local() {
            return Err(not_trusted().into());
        }
        let issuer = self.clients.find_issuer(id, self.trail).await?;
        Ok(issuer.filter(|issuer| !issuer.disabled).ok_or_else(not_trusted)?)
    }

    /// Whether `key` signed the assertion. A key that cannot be used did not.
    async fn verify(
        &self,
        key: &PublicKey,
        content: &Content,
        verified: &Cell<usize>,
    ) -> Result<bool, TokenError> {
        if !key.may_have_signed(&content.signature) {
            return Ok(false);
        }
        verified.set(verified.get() + 1);
        let Content { alg, input, signature, .. } = content;
        let verdict = self.hasher.verify_foreign(key, *alg, input.as_bytes(), signature).await;
        verdict
            .map(|verdict| verdict == Verdict::Valid)
            .map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))
    }
}

/// The SHA-256 of what identifies an assertion. No part but the last contains a zero byte: kinds are ours, and
/// the registered IDs are printable.
fn fingerprint(kind: &str, iss: &str, jti: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [kind, "\0", iss, "\0", jti] {
        hash.update(part);
    }
    hash.finalize().into()
}
