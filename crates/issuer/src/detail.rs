//! What the operator is told about a refusal: a sentence for each reason, in the log alone.

use std::borrow::Cow;

use crate::brake::Limit;
use crate::error::TokenError;

impl TokenError {
    /// What happened and, where there is one, the mend: for the operator.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::PlainHttp => {
                "a request came by plain http, and what it carried can have been read on its way: if that was a client's \
                 secret, replace it (`edgemint client rotate-secret`), and have the client use https"
                    .into()
            }
            Self::Braked(Limit::ClientAndNetwork) => {
                "too many failed attempts for this client from this network: somebody guesses, or a service has a \
                 wrong secret"
                    .into()
            }
            Self::Braked(Limit::Network) => {
                "too many failed attempts from this network: somebody guesses, or many services have wrong secrets".into()
            }
            Self::SecretExpired { secret_id } => {
                format!("secret {secret_id} has expired: `edgemint client rotate-secret` makes a new one").into()
            }
            Self::GrantTypeNotEnabled => {
                "grant type not enabled: GRANT_TYPES must list it (client_credentials is opt-in)".into()
            }
            Self::ClientDisabled => "client is disabled: `edgemint client enable` lets it in again".into(),
            Self::NoSecret => "confidential client without a secret: `edgemint client rotate-secret` makes one".into(),
            Self::StoreUnavailable(why) => format!("client store could not be asked: {why}").into(),
            Self::CorruptRecord(id, why) => format!("record of client {id} cannot be used: {why}").into(),
            Self::CorruptApi(id, why) => format!("record of API {id} cannot be used: {why}").into(),
            Self::TargetNotGranted(id) => format!("API {id} is not in the client's grants").into(),
            Self::UnknownApi(id) => {
                format!("API {id} is in the client's grants and not registered: register it, or take it out").into()
            }
            Self::TargetsDiffer => "targets whose records demand different profiles or algorithms".into(),
            Self::ScopesDiffer => "scopes that the client does not have at each of the targets".into(),
            Self::TokenTooLong => {
                "the token would be longer than 8 KiB: too many groups, claims or audiences for one token".into()
            }
            Self::NoActiveKeyFor(alg) => format!(
                "no signing key for {name} is active, and the record of an API demands one: \
                 `edgemint key rotate --alg {name}` adds one; with SIGNING_ALG the others go on signing the rest",
                name = alg.name()
            )
            .into(),
            Self::NoActiveKey => {
                "no signing key is active: the nbf of every SIGNING_KEY_<NAME>, or of every one for SIGNING_ALG, lies \
                 ahead; `edgemint key rotate --activate-in 0s --force` adds one that signs"
                    .into()
            }
            Self::CryptoUnavailable(why) => format!("key or hash could not be used: {why}").into(),
            Self::UnrecognizedScopes(_) | Self::UntrustedPeers(_) => self.description(),
            Self::ContentType
            | Self::BodyTooLarge
            | Self::MalformedForm
            | Self::TooManyParameters
            | Self::RepeatedParameter
            | Self::GrantTypeMissing
            | Self::TokenMissing
            | Self::TokenOfAnotherClient
            | Self::TwoAuthenticationMethods
            | Self::ClientIdMismatch
            | Self::NonceTooLong
            | Self::NoCredentials
            | Self::MalformedAuthorization
            | Self::UnsupportedScheme
            | Self::UnknownClient
            | Self::WrongSecret
            | Self::PublicClient
            | Self::MalformedScope
            | Self::TooManyScopes
            | Self::OfflineAccess
            | Self::FederatedId
            | Self::MalformedTarget
            | Self::TooManyTargets => self.reason().replace('_', " ").into(),
        }
    }
}
