//! What the log says of a refusal: for each reason a sentence that says what is wrong, and one that says what to do.

use std::borrow::Cow;
use std::fmt;

use crate::error::authorization::AuthorizationFlaw;
use crate::error::{TokenError, join};
use crate::ports::Limit;
use crate::records::schema::RecordError;

impl TokenError {
    /// For the operator, in the log only. No wildcard arm: a new reason does not compile until it says what to do.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        let text = match self {
            // The request is malformed.
            Self::PlainHttp => {
                "the request came by plain http, so that others may have read the secret in it. Replace the secret of the \
                 client with `edgemint client rotate-secret`, and set its token URL to https."
            }
            Self::ForeignOrigin { origin, may_be_allowed: true } => {
                return format!(
                    "a web page of the origin {origin} sent the request, and that origin is not allowed. Add it to \
                     CORS_ALLOWED_ORIGINS if the page is yours."
                )
                .into();
            }
            Self::ForeignOrigin { origin, may_be_allowed: false } => {
                return format!(
                    "a web page of the origin {origin} sent the request, and that origin cannot be allowed here. Send \
                     the request from a server, without the header Origin."
                )
                .into();
            }
            Self::ContentType(Some(came)) => {
                return format!(
                    "the body came as `{came}`. Send the parameters as `application/x-www-form-urlencoded`."
                )
                .into();
            }
            Self::ContentType(None) => {
                "the body came without a content type. Send the parameters as `application/x-www-form-urlencoded`."
            }
            Self::BodyTooLarge => {
                "the body is longer than 16 KiB. Send only the parameters that the request needs."
            }
            Self::MalformedForm => {
                "the body is not a form in UTF-8: it has a bad percent-encoding, or other bytes. Encode each name and \
                 value as `application/x-www-form-urlencoded`."
            }
            Self::TooManyParameters => {
                "the body has more than 64 parameters. Send only the parameters that the request needs."
            }
            Self::RepeatedParameter => {
                "a parameter came more than once. Send each parameter once; `resource` and `audience` may repeat."
            }
            Self::GrantTypeMissing => {
                "the body has no `grant_type`. Send `grant_type=client_credentials` in the body, and not in the URL."
            }
            Self::GrantTypeNotEnabled => {
                "the grant type is unknown, or not enabled here. Set GRANT_TYPES to `client_credentials`, which is opt-in, \
                 or correct `grant_type` at the client."
            }
            Self::NoSignIn => {
                "nobody can sign in here, because this issuer serves only client_credentials. Set the client up for that \
                 grant, or name another issuer at the client."
            }
            Self::TokenMissing => "the body has no `token`. Send the token in the body, and not in the URL.",
            Self::TwoAuthenticationMethods => {
                "the request has credentials both in the header Authorization and in the body. Configure the client to \
                 send one of the two."
            }
            Self::ClientIdMismatch => {
                "`client_id` in the body is not the ID in the header Authorization. Send the same ID in both, or leave \
                 `client_id` out."
            }
            Self::NonceTooLong => "`nonce` is longer than 512 characters. Send a shorter one.",

            // The credentials do not prove a client.
            Self::NoCredentials => {
                "the request has no credentials, or an ID without a secret. Send both by HTTP Basic, or as `client_id` and \
                 `client_secret` in the body."
            }
            Self::MalformedAuthorization(flaw) => flaw.detail(),
            Self::UnsupportedScheme => {
                "the header Authorization is not HTTP Basic. Configure the client to send its ID and secret by HTTP Basic, \
                 or in the body."
            }
            Self::UnknownClient => {
                "there is no client with this ID. Correct the ID at the service, or add the client with `edgemint client \
                 add`."
            }
            Self::WrongSecret => {
                "the secret is not one of this client's. Correct the secret at the service, or make a new one with \
                 `edgemint client rotate-secret`."
            }
            Self::SecretExpired { secret_id } => {
                return format!(
                    "the secret {secret_id} of this client has expired. Make a new one with `edgemint client \
                     rotate-secret`."
                )
                .into();
            }
            Self::ClientDisabled => {
                "the client is disabled. Run `edgemint client enable` to let it get tokens again."
            }
            Self::NoSecret => {
                "the client has no secret, so that it cannot authenticate. Run `edgemint client rotate-secret` to make one."
            }
            Self::Braked(Limit::ClientAndNetwork) => {
                "too many attempts failed for this client from this network: a service has a wrong secret, or somebody \
                 guesses. Look for earlier refusals of this network in the log, and correct the secret at the service."
            }
            Self::Braked(Limit::Network) => {
                "too many attempts failed from this network: services have wrong secrets, or somebody guesses. Look for \
                 earlier refusals of this network in the log, and correct the secrets at the services."
            }
            Self::Braked(Limit::Prefix) => {
                "too many attempts failed from this IPv6 /48: services have wrong secrets, or somebody guesses from many \
                 networks. Look for earlier refusals of these networks in the log, and correct the secrets at the services."
            }
            Self::Braked(Limit::Revocation) => {
                "this client revoked too many tokens in a minute. Run `edgemint client revoke-tokens` to revoke all of its \
                 tokens at once."
            }

