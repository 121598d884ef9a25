//! The client did not prove which client it is, or may not do this at all.

use crate::error::authorization::AuthorizationFlaw;
use crate::error::certificate::CertificateFlaw;
use crate::error::code::ErrorCode as Code;
use crate::error::row::Row;
use crate::ports::Limit;

/// The client did not prove which client it is, or may not do this at all. One row for each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientError {
    /// No credentials, or an ID without a secret.
    NoCredentials,
    /// `Authorization: Basic` with something that is not base64 of `id:secret`.
    MalformedAuthorization(AuthorizationFlaw),
    /// An `Authorization` scheme other than Basic.
    UnsupportedScheme,
    /// No such client.
    UnknownClient,
    /// No stored secret of the client matches.
    WrongSecret,
    /// The secret matches one that has expired.
    SecretExpired {
        /// The ID of the secret.
        secret_id: String,
    },
    /// The presented certificate is not one that authenticates the client.
    Certificate(CertificateFlaw),
    /// A secret, which the FAPI 2.0 profile does not allow (§5.3.2.1).
    SecretNotAllowed,
    /// The client is disabled.
    ClientDisabled,
    /// A confidential client without any secret: it can never authenticate.
    NoSecret,
    /// Too many attempts failed, so attempts that could be guesses are refused for a while (RFC 6749 §2.3.1).
    /// Or too many revocations.
    RateLimited(Limit),
    /// A public client.
    PublicClient,
    /// A token that was issued to another client, so this one cannot revoke it (RFC 7009 §2.1).
    TokenOfAnotherClient,
}

impl ClientError {
    /// The row of this reason. There is no wildcard arm, so a new reason does not compile without its row.
    pub(super) fn row(&self) -> Row {
        match self {
            // The same answer for all of these, so an attacker cannot tell them apart.
            Self::NoCredentials => Row::new(
                Code::InvalidClient,
                "no_credentials",
                "Invalid client credentials.",
                "the request has no credentials, or an ID without a secret. Send both by HTTP Basic, or as `client_id` and \
                 `client_secret` in the body.",
            ),
            Self::MalformedAuthorization(flaw) => Row::new(
                Code::InvalidClient,
                "malformed_authorization",
                "Invalid client credentials.",
                flaw.detail(),
            ),
            Self::UnsupportedScheme => Row::new(
                Code::InvalidClient,
                "unsupported_scheme",
                "Invalid client credentials.",
                "the header Authorization is not HTTP Basic. Configure the client to send its ID and secret by HTTP Basic, \
                 or in the body.",
            ),
            Self::UnknownClient => Row::new(
                Code::InvalidClient,
                "unknown_client",
                "Invalid client credentials.",
                "there is no client with this ID. Correct the ID at the service, or add the client with `edgemint client \
                 add`.",
            ),
            Self::WrongSecret => Row::new(
                Code::InvalidClient,
                "wrong_secret",
                "Invalid client credentials.",
                "the secret is not one of this client's. Correct the secret at the service, or make a new one with \
                 `edgemint client rotate-secret`.",
            ),
            Self::SecretExpired { secret_id } => Row::new(
                Code::InvalidClient,
                "secret_expired",
                "Invalid client credentials.",
                format!(
                    "the secret {secret_id} of this client has expired. Make a new one with `edgemint client \
                     rotate-secret`."
                ),
            ),
            Self::Certificate(flaw) => {
                let (reason, detail) = flaw.row();
                Row::new(Code::InvalidClient, reason, "Invalid client credentials.", detail)
            }
            Self::SecretNotAllowed => Row::new(
                Code::InvalidClient,
                "secret_not_allowed",
                "Invalid client credentials.",
                "the client sent a secret or nothing, and FAPI=on allows only own keys and certificates. Register a key with \
                 `edgemint client key add`, or a certificate with `edgemint client certificate add`.",
            ),
            Self::ClientDisabled => Row::new(
                Code::InvalidClient,
                "client_disabled",
                "Invalid client credentials.",
                "the client is disabled. Run `edgemint client enable` to let it get tokens again.",
            ),
            Self::NoSecret => Row::new(
                Code::InvalidClient,
                "no_secret",
                "Invalid client credentials.",
                "the client has no secret, so that no secret can authenticate it. Let it sign assertions, or run `edgemint \
                 client rotate-secret` to make a secret.",
            ),
            Self::RateLimited(Limit::ClientAndNetwork) => Row::new(
                Code::TooManyRequests,
                "braked_client",
                "Too many failed attempts: try again later.",
                "too many attempts failed for this client from this network: a service has a wrong secret, or an \
                 attacker guesses. Look for earlier refusals of this network in the log, and correct the secret at the \
                 service.",
            ),
            Self::RateLimited(Limit::Network) => Row::new(
                Code::TooManyRequests,
                "braked_network",
                "Too many failed attempts: try again later.",
                "too many attempts failed from this network: services have wrong secrets, or an attacker guesses. Look \
                 for earlier refusals of this network in the log, and correct the secrets at the services.",
            ),
            Self::RateLimited(Limit::Prefix) => Row::new(
                Code::TooManyRequests,
                "braked_prefix",
                "Too many failed attempts: try again later.",
                "too many attempts failed from this IPv6 /48: services have wrong secrets, or an attacker guesses from \
                 many networks. Look for earlier refusals of these networks in the log, and correct the secrets at the \
                 services.",
            ),
            Self::RateLimited(Limit::Revocation) => Row::new(
                Code::TooManyRequests,
                "braked_revocation",
                "Too many revocations: try again later.",
                "this client revoked too many tokens in a minute. Run `edgemint client revoke-tokens` to revoke all of its \
                 tokens at once.",
            ),
            Self::PublicClient => Row::new(
                Code::UnauthorizedClient,
                "public_client",
                "Public clients cannot use client_credentials grant.",
                "the client is public, and public clients get no token by this grant. Add a client with a secret for the \
                 service.",
            ),
            Self::TokenOfAnotherClient => Row::new(
                Code::InvalidGrant,
                "token_of_another_client",
                "The token was issued to another client.",
                "the token was issued to another client. Revoke it as that client, or run `edgemint client revoke-tokens` \
                 for all tokens of that client.",
            ),
        }
    }
}
