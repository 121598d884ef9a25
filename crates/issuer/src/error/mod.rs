//! The reasons why a request is refused, with the one text for the client and the one for the operator.
//!
//! The reasons are grouped by whose fault they are. A reason is a variant and its row in the file of its
//! group.

pub(crate) mod assertion;
pub(crate) mod authorization;
pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod code;
pub(crate) mod fault;
pub(crate) mod grant;
pub(crate) mod proof;
pub(crate) mod request;
pub(crate) mod row;
pub(crate) mod target;

use std::fmt;

use crate::error::assertion::AssertionError;
use crate::error::client::ClientError;
use crate::error::code::ErrorCode;
use crate::error::fault::Fault;
use crate::error::grant::GrantError;
use crate::error::proof::BindingError;
use crate::error::request::RequestError;
use crate::error::row::Row;
use crate::error::target::TargetError;

/// Why `/token`, or an endpoint below it, refused.
///
/// The operator sees the variant ([`Display`](fmt::Display) and [`TokenError::reason`]). The client sees only
/// the [`ErrorCode`] and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// The request is not well-formed, or comes in a way that is not served.
    Request(RequestError),
    /// The client did not prove which client it is, or may not do this at all.
    Client(ClientError),
    /// The client's assertion is not accepted.
    Assertion(AssertionError),
    /// The client asks for scopes that it may not have.
    Grant(GrantError),
    /// The client asks for an API that it may not have (RFC 8707 §2).
    Target(TargetError),
    /// The client does not prove possession of what the token must be bound to.
    Binding(BindingError),
    /// The issuer, or what it depends on, fails.
    Fault(Fault),
}

impl From<RequestError> for TokenError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<ClientError> for TokenError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<AssertionError> for TokenError {
    fn from(error: AssertionError) -> Self {
        Self::Assertion(error)
    }
}

impl From<GrantError> for TokenError {
    fn from(error: GrantError) -> Self {
        Self::Grant(error)
    }
}

impl From<TargetError> for TokenError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl From<BindingError> for TokenError {
    fn from(error: BindingError) -> Self {
        Self::Binding(error)
    }
}

impl From<Fault> for TokenError {
    fn from(error: Fault) -> Self {
        Self::Fault(error)
    }
}

impl From<&TokenError> for ErrorCode {
    fn from(error: &TokenError) -> Self {
        error.row().code
    }
}

impl TokenError {
    /// The full row of this reason. Each call builds a new one, so a caller that needs several fields calls
    /// this once.
    pub(crate) fn row(&self) -> Row {
        match self {
            Self::Request(error) => error.row(),
            Self::Client(error) => error.row(),
            Self::Assertion(error) => error.row(),
            Self::Grant(error) => error.row(),
            Self::Target(error) => error.row(),
            Self::Binding(error) => error.row(),
            Self::Fault(error) => error.row(),
        }
    }