            // What the client may not have.
            Self::PublicClient => {
                "the client is public, and public clients get no token by this grant. Add a client with a secret for the \
                 service."
            }
            Self::MalformedScope => {
                "`scope` is malformed. Send scope names with one space between them, without quotes and backslashes."
            }
            Self::TooManyScopes => {
                "`scope` names more than 256 scopes, or more than 32 peers. Configure the client to ask for fewer."
            }
            Self::OfflineAccess => {
                "the scope offline_access asks for a refresh token, which this grant does not have. Remove it from the \
                 scopes of the client."
            }
            Self::FederatedId => {
                "the scope federated:id asks for the identity of a user, which this grant does not have. Remove it from \
                 the scopes of the client."
            }
            Self::UnrecognizedScopes(scopes) => {
                return format!(
                    "nothing in this request defines the scopes [{}]. Correct them at the client, name the API that defines \
                     them with `resource`, or grant them with `edgemint client grant`.",
                    join(scopes)
                )
                .into();
            }
            Self::UntrustedPeers(scopes) => {
                return format!(
                    "the clients that the scopes [{}] name do not trust this client, or are not there. Add this client to \
                     the trusted peers of each, or remove the scopes.",
                    join(scopes)
                )
                .into();
            }
            Self::MalformedTarget => {
                "a `resource` is not an absolute URI without a fragment, or an `audience` cannot be the ID of an API. \
                 Correct it at the client."
            }
            Self::TooManyTargets => {
                "the request names more than 8 APIs. Configure the client to ask for fewer at a time."
            }
            Self::TargetNotGranted(id) => {
                return format!(
                    "the API {id} is not granted to this client. Run `edgemint client grant`, or correct the ID at the \
                     client: it is compared byte for byte, so that `https://x` and `https://x/` differ."
                )
                .into();
            }
            Self::UnknownApi(id) => {
                return format!(
                    "the API {id} is granted to this client, and not registered. Register it with `edgemint api add`, or \
                     run `edgemint client ungrant`."
                )
                .into();
            }
            Self::TargetsDiffer => {
                "the APIs of the request demand different profiles or algorithms. Configure the client to ask for one API \
                 at a time."
            }
            Self::TargetWithPeer(peer) => {
                return format!(
                    "a token for an API cannot name the client {peer} as audience, too, because its scopes would count \
                     there. Configure the client to ask for two tokens; without `resource`, the record's default API counts."
                )
                .into();
            }
            Self::ScopesDiffer => {
                "the client does not have the same scopes at each API of the request. Configure it to ask for one API at a \
                 time, or grant the scopes at each with `edgemint client grant`."
            }
            Self::TokenTooLong => {
                "the token would be longer than 8 KiB. Reduce the groups and claims of the client, or ask for fewer scopes \
                 and audiences."
            }
            Self::TokenOfAnotherClient => {
                "the token was issued to another client. Revoke it as that client, or run `edgemint client revoke-tokens` \
                 for all tokens of that client."
            }

            // The issuer or its store fails.
            Self::Overloaded => {
                "too many requests wait for KV in this isolate, so that there is no memory for another. Look in the log for \
                 a KV that is slow, and for a client or a network that sends many requests."
            }
            Self::StoreUnavailable(why) => {
                return format!(
                    "cannot use the client store: {why}. Look at the status of Workers KV, and check the binding CLIENTS \
                     with `edgemint check`."
                )
                .into();
            }
            Self::CorruptRecord(id, why) => {
                return unusable(format_args!("client {id}"), why).into();
            }
            Self::CorruptApi(id, why) => {
                return unusable(format_args!("API {id}"), why).into();
            }
            Self::NoActiveKey => {
                "no signing key is active: no SIGNING_KEY_<NAME> is for SIGNING_ALG, or the `nbf` of each is ahead. Run \
                 `edgemint key rotate --activate-in 0s --force` to add one that signs now."
            }
            Self::NoActiveKeyFor(alg) => {
                return format!(
                    "no signing key for {name} is active, and an API of the request demands one. Run `edgemint key rotate \
                     --alg {name}` to add one; with SIGNING_ALG, the other keys go on signing the rest.",
                    name = alg.name()
                )
                .into();
            }
            Self::CryptoUnavailable(why) => {
                return format!(
                    "cannot use a key or the slow hash: {why}. Replace the key, if one is named, with \
                     `edgemint key rotate`."
                )
                .into();
            }
        };
        Cow::Borrowed(text)
    }
}

