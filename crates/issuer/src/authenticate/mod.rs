//! Client authentication (RFC 6749 §2.3): from what a request presents to a proven client.

mod assertion;
mod certificate;
mod decoy;
pub(crate) mod proven;
pub(crate) mod rate_limit;
mod times;

use std::rc::Rc;

use crate::authenticate::proven::{Digest, Pbkdf2, Proven};
use crate::authenticate::rate_limit::RateLimiter;
use crate::config::Config;
use crate::error::TokenError;
use crate::error::client::ClientError;
use crate::error::code::ErrorCode;
use crate::error::fault::Fault;
use crate::log::event::Proof;
use crate::log::trail::Trail;
use crate::ports::{
    ClientStore, ForeignVerifier, IssuerStore, KeySource, LocationCache, RateLimit, SingleUse, SlowHash,
};
use crate::records::client::ClientRecord;
use crate::records::client_id::ClientId;
use crate::registry::Registry;
use crate::registry::remote_keys::RemoteKeys;
use crate::request::authentication::Authentication;
use crate::request::credentials::{Credentials, Presented};
use crate::secret::hash::{SecretHash, digest};

/// A client that has proven its identity. Only this module can construct it, and authorization requires one.
#[derive(Debug)]
pub struct AuthenticatedClient {
    record: Rc<ClientRecord>,
    proof: Proof,
    /// The assertion that it presented, if that may be used only once.
    used: Option<SingleUse>,
}

impl AuthenticatedClient {
    /// The client's record.
    pub(crate) fn record(&self) -> &ClientRecord {
        &self.record
    }

    /// What proved its identity.
    pub(crate) fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The assertion that it presented, if that may be used only once. It is not used yet.
    pub(crate) fn single_use(&self) -> Option<&SingleUse> {
        self.used.as_ref()
    }

    fn by_secret(record: Rc<ClientRecord>, secret_id: &str) -> Self {
        Self { record, proof: Proof::Secret(secret_id.to_owned()), used: None }
    }
}

/// The most slow hashes that the issuer computes for one request. Each takes about 11 ms, and the free plan
/// grants a request 10 ms. A client needs at most four: two secrets during a rotation, times two readings of
/// HTTP Basic.
pub const MAX_SLOW_HASHES: usize = 4;

/// How far an attempt came. 0: no client. 1: a client. 2: one of its secrets, or a state of the client. 3: a
/// broken record.
fn progress(failure: &TokenError) -> u8 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "an order of reasons: nothing is allowed by it")]
    match failure {
        TokenError::Client(ClientError::UnknownClient) => 0,
        TokenError::Client(ClientError::NoCredentials) | TokenError::Client(ClientError::WrongSecret) => 1,
        TokenError::Fault(Fault::CorruptRecord(..)) => 3,
        _ => 2,
    }
}

/// The tools that authenticate clients.
pub(crate) struct Authenticator<'a, C, H, B> {
    pub(crate) config: &'a Config,
    pub(crate) remote_keys: &'a RemoteKeys,
    pub(crate) clients: &'a Registry<C>,
    pub(crate) hasher: &'a H,
    pub(crate) proven: &'a Proven,
    pub(crate) limiter: &'a RateLimiter<B>,
    pub(crate) trail: &'a Trail,
}

/// The result of comparing one reading of the credentials with the fast hashes.
enum Fast {
    /// It is a secret of this client.
    Proven(AuthenticatedClient),
    /// It may be one of the client's imported secrets. The error is the reason if it is not.
    Open(Rc<ClientRecord>, TokenError),
}

/// An imported secret that one reading of the credentials may match.
struct Candidate<'a> {
    presented: &'a Presented,
    record: &'a Rc<ClientRecord>,
    secret_id: &'a str,
    parts: Pbkdf2<'a>,
    digest: Digest,
}

impl Candidate<'_> {
    fn proven(&self) -> AuthenticatedClient {
        AuthenticatedClient::by_secret(Rc::clone(self.record), self.secret_id)
    }
}

impl<C: ClientStore + IssuerStore + LocationCache + KeySource, H: SlowHash + ForeignVerifier, B: RateLimit>
    Authenticator<'_, C, H, B>
{
    /// Proves which client sent a request.
    pub(crate) async fn authenticate(
        &self,
        authentication: &Authentication,
    ) -> Result<AuthenticatedClient, TokenError> {
        match authentication {
            // Before anything is looked up, because nothing that is stored can make it allowed.
            Authentication::Secret(_) if self.config.fapi => Err(ClientError::SecretNotAllowed.into()),
            Authentication::Secret(credentials) => self.by_secret(credentials).await,
            Authentication::Certificate(presented) => self.by_certificate(presented).await,
            Authentication::Assertion(assertion) => self.by_assertion(assertion).await,
        }
    }
}

