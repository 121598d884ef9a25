//! An assertion that is not accepted: a client's own, or the identity token of a workload (RFC 7521 §4).

use crate::error::code::ErrorCode as Code;
use crate::error::row::Row;

/// The way an assertion came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionUse {
    /// As client authentication: the parameter `client_assertion` (RFC 7523 §2.2).
    ClientAuthentication,
    /// As a grant: the parameter `assertion` (RFC 7523 §2.1).
    Grant,
}

/// An assertion that is not accepted. One row for each flaw.
///
/// The sender gets one answer for all flaws, so an attacker learns neither which clients exist nor how far an
/// assertion came. RFC 7521 §4.2.1 and §4.1.1 state the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionError {
    /// The reason.
    pub flaw: AssertionFlaw,
    /// The way it came.
    pub used_as: AssertionUse,
}

/// Why an assertion is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssertionFlaw {
    /// Longer than 8 KiB.
    TooLarge,
    /// Not a compact JWS with a JSON object as header and as claims, or one that repeats a member.
    Malformed,
    /// The header has `crit`, `b64`, `jku`, `jwk` or `x5u`.
    Header,
    /// The header's `typ` is that of another kind of token (RFC 8725 §3.11).
    Type,
    /// `alg` is not supported, or not accepted of this sender.
    Algorithm,
    /// No `client_id`, and `iss` and `sub` do not name a client.
    NoClient,
    /// No such client.
    UnknownClient,
    /// The client is disabled.
    ClientDisabled,
    /// A public client.
    PublicClient,
    /// `iss` is neither the client nor an issuer that a rule of the client names.
    Issuer,
    /// The issuer is registered, but disabled, or not registered at all. The text is its identifier.
    IssuerNotTrusted(String),
    /// `iss` is the client, but `sub` is not.
    Subject,
    /// The client has no key with this `kid` and `alg`.
    UnknownKey,
    /// The key has expired.
    KeyExpired {
        /// Its `kid`.
        kid: String,
    },
    /// The signature does not match, or the key cannot be used.
    Signature,
    /// `aud` is not exactly the issuer.
    Audience,
    /// `exp`, `iat`, `nbf`, `iss` or `sub` is missing or malformed.
    Claims,
    /// `exp` is over.
    Expired,
    /// `iat` or `nbf` is in the future.
    NotYetValid,
    /// It lives longer, or is older, than the client or the issuer allows.
    Lifetime,
    /// `jti` is missing or malformed.
    TokenId,
    /// No rule of the client matches the token.
    NoRule,
    /// The identity token of a workload, which the FAPI 2.0 profile does not allow.
    NotAllowed,
    /// It was used before.
    Replayed,
}

