//! Revocation (RFC 7009): a client takes back a token that it was issued.

use crate::endpoint::answer::Refusal;
use crate::endpoint::inspection::{AccessToken, Inspector, Question};
use crate::error::TokenError;
use crate::error::client::ClientError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::log::event::Decision;
use crate::ports::{ApiStore, ClientStore, RateLimit, RevocationStore, SlowHash, Verifier};
use crate::verify::VerifiedToken;
use crate::verify::inactive::NotActive;

/// The shortest time that a revocation is kept, in seconds. KV takes no expiration that is less than 60 seconds ahead
/// by its own clock; what is kept longer than its token does no harm.
const SHORTEST_KEPT: u64 = 120;

impl<C: ClientStore + ApiStore + RevocationStore, S: SlowHash + Verifier, B: RateLimit>
    Inspector<'_, C, S, B>
{
    /// Answers `POST /token/revoke` (RFC 7009 §2).
    ///
    /// A token that is not active, or not ours, is not an error (§2.2): what the client wants is already so. Another
    /// client's is refused (§2.1), with the code whose meaning has "was issued to another client" (RFC 6749 §5.2).
    pub(crate) async fn revoke(
        &self,
        request: &Request<'_>,
    ) -> Result<(Response<'static>, Decision), Refusal> {
        let question = self.read(request).await?;
        let refuse = |error| question.refused(error);
        let client = question.caller.record().id.to_string();
        let secret_id = question.caller.secret_id().to_owned();
        let decision = match self.access_token(&question.token).await {
            Ok(AccessToken { client, .. }) if client != question.caller.record().id => {
                return Err(refuse(TokenError::Client(ClientError::TokenOfAnotherClient)));
            }
            Ok(AccessToken { token, .. }) => {
                self.revoke_once(&question, &token).await.map_err(refuse)?;
                Decision::Revoked { client, secret_id, jti: token.jti }
            }
            Err(NotActive::Inactive(why)) => Decision::NotRevoked { client, secret_id, reason: why.reason() },
            Err(NotActive::Failed(error)) => return Err(refuse(error)),
        };
        let mut response = Response::empty(200);
        response.no_store();
        Ok((response, decision))
    }

    /// Writes that `token` is revoked, unless that is written already. A store grants few writes a day, and one client
    /// must not spend those that disable another one: so each write counts against the client's rate limit.
    async fn revoke_once(&self, question: &Question, token: &VerifiedToken) -> Result<(), TokenError> {
        let (store, now) = (self.clients.store(), self.trail.now);
        // A store that cannot be read may still take the write, which is what the client asked for.
        if let Ok(true) = self.revocations.contains(&token.jti, store, now).await {
            return Ok(());
        }
        self.authenticator.limiter.count_revocation(&question.caller.record().id, self.trail).await?;
        let until = token.exp.max(now.saturating_add(SHORTEST_KEPT));
        self.revocations.add(&token.jti, until, store, now).await
    }
}
