//! The issuer, or what it depends on, fails.

use std::fmt;

use crate::error::code::ErrorCode as Code;
use crate::error::row::Row;
use crate::jose::algorithm::Algorithm;
use crate::ports::Unavailable;
use crate::records::api_id::ApiId;
use crate::records::client_id::ClientId;
use crate::records::schema::RecordError;
use crate::records::trusted_issuer::TrustedIssuerId;

/// The issuer, or what it depends on, fails. One row for each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The host has no room for another waiting request.
    Overloaded,
    /// The client store is unavailable.
    StoreUnavailable(Unavailable),
    /// The stored record of this client cannot be used.
    CorruptRecord(ClientId, RecordError),
    /// The stored record of this API cannot be used.
    CorruptApi(ApiId, RecordError),
    /// The stored record of this trusted issuer cannot be used.
    CorruptIssuer(TrustedIssuerId, RecordError),
    /// The keys of a client or of a trusted issuer cannot be fetched. The text is their URL.
    KeysUnavailable(String, Unavailable),
    /// Whether an assertion was used before cannot be found out.
    ReplayUnavailable(Unavailable),
    /// No signing key may be used yet.
    NoActiveKey,
    /// No signing key of the algorithm that an API demands may be used.
    NoActiveKeyFor(Algorithm),
    /// The signing key, or the slow hash, could not be used.
    CryptoUnavailable(Unavailable),
}

impl Fault {
    /// The row of this reason. There is no wildcard arm, so a new reason does not compile without its row.
    pub(super) fn row(&self) -> Row {
        match self {
            Self::Overloaded => Row::new(
                Code::TemporarilyUnavailable,
                "overloaded",
                "The service is temporarily unavailable.",
                "too many requests wait for KV in this isolate, so that there is no memory for another. Look in the log for \
                 a KV that is slow, and for a client or a network that sends many requests.",
            ),
            Self::StoreUnavailable(why) => Row::new(
                Code::TemporarilyUnavailable,
                "store_unavailable",
                "The service is temporarily unavailable.",
                format!(
                    "cannot use the client store: {why}. Look at the status of Workers KV, and check the binding CLIENTS \
                     with `edgemint check`."
                ),
            ),
            Self::CorruptRecord(id, why) => Row::new(
                Code::ServerError,
                "corrupt_record",
                "The request could not be served.",
                unusable(format_args!("client {id}"), why),
            ),
            Self::CorruptApi(id, why) => Row::new(
                Code::ServerError,
                "corrupt_api",
                "The request could not be served.",
                unusable(format_args!("API {id}"), why),
            ),
            Self::CorruptIssuer(id, why) => Row::new(
                Code::ServerError,
                "corrupt_issuer",
                "The request could not be served.",
                unusable(format_args!("issuer {id}"), why),
            ),
            Self::KeysUnavailable(url, why) => Row::new(
                Code::TemporarilyUnavailable,
                "keys_unavailable",
                "The service is temporarily unavailable.",
                format!(
                    "cannot get the keys at {url}: {why}. Look at the status of that host, or correct the URL with \
                     `edgemint client key add --jwks-uri` or `edgemint issuer add`."
                ),
            ),
            Self::ReplayUnavailable(why) => Row::new(
                Code::BrieflyUnavailable,
                "replay_unavailable",
                "The service is temporarily unavailable.",
                format!(
                    "cannot find out whether an assertion was used before: {why}. Look at the status of Durable Objects, \
                     and check the binding REPLAY with `edgemint check`."
                ),
            ),
            Self::NoActiveKey => Row::new(
                Code::TemporarilyUnavailable,
                "no_active_key",
                "The service is temporarily unavailable.",
                "no signing key is active: no SIGNING_KEY_<NAME> is for SIGNING_ALG, or the `nbf` of each is ahead. Run \
                 `edgemint key rotate --activate-in 0s --force` to add one that signs now.",
            ),
            Self::NoActiveKeyFor(alg) => Row::new(
                Code::TemporarilyUnavailable,
                "no_active_key_for_algorithm",
                "The service is temporarily unavailable.",
                format!(
                    "no signing key for {name} is active, and an API of the request demands one. Run `edgemint key rotate \
                     --alg {name}` to add one; with SIGNING_ALG, the other keys go on signing the rest.",
                    name = alg.name()
                ),
            ),
            Self::CryptoUnavailable(why) => Row::new(
                Code::TemporarilyUnavailable,
                "crypto_unavailable",
                "The service is temporarily unavailable.",
                format!(
                    "cannot use a key or the slow hash: {why}. Replace the key, if one is named, with \
                     `edgemint key rotate`."
                ),
            ),
        }
    }
}

/// The detail for a record that cannot be used.
fn unusable(whose: fmt::Arguments<'_>, why: &RecordError) -> String {
    if let RecordError::Version(version) = why {
        return format!(
            "cannot use the record of the {whose}: it has version {version}, which this Worker does not know. Deploy the \
             edgemint that wrote it, or a newer one."
        );
    }
    format!(
        "cannot use the record of the {whose}: {why}. Restore it from a backup with `edgemint client import`, or remove it \
         and add it again."
    )
}