impl<C: ClientStore + LocationCache, H: SlowHash, B: RateLimit> Authenticator<'_, C, H, B> {
    /// Tries each reading of the credentials. When none proves a client, the error is that of the reading
    /// that came furthest. If two came equally far, the first one counts.
    ///
    /// The rate limit (RFC 6749 §2.3.1) counts each slow hash before it is computed, and each failure. It
    /// never stops a correct generated secret, whatever others in the same network do, because such a secret
    /// cannot be guessed.
    async fn by_secret(&self, credentials: &Credentials) -> Result<AuthenticatedClient, TokenError> {
        let readings = credentials.readings();
        let mut failure = TokenError::Client(ClientError::UnknownClient);
        let mut open = Vec::new();
        for presented in readings {
            let error = match self.try_fast(presented).await {
                Ok(Fast::Proven(client)) => return Ok(client),
                Ok(Fast::Open(record, error)) => {
                    open.push((presented, record));
                    error
                }
                Err(error @ TokenError::Fault(Fault::StoreUnavailable(_))) => return Err(error),
                Err(error) => error,
            };
            if progress(&error) > progress(&failure) {
                failure = error;
            }
        }
        // The clients that this request was counted against.
        let mut counted: Vec<&ClientId> = Vec::new();
        if !open.is_empty() {
            let candidates = self.candidates(&open, MAX_SLOW_HASHES / readings.len().max(1))?;
            if let Some(client) = self.try_slow(&candidates, &mut counted).await? {
                return Ok(client);
            }
        }
        if ErrorCode::from(&failure) == ErrorCode::InvalidClient {
            for Presented { id, .. } in readings {
                self.limiter.failed(id, counted.contains(&id), self.trail).await?;
                counted.push(id);
            }
        }
        Err(failure)
    }

    /// Finds the client, and compares the presented secret with the fast hashes. An empty secret matches
    /// nothing.
    async fn try_fast(&self, presented: &Presented) -> Result<Fast, TokenError> {
        let found = self.clients.find(&presented.id, self.trail).await?;
        // Done before any decision, so that an unknown client costs the same work.
        let digest = std::hint::black_box(digest(&presented.secret));
        let record = found.ok_or(TokenError::Client(ClientError::UnknownClient))?;
        // Refused before the imported secrets are compared, because no secret lets such a client in.
        if record.disabled {
            return Err(ClientError::ClientDisabled.into());
        }
        if record.public {
            return Err(ClientError::PublicClient.into());
        }
        if record.secrets.is_empty() {
            return Err(ClientError::NoSecret.into());
        }
        if presented.secret.is_empty() {
            return Err(ClientError::NoCredentials.into());
        }
        let mut refused = TokenError::Client(ClientError::WrongSecret);
        for stored in record.secrets.iter().filter(|stored| stored.hash.is_digest(&digest)) {
            if stored.is_live(self.trail.now) {
                return Ok(Fast::Proven(AuthenticatedClient::by_secret(Rc::clone(&record), &stored.id)));
            }
            refused = TokenError::Client(ClientError::SecretExpired { secret_id: stored.id.clone() });
        }
        Ok(Fast::Open(record, refused))
    }

    /// The imported secrets that could let a client in: the first `each` of each record that have not
    /// expired.
    fn candidates<'r>(
        &self,
        open: &'r [(&'r Presented, Rc<ClientRecord>)],
        each: usize,
    ) -> Result<Vec<Candidate<'r>>, TokenError> {
        let mut candidates = Vec::new();
        for (presented, record) in open {
            let live = record.secrets.iter().filter(|stored| stored.is_live(self.trail.now));
            let slow = live.filter_map(|stored| match &stored.hash {
                SecretHash::Pbkdf2 { iterations, salt, derived } => {
                    Some((&stored.id, Pbkdf2 { iterations: *iterations, salt, derived }))
                }
                SecretHash::Sha256(_) => None,
            });
            for (secret_id, parts) in slow.take(each) {
                let network = self.trail.network.as_deref();
                let digest = self.proven.digest(&parts, &presented.secret, network);
                let digest = digest.map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))?;
                candidates.push(Candidate { presented, record, secret_id, parts, digest });
            }
        }
        Ok(candidates)
    }

    /// The client of the candidate that matches. A secret that this network proved before costs nothing.
    /// Otherwise each candidate is counted and computed.
    async fn try_slow<'r>(
        &self,
        candidates: &[Candidate<'r>],
        counted: &mut Vec<&'r ClientId>,
    ) -> Result<Option<AuthenticatedClient>, TokenError> {
        let now = self.trail.now;
        if let Some(known) = candidates.iter().find(|candidate| self.proven.is_known(&candidate.digest, now))
        {
            self.limiter.count_proven(&known.presented.id, self.trail).await?;
            return Ok(Some(known.proven()));
        }
        for candidate in candidates {
            let Candidate { presented: Presented { id, secret }, parts, digest, .. } = candidate;
            counted.push(id);
            self.limiter.count(id, self.trail).await?;
            let matches = self.proven.prove(self.hasher, parts, secret, *digest, now).await;
            if matches.map_err(|why| TokenError::Fault(Fault::CryptoUnavailable(why)))? {
                return Ok(Some(candidate.proven()));
            }
        }
        Ok(None)
    }
}