    /// A stable name for logs and for counting.
    pub fn reason(&self) -> &'static str {
        self.row().reason
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.row().detail)
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::assertion::{AssertionFlaw, AssertionUse};
    use crate::error::authorization::AuthorizationFlaw;
    use crate::error::certificate::CertificateFlaw;
    use crate::error::proof::ProofFlaw;
    use crate::grammar::scope::ScopeToken;
    use crate::jose::algorithm::Algorithm;
    use crate::jose::public_key::PublicKeyError;
    use crate::ports::Limit;
    use crate::ports::Unavailable;
    use crate::records::api_id::ApiId;
    use crate::records::client_id::ClientId;
    use crate::records::schema::RecordError;
    use crate::records::trusted_issuer::TrustedIssuerId;
    use crate::secret::generated::GeneratedSecret;
    use crate::secret::shown::Shown;

    /// An example of each reason. A reason that is not here makes the match of `examples` fail to compile.
    macro_rules! examples {
        ($($pattern:pat => $example:expr,)*) => {
            fn examples() -> Vec<TokenError> {
                let examples = vec![$($example),*];
                for (example, fits) in examples.iter().zip([$((|e: &TokenError| matches!(e, $pattern)) as fn(&TokenError) -> bool),*]) {
                    assert!(fits(example), "{example:?} does not match its pattern");
                    match example { $($pattern => {})* }
                }
                examples
            }
        };
    }

    examples! {
        TokenError::Request(RequestError::PlainHttp) => TokenError::Request(RequestError::PlainHttp),
        TokenError::Request(RequestError::ForeignOrigin { may_be_allowed: true, .. }) =>
            TokenError::Request(RequestError::ForeignOrigin { origin: Shown::of("https://evil.example"), may_be_allowed: true }),
        TokenError::Request(RequestError::ForeignOrigin { may_be_allowed: false, .. }) =>
            TokenError::Request(RequestError::ForeignOrigin { origin: Shown::of(secret().expose()), may_be_allowed: false }),
        TokenError::Request(RequestError::ContentType(Some(_))) => TokenError::Request(RequestError::ContentType(Some(Shown::of(secret().expose())))),
        TokenError::Request(RequestError::ContentType(None)) => TokenError::Request(RequestError::ContentType(None)),
        TokenError::Request(RequestError::BodyTooLarge) => TokenError::Request(RequestError::BodyTooLarge),
        TokenError::Request(RequestError::MalformedForm) => TokenError::Request(RequestError::MalformedForm),
        TokenError::Request(RequestError::TooManyParameters) => TokenError::Request(RequestError::TooManyParameters),
        TokenError::Request(RequestError::RepeatedParameter) => TokenError::Request(RequestError::RepeatedParameter),
        TokenError::Request(RequestError::GrantTypeMissing) => TokenError::Request(RequestError::GrantTypeMissing),
        TokenError::Request(RequestError::GrantTypeNotEnabled) => TokenError::Request(RequestError::GrantTypeNotEnabled),
        TokenError::Request(RequestError::NoSignIn) => TokenError::Request(RequestError::NoSignIn),
        TokenError::Request(RequestError::TokenMissing) => TokenError::Request(RequestError::TokenMissing),
        TokenError::Request(RequestError::TwoAuthenticationMethods) => TokenError::Request(RequestError::TwoAuthenticationMethods),
        TokenError::Request(RequestError::ClientIdMismatch) => TokenError::Request(RequestError::ClientIdMismatch),
        TokenError::Request(RequestError::NonceTooLong) => TokenError::Request(RequestError::NonceTooLong),
        TokenError::Client(ClientError::NoCredentials) => TokenError::Client(ClientError::NoCredentials),
        TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::TooLong)) =>
            TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::TooLong)),
        TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::Empty)) =>
            TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::Empty)),
        TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::NotEncoded)) =>
            TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::NotEncoded)),
        TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::Base64Url)) =>
            TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::Base64Url)),
        TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::NotBase64)) =>
            TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::NotBase64)),
        TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::NoColon)) =>
            TokenError::Client(ClientError::MalformedAuthorization(AuthorizationFlaw::NoColon)),
        TokenError::Client(ClientError::UnsupportedScheme) => TokenError::Client(ClientError::UnsupportedScheme),
        TokenError::Client(ClientError::UnknownClient) => TokenError::Client(ClientError::UnknownClient),
        TokenError::Client(ClientError::WrongSecret) => TokenError::Client(ClientError::WrongSecret),
        TokenError::Client(ClientError::SecretExpired { .. }) => TokenError::Client(ClientError::SecretExpired { secret_id: "s1".into() }),
        TokenError::Client(ClientError::ClientDisabled) => TokenError::Client(ClientError::ClientDisabled),
        TokenError::Client(ClientError::NoSecret) => TokenError::Client(ClientError::NoSecret),
        TokenError::Client(ClientError::RateLimited(Limit::ClientAndNetwork)) => TokenError::Client(ClientError::RateLimited(Limit::ClientAndNetwork)),
        TokenError::Client(ClientError::RateLimited(Limit::Network)) => TokenError::Client(ClientError::RateLimited(Limit::Network)),
        TokenError::Client(ClientError::RateLimited(Limit::Prefix)) => TokenError::Client(ClientError::RateLimited(Limit::Prefix)),
        TokenError::Client(ClientError::RateLimited(Limit::Revocation)) => TokenError::Client(ClientError::RateLimited(Limit::Revocation)),
        TokenError::Client(ClientError::PublicClient) => TokenError::Client(ClientError::PublicClient),
        TokenError::Grant(GrantError::MalformedScope) => TokenError::Grant(GrantError::MalformedScope),
        TokenError::Grant(GrantError::TooManyScopes) => TokenError::Grant(GrantError::TooManyScopes),
        TokenError::Grant(GrantError::OfflineAccess) => TokenError::Grant(GrantError::OfflineAccess),
        TokenError::Grant(GrantError::FederatedId) => TokenError::Grant(GrantError::FederatedId),
        TokenError::Grant(GrantError::UnrecognizedScopes(_)) => TokenError::Grant(GrantError::UnrecognizedScopes(scopes())),
        TokenError::Grant(GrantError::UntrustedPeers(_)) => TokenError::Grant(GrantError::UntrustedPeers(scopes())),
        TokenError::Target(TargetError::MalformedTarget) => TokenError::Target(TargetError::MalformedTarget),
        TokenError::Target(TargetError::TooManyTargets) => TokenError::Target(TargetError::TooManyTargets),
        TokenError::Target(TargetError::TargetNotGranted(_)) => TokenError::Target(TargetError::TargetNotGranted(api())),
        TokenError::Target(TargetError::UnknownApi(_)) => TokenError::Target(TargetError::UnknownApi(api())),
        TokenError::Target(TargetError::TargetsDiffer) => TokenError::Target(TargetError::TargetsDiffer),
        TokenError::Target(TargetError::TargetWithPeer(_)) => TokenError::Target(TargetError::TargetWithPeer(ClientId::parse("peer").unwrap())),
        TokenError::Grant(GrantError::ScopesDiffer) => TokenError::Grant(GrantError::ScopesDiffer),
        TokenError::Grant(GrantError::TokenTooLong) => TokenError::Grant(GrantError::TokenTooLong),
        TokenError::Target(TargetError::BoundDiffers) => TokenError::Target(TargetError::BoundDiffers),
        TokenError::Client(ClientError::SecretNotAllowed) => TokenError::Client(ClientError::SecretNotAllowed),
        TokenError::Client(ClientError::Certificate(CertificateFlaw::Unreadable)) => certificate(CertificateFlaw::Unreadable),
        TokenError::Client(ClientError::Certificate(CertificateFlaw::Revoked)) => certificate(CertificateFlaw::Revoked),
        TokenError::Client(ClientError::Certificate(CertificateFlaw::OutsideValidity)) => certificate(CertificateFlaw::OutsideValidity),
        TokenError::Client(ClientError::Certificate(CertificateFlaw::NotVerified)) => certificate(CertificateFlaw::NotVerified),
        TokenError::Client(ClientError::Certificate(CertificateFlaw::Unknown)) => certificate(CertificateFlaw::Unknown),
        TokenError::Binding(BindingError::NonceMissing) => TokenError::Binding(BindingError::NonceMissing),
        TokenError::Binding(BindingError::NonceUnknown) => TokenError::Binding(BindingError::NonceUnknown),
        TokenError::Binding(BindingError::ProofMissing) => TokenError::Binding(BindingError::ProofMissing),
        TokenError::Binding(BindingError::ProofNotAllowed) => TokenError::Binding(BindingError::ProofNotAllowed),
        TokenError::Binding(BindingError::Unbound) => TokenError::Binding(BindingError::Unbound),
        TokenError::Binding(BindingError::Proof(ProofFlaw::TooLarge)) => proof(ProofFlaw::TooLarge),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Several)) => proof(ProofFlaw::Several),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Malformed)) => proof(ProofFlaw::Malformed),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Header)) => proof(ProofFlaw::Header),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Type)) => proof(ProofFlaw::Type),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Algorithm)) => proof(ProofFlaw::Algorithm),
        TokenError::Binding(BindingError::Proof(ProofFlaw::NoKey)) => proof(ProofFlaw::NoKey),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Claims)) => proof(ProofFlaw::Claims),
        TokenError::Binding(BindingError::Proof(ProofFlaw::TokenId)) => proof(ProofFlaw::TokenId),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Method)) => proof(ProofFlaw::Method),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Uri)) => proof(ProofFlaw::Uri),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Expired)) => proof(ProofFlaw::Expired),
        TokenError::Binding(BindingError::Proof(ProofFlaw::NotYetValid)) => proof(ProofFlaw::NotYetValid),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Signature)) => proof(ProofFlaw::Signature),
        TokenError::Binding(BindingError::Proof(ProofFlaw::Key(_))) => proof(ProofFlaw::Key(PublicKeyError::Private)),
        TokenError::Client(ClientError::TokenOfAnotherClient) => TokenError::Client(ClientError::TokenOfAnotherClient),
        TokenError::Fault(Fault::Overloaded) => TokenError::Fault(Fault::Overloaded),
        TokenError::Fault(Fault::StoreUnavailable(_)) => TokenError::Fault(Fault::StoreUnavailable(Unavailable::new("KV did not answer within 2 s"))),
        TokenError::Fault(Fault::CorruptRecord(..)) =>
            TokenError::Fault(Fault::CorruptRecord(ClientId::parse("a").unwrap(), RecordError::Malformed("it is not JSON".into()))),
        TokenError::Fault(Fault::CorruptApi(..)) => TokenError::Fault(Fault::CorruptApi(api(), RecordError::Version(9))),
        TokenError::Fault(Fault::NoActiveKey) => TokenError::Fault(Fault::NoActiveKey),
        TokenError::Fault(Fault::NoActiveKeyFor(_)) => TokenError::Fault(Fault::NoActiveKeyFor(Algorithm::Rs256)),
        TokenError::Fault(Fault::CryptoUnavailable(_)) => TokenError::Fault(Fault::CryptoUnavailable(Unavailable::new("PBKDF2 failed"))),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::TooLarge, .. }) => assertion(AssertionFlaw::TooLarge),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Malformed, .. }) => assertion(AssertionFlaw::Malformed),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Header, .. }) => assertion(AssertionFlaw::Header),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Type, .. }) => assertion(AssertionFlaw::Type),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Algorithm, .. }) => assertion(AssertionFlaw::Algorithm),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::NoClient, .. }) => assertion(AssertionFlaw::NoClient),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::UnknownClient, .. }) => assertion(AssertionFlaw::UnknownClient),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::ClientDisabled, .. }) => assertion(AssertionFlaw::ClientDisabled),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::PublicClient, .. }) => assertion(AssertionFlaw::PublicClient),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Issuer, .. }) => assertion(AssertionFlaw::Issuer),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Subject, .. }) => assertion(AssertionFlaw::Subject),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::UnknownKey, .. }) => assertion(AssertionFlaw::UnknownKey),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Signature, .. }) => assertion(AssertionFlaw::Signature),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Audience, .. }) => assertion(AssertionFlaw::Audience),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Claims, .. }) => assertion(AssertionFlaw::Claims),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Expired, .. }) => assertion(AssertionFlaw::Expired),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::NotYetValid, .. }) => assertion(AssertionFlaw::NotYetValid),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Lifetime, .. }) => assertion(AssertionFlaw::Lifetime),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::TokenId, .. }) => assertion(AssertionFlaw::TokenId),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::NoRule, .. }) => assertion(AssertionFlaw::NoRule),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::NotAllowed, .. }) => assertion(AssertionFlaw::NotAllowed),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::Replayed, .. }) => assertion(AssertionFlaw::Replayed),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::IssuerNotTrusted(_), .. }) =>
            assertion(AssertionFlaw::IssuerNotTrusted("https://id.example/".into())),
        TokenError::Assertion(AssertionError { flaw: AssertionFlaw::KeyExpired { .. }, .. }) =>
            assertion(AssertionFlaw::KeyExpired { kid: "k1".into() }),
        TokenError::Request(RequestError::HalfAnAssertion) => TokenError::Request(RequestError::HalfAnAssertion),
        TokenError::Request(RequestError::AssertionType) => TokenError::Request(RequestError::AssertionType),
        TokenError::Request(RequestError::AssertionMissing) => TokenError::Request(RequestError::AssertionMissing),
        TokenError::Request(RequestError::ClientIdMissing) => TokenError::Request(RequestError::ClientIdMissing),
        TokenError::Fault(Fault::CorruptIssuer(..)) =>
            TokenError::Fault(Fault::CorruptIssuer(TrustedIssuerId::parse("https://id.example/").unwrap(), RecordError::NoAlgorithm)),
        TokenError::Fault(Fault::KeysUnavailable(..)) =>
            TokenError::Fault(Fault::KeysUnavailable("https://id.example/keys".into(), Unavailable::new("the answer has status 500"))),
        TokenError::Fault(Fault::ReplayUnavailable(_)) => TokenError::Fault(Fault::ReplayUnavailable(Unavailable::new("REPLAY did not answer"))),
    }

    fn certificate(flaw: CertificateFlaw) -> TokenError {
        TokenError::Client(ClientError::Certificate(flaw))
    }

    fn proof(flaw: ProofFlaw) -> TokenError {
        TokenError::Binding(BindingError::Proof(flaw))
    }

    fn assertion(flaw: AssertionFlaw) -> TokenError {
        AssertionError { flaw, used_as: AssertionUse::Grant }.into()
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

    /// The first words of the second sentence.
    const REMEDIES: [&str; 23] = [
        "Add",
        "Compare",
        "Configure",
        "Correct",
        "Deploy",
        "Encode",
        "Give",
        "Import",
        "Let",
        "List",
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
        "Sign",
        "Upload",
    ];

    #[test]
    fn a_reason_has_a_name_of_its_own() {
        let name = |error: &TokenError| error.reason();
        assert_eq!(name(&TokenError::Fault(Fault::Overloaded)), "overloaded");
        let names: Vec<&str> = examples().iter().map(name).collect();
        let is_name = |name: &&str| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        assert!(names.iter().all(is_name), "{names:?}");
        let mut different = names.clone();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() > names.len() / 2, "{names:?}");
    }

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
