//! Revocation (RFC 7009): a client revokes a token that it was issued.

use crate::endpoint::answer::Refusal;
use crate::endpoint::inspection::{AccessToken, Inspector, Question};
use crate::error::TokenError;
use crate::error::client::ClientError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::log::event::Decision;
use crate::ports::{
    ApiStore, ClientStore, ForeignVerifier, IssuerStore, KeySource, LocationCache, RateLimit, Replay,
    RevocationStore, SlowHash, Verifier,
};
use crate::verify::VerifiedToken;
use crate::verify::inactive::NotActive;

/// The shortest time that a revocation is kept, in seconds. KV accepts no expiration less than 60 seconds
/// ahead by its own clock. A revocation that outlives its token does no harm.
const SHORTEST_KEPT: u64 = 120;

impl<C, S, B, R> Inspector<'_, C, S, B, R>
where
    C: ClientStore + ApiStore + RevocationStore + IssuerStore + LocationCache + KeySource,
    S: SlowHash + Verifier + ForeignVerifier,
    B: RateLimit,
    R: Replay,
{
    /// Answers `POST /token/revoke` (RFC 7009 §2).
    ///
    /// A token that is not active, or not ours, is not an error (§2.2), because the client already has what
    /// it wants. A token of another client is refused (§2.1). The code is the one whose meaning includes "was
    /// issued to another client" (RFC 6749 §5.2).
    pub(crate) async fn revoke(
        &self,
        request: &Request<'_>,
    ) -> Result<(Response<'static>, Decision), Refusal> {
        let question = self.read(request).await?;
        let refuse = |error| question.refused(error);
        let client = question.caller.record().id.to_string();
        let proof = question.caller.proof().clone();
        let token = self.access_token(&question.token).await;
        self.spend(&question).await.map_err(refuse)?;
        let decision = match token {
            Ok(AccessToken { client, .. }) if client != question.caller.record().id => {
                return Err(refuse(TokenError::Client(ClientError::TokenOfAnotherClient)));
            }
            Ok(AccessToken { token, .. }) => {
                self.revoke_once(&question, &token).await.map_err(refuse)?;
                Decision::Revoked { client, proof, jti: token.jti }
            }
            Err(NotActive::Inactive(why)) => Decision::NotRevoked { client, proof, reason: why.reason() },
            Err(NotActive::Failed(error)) => return Err(refuse(error)),
        };
        let mut response = Response::empty(200);
        response.no_store();
        Ok((response, decision))
    }

    /// Stores that `token` is revoked, unless the store has that already. A store allows few writes a day,
    /// and one client must not spend the writes that disable another one. So each write counts against the
    /// client's rate limit.
    async fn revoke_once(&self, question: &Question, token: &VerifiedToken) -> Result<(), TokenError> {
        let (store, now) = (self.clients.store(), self.trail.now);
        // A store that cannot be read may still accept the write, which is what the client wants.
        if let Ok(true) = self.revocations.contains(&token.jti, store, now).await {
            return Ok(());
        }
        self.authenticator.limiter.count_revocation(&question.caller.record().id, self.trail).await?;
        let until = token.exp.max(now.saturating_add(SHORTEST_KEPT));
        self.revocations.add(&token.jti, until, store, now).await
    }
}