impl AssertionFlaw {
    /// The reason as a stable name, and the detail for the log.
    fn row(&self) -> (&'static str, std::borrow::Cow<'static, str>) {
        match self {
            Self::TooLarge => (
                "assertion_too_large",
                "the assertion is longer than 8 KiB. Configure its sender to put fewer claims into it.".into(),
            ),
            Self::Malformed => (
                "assertion_malformed",
                "the assertion is not a compact JWT with a header of at most 1 KiB, or it repeats a member. Send the \
                 JWT as its issuer made it."
                    .into(),
            ),
            Self::Header => (
                "assertion_header",
                "the header of the assertion has crit, b64, jku, jwk or x5u. Sign it without these members."
                    .into(),
            ),
            Self::Type => (
                "assertion_type",
                "`typ` in the header of the assertion is that of another kind of token. Send a client assertion or an \
                 identity token, and not an access token."
                    .into(),
            ),
            Self::Algorithm => (
                "assertion_algorithm",
                "`alg` of the assertion is not accepted. Sign it with ES256, PS256 or EdDSA, or register the key for RS256; \
                 for a platform, look at the algorithms with `edgemint issuer show`."
                    .into(),
            ),
            Self::NoClient => (
                "assertion_client",
                "the assertion names no client. Send `client_id` beside the token of a platform; in an own assertion, set \
                 both `iss` and `sub` to the client ID."
                    .into(),
            ),
            Self::UnknownClient => (
                "unknown_client",
                "there is no client with this ID. Correct the ID at the service, or add the client with `edgemint client \
                 add`."
                    .into(),
            ),
            Self::ClientDisabled => (
                "client_disabled",
                "the client is disabled. Run `edgemint client enable` to let it get tokens again.".into(),
            ),
            Self::PublicClient => (
                "public_client",
                "the client is public, and public clients get no token by this grant. Add a client for the service."
                    .into(),
            ),
            Self::Issuer => (
                "assertion_issuer",
                "`iss` of the assertion is neither the client nor an issuer that a rule of the client names. Set `iss` to \
                 the client ID, or add a rule with `edgemint client trust`."
                    .into(),
            ),
            Self::IssuerNotTrusted(id) => (
                "issuer_not_trusted",
                format!(
                    "a rule of the client names the issuer {id}, which is disabled or not registered. Run `edgemint issuer \
                     enable` or `edgemint issuer add`."
                )
                .into(),
            ),
            Self::Subject => (
                "assertion_subject",
                "`iss` of the assertion is the client, and `sub` is not. Set both to the client ID.".into(),
            ),
            Self::UnknownKey => (
                "assertion_key",
                "no key is registered with the `kid` and `alg` of the assertion. Register it with `edgemint client key \
                 add`, or correct the key of the sender."
                    .into(),
            ),
            Self::KeyExpired { kid } => (
                "assertion_key_expired",
                format!(
                    "the key {kid} of this client has expired. Register a new one with `edgemint client key add`."
                )
                .into(),
            ),
            Self::Signature => (
                "assertion_signature",
                "the signature of the assertion does not match the registered key. Compare the key of the sender with \
                 `edgemint client key list`."
                    .into(),
            ),
            Self::Audience => (
                "assertion_audience",
                "`aud` of the assertion is not exactly the issuer, byte for byte and as a string. Set it to ISSUER, or \
                 accept the token endpoint with `assertion_audience`."
                    .into(),
            ),
            Self::Claims => (
                "assertion_claims",
                "a claim of the assertion is missing or malformed. Send `iss`, `sub`, `aud` and `exp`, and times as numbers; \
                 the token of a platform also needs `iat`."
                    .into(),
            ),
            Self::Expired => (
                "assertion_expired",
                "the assertion has expired. Sign a new one for each request, and correct the clock of the sender."
                    .into(),
            ),
            Self::NotYetValid => (
                "assertion_not_yet_valid",
                "`iat` or `nbf` of the assertion is more than 60 s ahead. Correct the clock of the sender."
                    .into(),
            ),
            Self::Lifetime => (
                "assertion_lifetime",
                "the assertion lives longer, or is older, than this client or this issuer allows. Let it live for a minute, \
                 or raise `assertion_lifetime` of the client or `max_age` of the issuer."
                    .into(),
            ),
            Self::TokenId => (
                "assertion_jti",
                "`jti` of the assertion is missing, or not 1 to 256 characters. Send a new random `jti` each time."
                    .into(),
            ),
            Self::NoRule => (
                "assertion_rule",
                "no rule of the client matches the token. Run `edgemint client trust-test` with such a token to see which \
                 condition fails."
                    .into(),
            ),
            Self::NotAllowed => (
                "assertion_not_allowed",
                "the assertion is the identity token of a workload, and FAPI=on allows only own keys and certificates. Register \
                 a key with `edgemint client key add`."
                    .into(),
            ),
            Self::Replayed => (
                "assertion_replayed",
                "the assertion was used before. Sign a new one, or get a new token, for each request."
                    .into(),
            ),
        }
    }
}

impl AssertionError {
    /// The row of this flaw.
    pub(super) fn row(&self) -> Row {
        let (reason, detail) = self.flaw.row();
        match self.used_as {
            AssertionUse::ClientAuthentication => {
                Row::new(Code::InvalidClient, reason, "Invalid client credentials.", detail)
            }
            AssertionUse::Grant => Row::new(Code::InvalidGrant, reason, "Invalid assertion.", detail),
        }
    }
}
