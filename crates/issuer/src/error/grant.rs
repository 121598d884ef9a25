//! The client asks for scopes that it may not have.

use crate::error::code::ErrorCode as Code;
use crate::error::row::Row;
use crate::error::row::join;
use crate::grammar::scope::ScopeToken;

/// The client asks for scopes that it may not have. One row for each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantError {
    /// `scope` does not follow the grammar of RFC 6749 §3.3.
    MalformedScope,
    /// More scopes, or more cross-client audiences, than a request may name.
    TooManyScopes,
    /// `offline_access`: this grant has no refresh token.
    OfflineAccess,
    /// `federated:id`: this grant has no upstream identity.
    FederatedId,
    /// Scopes that nothing defines.
    UnrecognizedScopes(Vec<ScopeToken>),
    /// Cross-client audiences whose peers do not trust this client.
    UntrustedPeers(Vec<ScopeToken>),
    /// Scopes that the client has at only some of the targets. Or a request without scopes, and the client's
    /// scopes differ between the targets.
    ScopesDiffer,
    /// The token would be longer than the longest that the issuer accepts back.
    TokenTooLong,
}

impl GrantError {
    /// The row of this reason. There is no wildcard arm, so a new reason does not compile without its row.
    pub(super) fn row(&self) -> Row {
        match self {
            Self::MalformedScope => Row::new(
                Code::InvalidScope,
                "malformed_scope",
                "The scope is malformed.",
                "`scope` is malformed. Send scope names with one space between them, without quotes and backslashes.",
            ),
            Self::TooManyScopes => Row::new(
                Code::InvalidScope,
                "too_many_scopes",
                "Too many scopes.",
                "`scope` names more than 256 scopes, or more than 32 peers. Configure the client to ask for fewer.",
            ),
            Self::OfflineAccess => Row::new(
                Code::InvalidScope,
                "offline_access",
                "client_credentials grant does not support offline_access scope.",
                "the scope offline_access asks for a refresh token, which this grant does not have. Remove it from the \
                 scopes of the client.",
            ),
            Self::FederatedId => Row::new(
                Code::InvalidScope,
                "federated_id",
                "client_credentials grant does not support federated:id scope.",
                "the scope federated:id asks for the identity of a user, which this grant does not have. Remove it from \
                 the scopes of the client.",
            ),
            Self::UnrecognizedScopes(scopes) => Row::new(
                Code::InvalidScope,
                "unrecognized_scopes",
                format!("Unrecognized scope(s) [{}]", join(scopes)),
                format!(
                    "nothing in this request defines the scopes [{}]. Correct them at the client, name the API that defines \
                     them with `resource`, or grant them with `edgemint client grant`.",
                    join(scopes)
                ),
            ),
            Self::UntrustedPeers(scopes) => Row::new(
                Code::InvalidScope,
                "untrusted_peers",
                format!("Client can't request scope(s) [{}]", join(scopes)),
                format!(
                    "the clients that the scopes [{}] name do not trust this client, or do not exist. Add this client to \
                     the trusted peers of each, or remove the scopes.",
                    join(scopes)
                ),
            ),
            Self::ScopesDiffer => Row::new(
                Code::InvalidScope,
                "scopes_differ",
                "The scopes are not the same at each of these resources: ask for one resource at a time.",
                "the client does not have the same scopes at each API of the request. Configure it to ask for one API at a \
                 time, or grant the scopes at each with `edgemint client grant`.",
            ),
            Self::TokenTooLong => Row::new(
                Code::InvalidScope,
                "token_too_long",
                "The token would be too long: ask for fewer scopes or audiences.",
                "the token would be longer than 8 KiB. Reduce the groups and claims of the client, or ask for fewer scopes \
                 and audiences.",
            ),
        }
    }
}
