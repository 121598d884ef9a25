//! Client authentication (RFC 6749 §2.3.1): from what a request presents to a client that is proven.

use std::rc::Rc;

use crate::brake::Brakes;
use crate::client::{ClientId, ClientRecord, StoredSecret};
use crate::clients::Clients;
use crate::credentials::{Credentials, Presented};
use crate::error::TokenError;
use crate::error_code::ErrorCode;
use crate::ports::{Brake, ClientStore, SlowHash};
use crate::secret::{SecretHash, digest};
use crate::slow_hash::{Pbkdf2, Proven};
use crate::trail::Trail;

/// A client that has proven who it is. Made here alone, and a grant cannot be had without one.
#[derive(Debug)]
pub struct AuthenticatedClient {
    record: Rc<ClientRecord>,
    secret_id: String,
}

impl AuthenticatedClient {
    /// The client's record.
    pub(crate) fn record(&self) -> &ClientRecord {
        &self.record
    }

    /// Which of its secrets it presented.
    pub(crate) fn secret_id(&self) -> &str {
        &self.secret_id
    }
}

/// How far an attempt came: to no client, to a client, to one of its secrets or a state of its own, to a
/// record that is broken.
fn progress(failure: &TokenError) -> u8 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "an order of reasons: nothing is allowed by it")]
    match failure {
        TokenError::UnknownClient => 0,
        TokenError::NoCredentials | TokenError::WrongSecret => 1,
        TokenError::CorruptRecord(..) => 3,
        _ => 2,
    }
}

/// What the issuer authenticates clients with.
pub(crate) struct Authenticator<'a, C, H, B> {
    pub(crate) clients: &'a Clients<C>,
    pub(crate) hasher: &'a H,
    pub(crate) proven: &'a Proven,
    pub(crate) brakes: &'a Brakes<B>,
    pub(crate) trail: &'a Trail,
}

/// The clients that a request was counted against: each once, however often it is read.
type Counted<'c> = Vec<&'c ClientId>;

impl<C: ClientStore, H: SlowHash, B: Brake> Authenticator<'_, C, H, B> {
    /// Tries each reading of the credentials. When none proves a client, the error is that of the reading
    /// that came furthest, and of two that came as far, the first.
    ///
    /// The brake (RFC 6749 §2.3.1) is asked before a slow hash, and after a failure. So a generated secret that is right
    /// never meets it, whatever others in the same network do.
    pub(crate) async fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> Result<AuthenticatedClient, TokenError> {
        let mut failure = TokenError::UnknownClient;
        let mut counted = Counted::new();
        for presented in credentials.readings() {
            match self.try_reading(presented, &mut counted).await {
                Ok(client) => return Ok(client),
                Err(
                    error @ (TokenError::StoreUnavailable(_)
                    | TokenError::CryptoUnavailable(_)
                    | TokenError::Braked(_)),
                ) => return Err(error),
                Err(error) if progress(&error) > progress(&failure) => failure = error,
                Err(_) => {}
            }
        }
        if ErrorCode::from(&failure) == ErrorCode::InvalidClient {
            for presented in credentials.readings() {
                self.count(&presented.id, &mut counted).await?;
            }
        }
        Err(failure)
    }

    /// Counts this request as an attempt for `client`, unless that was done.
    async fn count<'c>(&self, client: &'c ClientId, counted: &mut Counted<'c>) -> Result<(), TokenError> {
        if counted.contains(&client) {
            return Ok(());
        }
        counted.push(client);
        self.brakes.count(client, self.trail).await
    }

    async fn try_reading<'c>(
        &self,
        presented: &'c Presented,
        counted: &mut Counted<'c>,
    ) -> Result<AuthenticatedClient, TokenError> {
        let found = self.clients.find(&presented.id, self.trail).await?;
        // The same work for a client that is not there, and before anything is decided.
        let digest = std::hint::black_box(digest(&presented.secret));
        let record = found.ok_or(TokenError::UnknownClient)?;
        let matching = self.matching(&record, presented, &digest, counted).await?;
        if record.disabled {
            return Err(TokenError::ClientDisabled);
        }
        if record.public {
            return Err(TokenError::PublicClient);
        }
        if record.secrets.is_empty() {
            return Err(TokenError::NoSecret);
        }
        let Some(secret) = matching else {
            let presented_none = presented.secret.is_empty();
            return Err(if presented_none { TokenError::NoCredentials } else { TokenError::WrongSecret });
        };
        let secret_id = secret.id.clone();
        if !secret.is_live(self.trail.now) {
            return Err(TokenError::SecretExpired { secret_id });
        }
        Ok(AuthenticatedClient { secret_id, record })
    }

    /// The stored secret that was presented, a live one before one that has expired; the fast hashes before
    /// the slow ones. An empty secret matches nothing.
    async fn matching<'r, 'c>(
        &self,
        record: &'r ClientRecord,
        Presented { id, secret }: &'c Presented,
        digest: &[u8; 32],
        counted: &mut Counted<'c>,
    ) -> Result<Option<&'r StoredSecret>, TokenError> {
        let mut matching: Option<&StoredSecret> = None;
        for stored in &record.secrets {
            if stored.hash.is_digest(digest) && matching.is_none_or(|known| !known.is_live(self.trail.now)) {
                matching = Some(stored);
            }
        }
        if secret.is_empty() {
            return Ok(None);
        }
        if matching.is_some_and(|known| known.is_live(self.trail.now)) {
            return Ok(matching);
        }
        for stored in &record.secrets {
            let SecretHash::Pbkdf2 { iterations, salt, derived } = &stored.hash else { continue };
            let parts = Pbkdf2 { iterations: *iterations, salt, derived };
            let digest = self.proven.digest(&parts, secret).map_err(TokenError::CryptoUnavailable)?;
            let matches = self.proven.is_known(&digest, self.trail.now) || {
                self.count(id, counted).await?;
                let matches = self.proven.prove(self.hasher, &parts, secret, digest, self.trail.now).await;
                matches.map_err(TokenError::CryptoUnavailable)?
            };
            if matches && matching.is_none_or(|known| !known.is_live(self.trail.now)) {
                matching = Some(stored);
            }
        }
        Ok(matching)
    }
}
