//! Client authentication (RFC 6749 §2.3.1): from what a request presents to a client that is proven.

use std::rc::Rc;

use crate::client::{ClientRecord, StoredSecret};
use crate::clients::Clients;
use crate::credentials::{ClientSecret, Credentials, Presented};
use crate::error::TokenError;
use crate::ports::{ClientStore, SlowHash};
use crate::secret::{SecretHash, digest};
use crate::slow_hash::{Pbkdf2, Proven};

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
pub(crate) struct Authenticator<'a, C, H> {
    pub(crate) clients: &'a Clients<C>,
    pub(crate) hasher: &'a H,
    pub(crate) proven: &'a Proven,
    pub(crate) now: u64,
}

impl<C: ClientStore, H: SlowHash> Authenticator<'_, C, H> {
    /// Tries each reading of the credentials. When none proves a client, the error is that of the reading
    /// that came furthest, and of two that came as far, the first.
    pub(crate) async fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> Result<AuthenticatedClient, TokenError> {
        let mut failure = TokenError::UnknownClient;
        for presented in credentials.readings() {
            match self.try_reading(presented).await {
                Ok(client) => return Ok(client),
                Err(error @ (TokenError::StoreUnavailable(_) | TokenError::CryptoUnavailable(_))) => {
                    return Err(error);
                }
                Err(error) if progress(&error) > progress(&failure) => failure = error,
                Err(_) => {}
            }
        }
        Err(failure)
    }

    async fn try_reading(&self, presented: &Presented) -> Result<AuthenticatedClient, TokenError> {
        let found = self.clients.find(&presented.id, self.now).await?;
        // The same work for a client that is not there, and before anything is decided.
        let digest = std::hint::black_box(digest(&presented.secret));
        let record = found.ok_or(TokenError::UnknownClient)?;
        let matching = self.matching(&record, &presented.secret, &digest).await?;
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
        if !secret.is_live(self.now) {
            return Err(TokenError::SecretExpired { secret_id });
        }
        Ok(AuthenticatedClient { secret_id, record })
    }

    /// The stored secret that was presented, a live one before one that has expired; the fast hashes before
    /// the slow ones. An empty secret matches nothing.
    async fn matching<'r>(
        &self,
        record: &'r ClientRecord,
        secret: &ClientSecret,
        digest: &[u8; 32],
    ) -> Result<Option<&'r StoredSecret>, TokenError> {
        let mut matching: Option<&StoredSecret> = None;
        for stored in &record.secrets {
            if stored.hash.is_digest(digest) && matching.is_none_or(|known| !known.is_live(self.now)) {
                matching = Some(stored);
            }
        }
        if secret.is_empty() {
            return Ok(None);
        }
        if matching.is_some_and(|known| known.is_live(self.now)) {
            return Ok(matching);
        }
        for stored in &record.secrets {
            let SecretHash::Pbkdf2 { iterations, salt, derived } = &stored.hash else { continue };
            let parts = Pbkdf2 { iterations: *iterations, salt, derived };
            let matches = self.proven.matches(self.hasher, &parts, secret, self.now).await;
            if matches.map_err(TokenError::CryptoUnavailable)?
                && matching.is_none_or(|known| !known.is_live(self.now))
            {
                matching = Some(stored);
            }
        }
        Ok(matching)
    }
}
