//! The client asks for an API that it may not have (RFC 8707 §2).

use crate::error::code::ErrorCode as Code;
use crate::error::row::Row;
use crate::records::api_id::ApiId;
use crate::records::client_id::ClientId;

/// The client asks for an API that it may not have (RFC 8707 §2). One row for each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetError {
    /// A `resource` that is not an absolute URI without fragment (RFC 8707 §2), or an `audience` that no API
    /// can have.
    MalformedTarget,
    /// More targets than a request may name.
    TooManyTargets,
    /// An API that the client's record does not grant.
    TargetNotGranted(ApiId),
    /// An API that the client's record grants, but that is not registered.
    UnknownApi(ApiId),
    /// Targets whose tokens would have to differ in profile or algorithm.
    TargetsDiffer,
    /// The records of the client and the APIs demand that the token is bound to different things.
    BoundDiffers,
    /// A token for APIs that would also name this client. It is another client, or the requesting client if
    /// its ID is that of an API that the token is not for.
    TargetWithPeer(ClientId),
}

impl TargetError {
    /// The row of this reason. There is no wildcard arm, so a new reason does not compile without its row.
    pub(super) fn row(&self) -> Row {
        match self {
            // The same answer for these three, so a client without a grant learns nothing about the APIs.
            Self::MalformedTarget => Row::new(
                Code::InvalidTarget,
                "malformed_target",
                "The resource is malformed, unknown, or not granted to this client.",
                "a `resource` is not an absolute URI without a fragment, or an `audience` cannot be the ID of an API. \
                 Correct it at the client.",
            ),
            Self::TooManyTargets => Row::new(
                Code::InvalidTarget,
                "too_many_targets",
                "Too many resources.",
                "the request names more than 8 APIs. Configure the client to ask for fewer at a time.",
            ),
            Self::TargetNotGranted(id) => Row::new(
                Code::InvalidTarget,
                "target_not_granted",
                "The resource is malformed, unknown, or not granted to this client.",
                format!(
                    "the API {id} is not granted to this client. Run `edgemint client grant`, or correct the ID at the \
                     client: it is compared byte for byte, so that `https://x` and `https://x/` differ."
                ),
            ),
            Self::UnknownApi(id) => Row::new(
                Code::InvalidTarget,
                "unknown_api",
                "The resource is malformed, unknown, or not granted to this client.",
                format!(
                    "the API {id} is granted to this client, and not registered. Register it with `edgemint api add`, or \
                     run `edgemint client ungrant`."
                ),
            ),
            Self::TargetsDiffer => Row::new(
                Code::InvalidTarget,
                "targets_differ",
                "Tokens for these resources are not of the same kind: ask for one resource at a time.",
                "the APIs of the request demand different profiles or algorithms. Configure the client to ask for one API \
                 at a time.",
            ),
            Self::BoundDiffers => Row::new(
                Code::InvalidTarget,
                "bound_differs",
                "Tokens for these resources are not of the same kind: ask for one resource at a time.",
                "the client and the APIs demand tokens that are bound to different things. Run \
                 `edgemint client require-bound` or `edgemint api set --bound`, or let the client ask for one API at a time.",
            ),
            Self::TargetWithPeer(peer) => Row::new(
                Code::InvalidTarget,
                "target_with_peer",
                "A token for a resource cannot name this client as audience, too: ask for one token for each.",
                format!(
                    "a token for an API cannot name the client {peer} as audience, too, because its scopes would count \
                     there. Configure the client to ask for two tokens; without `resource`, the record's default API counts."
                ),
            ),
        }
    }
}