/// The record of `whose` cannot be used.
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

impl AuthorizationFlaw {
    /// Never the value, nor a part of it: it may be a secret.
    fn detail(self) -> &'static str {
        match self {
            Self::TooLong => {
                "the header Authorization is longer than 8 KiB. Send `Basic` and the base64 of ID, colon and secret."
            }
            Self::Empty => {
                "the header Authorization has no credentials after `Basic`. Send the base64 of ID, colon and secret."
            }
            Self::NotEncoded => {
                "the credentials in the header Authorization are not base64: they have a colon. Encode ID, colon and \
                 secret as base64."
            }
            Self::Base64Url => {
                "the credentials in the header Authorization are in the base64url alphabet. Encode them as base64, which \
                 has `+` and `/` where base64url has `-` and `_`."
            }
            Self::NotBase64 => {
                "the credentials in the header Authorization are not base64. Encode ID, colon and secret as base64, \
                 without line breaks."
            }
            Self::NoColon => {
                "the credentials in the header Authorization have no colon once they are decoded. Encode ID, colon and \
                 secret together as base64."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::scope::ScopeToken;
    use crate::jose::algorithm::Algorithm;
    use crate::ports::Unavailable;
    use crate::records::api_id::ApiId;
    use crate::records::client_id::ClientId;
    use crate::secret::generated::GeneratedSecret;
    use crate::secret::shown::Shown;

    /// An example of each reason. A reason that is not here makes the match of `examples` fail to compile.
    macro_rules! examples {
        ($($pattern:pat => $example:expr,)*) => {
            fn examples() -> Vec<TokenError> {
                let examples = vec![$($example),*];
                for (example, fits) in examples.iter().zip([$((|e: &TokenError| matches!(e, $pattern)) as fn(&TokenError) -> bool),*]) {
                    assert!(fits(example), "{example:?} stands behind another reason");
                    match example { $($pattern => {})* }
                }
                examples
            }
        };
    }

    examples! {
        TokenError::PlainHttp => TokenError::PlainHttp,
        TokenError::ForeignOrigin { may_be_allowed: true, .. } =>
            TokenError::ForeignOrigin { origin: Shown::of("https://evil.example"), may_be_allowed: true },
        TokenError::ForeignOrigin { may_be_allowed: false, .. } =>
            TokenError::ForeignOrigin { origin: Shown::of(secret().expose()), may_be_allowed: false },
        TokenError::ContentType(Some(_)) => TokenError::ContentType(Some(Shown::of(secret().expose()))),
        TokenError::ContentType(None) => TokenError::ContentType(None),
        TokenError::BodyTooLarge => TokenError::BodyTooLarge,
        TokenError::MalformedForm => TokenError::MalformedForm,
        TokenError::TooManyParameters => TokenError::TooManyParameters,
        TokenError::RepeatedParameter => TokenError::RepeatedParameter,
        TokenError::GrantTypeMissing => TokenError::GrantTypeMissing,
        TokenError::GrantTypeNotEnabled => TokenError::GrantTypeNotEnabled,
        TokenError::NoSignIn => TokenError::NoSignIn,
        TokenError::TokenMissing => TokenError::TokenMissing,
        TokenError::TwoAuthenticationMethods => TokenError::TwoAuthenticationMethods,
        TokenError::ClientIdMismatch => TokenError::ClientIdMismatch,
        TokenError::NonceTooLong => TokenError::NonceTooLong,
        TokenError::NoCredentials => TokenError::NoCredentials,
        TokenError::MalformedAuthorization(AuthorizationFlaw::TooLong) =>
            TokenError::MalformedAuthorization(AuthorizationFlaw::TooLong),
        TokenError::MalformedAuthorization(AuthorizationFlaw::Empty) =>
            TokenError::MalformedAuthorization(AuthorizationFlaw::Empty),
        TokenError::MalformedAuthorization(AuthorizationFlaw::NotEncoded) =>
            TokenError::MalformedAuthorization(AuthorizationFlaw::NotEncoded),
        TokenError::MalformedAuthorization(AuthorizationFlaw::Base64Url) =>
            TokenError::MalformedAuthorization(AuthorizationFlaw::Base64Url),
        TokenError::MalformedAuthorization(AuthorizationFlaw::NotBase64) =>
            TokenError::MalformedAuthorization(AuthorizationFlaw::NotBase64),
        TokenError::MalformedAuthorization(AuthorizationFlaw::NoColon) =>
            TokenError::MalformedAuthorization(AuthorizationFlaw::NoColon),
        TokenError::UnsupportedScheme => TokenError::UnsupportedScheme,
        TokenError::UnknownClient => TokenError::UnknownClient,
        TokenError::WrongSecret => TokenError::WrongSecret,
        TokenError::SecretExpired { .. } => TokenError::SecretExpired { secret_id: "s1".into() },
        TokenError::ClientDisabled => TokenError::ClientDisabled,
        TokenError::NoSecret => TokenError::NoSecret,
        TokenError::Braked(Limit::ClientAndNetwork) => TokenError::Braked(Limit::ClientAndNetwork),
        TokenError::Braked(Limit::Network) => TokenError::Braked(Limit::Network),
        TokenError::Braked(Limit::Prefix) => TokenError::Braked(Limit::Prefix),
        TokenError::Braked(Limit::Revocation) => TokenError::Braked(Limit::Revocation),
        TokenError::PublicClient => TokenError::PublicClient,
        TokenError::MalformedScope => TokenError::MalformedScope,
        TokenError::TooManyScopes => TokenError::TooManyScopes,
        TokenError::OfflineAccess => TokenError::OfflineAccess,
        TokenError::FederatedId => TokenError::FederatedId,
        TokenError::UnrecognizedScopes(_) => TokenError::UnrecognizedScopes(scopes()),
        TokenError::UntrustedPeers(_) => TokenError::UntrustedPeers(scopes()),
        TokenError::MalformedTarget => TokenError::MalformedTarget,
        TokenError::TooManyTargets => TokenError::TooManyTargets,
        TokenError::TargetNotGranted(_) => TokenError::TargetNotGranted(api()),
        TokenError::UnknownApi(_) => TokenError::UnknownApi(api()),
        TokenError::TargetsDiffer => TokenError::TargetsDiffer,
        TokenError::TargetWithPeer(_) => TokenError::TargetWithPeer(ClientId::parse("peer").unwrap()),
        TokenError::ScopesDiffer => TokenError::ScopesDiffer,
        TokenError::TokenTooLong => TokenError::TokenTooLong,
        TokenError::TokenOfAnotherClient => TokenError::TokenOfAnotherClient,
        TokenError::Overloaded => TokenError::Overloaded,
        TokenError::StoreUnavailable(_) => TokenError::StoreUnavailable(Unavailable::new("KV did not answer within 2 s")),
        TokenError::CorruptRecord(..) =>
            TokenError::CorruptRecord(ClientId::parse("a").unwrap(), RecordError::Malformed("it is not JSON".into())),
        TokenError::CorruptApi(..) => TokenError::CorruptApi(api(), RecordError::Version(9)),
        TokenError::NoActiveKey => TokenError::NoActiveKey,
        TokenError::NoActiveKeyFor(_) => TokenError::NoActiveKeyFor(Algorithm::Rs256),
        TokenError::CryptoUnavailable(_) => TokenError::CryptoUnavailable(Unavailable::new("PBKDF2 failed")),
    }

    fn secret() -> GeneratedSecret {
        GeneratedSecret::from_random(&[9; 32])
    }

    fn scopes() -> Vec<ScopeToken> {
        vec![ScopeToken::parse("bogus").unwrap()]
    }

    fn api() -> ApiId {
        ApiId::parse("https://api.example.com/").unwrap()
    }

    /// What the second sentence begins with.
    const REMEDIES: [&str; 17] = [
        "Add",
        "Configure",
        "Correct",
        "Deploy",
        "Encode",
        "Import",
        "Look",
        "Make",
        "Reduce",
        "Register",
        "Remove",
        "Replace",
        "Restore",
        "Revoke",
        "Run",
        "Send",
        "Set",
    ];

    #[test]
    fn every_reason_has_a_sentence_and_a_remedy_and_tells_no_secret() {
        for error in examples() {
            let detail = error.to_string();
            let (problem, remedy) = detail.split_once(". ").unwrap_or_else(|| panic!("{error:?}: {detail}"));
            assert!(problem.starts_with(|c: char| c.is_ascii_lowercase() || c == '`'), "{detail}");
            assert!(problem.contains(' ') && problem.split(' ').count() <= 30, "{detail}");
            assert!(REMEDIES.contains(&remedy.split(' ').next().unwrap()), "{detail}");
            assert!(remedy.ends_with('.') && remedy.split(' ').count() <= 30, "{detail}");
            assert!(!detail.contains("  ") && !detail.contains("ems_"), "{detail}");
            assert!(!detail.starts_with(&error.reason().replace('_', " ")), "{detail}: the name again");
        }
    }
}
