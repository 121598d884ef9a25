//! The issuer: everything that an RFC specifies, and nothing else.
//!
//! A [`Request`] comes in as bytes and leaves as a [`Response`]. Between them is one path in one direction:
//! [`TokenRequest`] → [`AuthenticatedClient`] → [`Grant`] → signed token. Each step consumes the result of
//! the step before, so no code can skip one.
//!
//! This crate knows no runtime, clock, random source, environment or logger. It calls everything outside that
//! can fail through the traits of [`ports`]. The host passes facts in as a [`Moment`], and writes the
//! [`Event`] that it gets back.

mod authenticate;
mod authority;
mod binding;
mod config;
mod discovery;
mod endpoint;
mod error;
mod grammar;
mod grant;
mod http;
mod jose;
mod log;
mod mint;
pub mod ports;
mod records;
mod registry;
mod request;
mod secret;
mod verify;

pub use crate::authenticate::{AuthenticatedClient, MAX_SLOW_HASHES};
pub use crate::authority::{Authority, Served};
pub use crate::config::Config;
pub use crate::config::errors::{ConfigError, ConfigErrors};
pub use crate::config::grant_type::GrantType;
pub use crate::config::profile::TokenProfile;
pub use crate::config::variables::{
    DEFAULT_CLIENT_CACHE, DEFAULT_STALE_IF_ERROR, SHORTEST_KV_CACHE, SIGNING_KEY_PREFIX, VARIABLES, setting,
};
pub use crate::discovery::document::DOCUMENT_MAX_AGE;
pub use crate::error::TokenError;
pub use crate::error::assertion::{AssertionError, AssertionFlaw, AssertionUse};
pub use crate::error::authorization::AuthorizationFlaw;
pub use crate::error::certificate::CertificateFlaw;
pub use crate::error::client::ClientError;
pub use crate::error::code::ErrorCode;
pub use crate::error::fault::Fault;
pub use crate::error::grant::GrantError;
pub use crate::error::proof::{BindingError, ProofFlaw};
pub use crate::error::request::RequestError;
pub use crate::error::target::TargetError;
pub use crate::grammar::duration::{Lifetime, LifetimeError};
pub use crate::grammar::form::{FormError, decode as form_decode};
pub use crate::grammar::issuer_scope::IssuerScope;
pub use crate::grammar::issuer_url::{Issuer, IssuerError};
pub use crate::grammar::key_set_url::{KeySetUrl, KeySetUrlError};
pub use crate::grammar::limits::{LIMITS, MAX_BODY};
pub use crate::grammar::members::{Members, members};
pub use crate::grammar::scope::{Scope, ScopeError, ScopeToken};
pub use crate::grant::Grant;
pub use crate::http::arrival::Arrival;
pub use crate::http::request::{Body, Request};
pub use crate::http::response::Response;
pub use crate::jose::algorithm::Algorithm;
pub use crate::jose::jwks::{KeySet, KeySetError};
pub use crate::jose::key_set::SigningKeys;
pub use crate::jose::public_key::{PublicKey, PublicKeyError};
pub use crate::jose::signature_algorithm::SignatureAlgorithm;
pub use crate::jose::signing_key::{KeyError, SigningKey};
pub use crate::log::count::{COUNTED, Count};
pub use crate::log::event::{Decision, Event, Proof};
pub use crate::log::seen::SeenAssertion;
pub use crate::log::tally::{COUNTED_FOR, Counted, Tally};
pub use crate::ports::{Limit, Moment, NoRateLimit, NoReplay, SingleUse, Unavailable, Verdict};
pub use crate::records::api::{ApiRecord, ApiScope};
pub use crate::records::api_id::{API_KV_PREFIX, ApiId, ApiIdError};
pub use crate::records::bound::Bound;
pub use crate::records::certificate::{CertificateMatch, ClientCertificate, MAX_CERTIFICATES};
pub use crate::records::claims::{MAX_CLAIMS, RESERVED_CLAIMS, check_claims};
pub use crate::records::client::{ClientRecord, Introspect, StoredSecret};
pub use crate::records::client_id::{ClientId, ClientIdError, KV_PREFIX};
pub use crate::records::client_key::{
    AssertionAudience, ClientKey, DEFAULT_ASSERTION_LIFETIME, LONGEST_ASSERTION_LIFETIME, MAX_CLIENT_KEYS,
    SHORTEST_ASSERTION_LIFETIME,
};
pub use crate::records::identity::{Identity, MAX_IDENTITIES, MAX_RULE_CLAIMS, Mismatch, MissingPin};
pub use crate::records::platform::Platform;
pub use crate::records::schema::{Object, RecordError};
pub use crate::records::subject::{client_of_subject, subject};
pub use crate::records::trusted_issuer::{
    ISSUER_KV_PREFIX, IssuerKeys, MAX_AGES, TrustedIssuer, TrustedIssuerId, TrustedIssuerIdError,
};
pub use crate::request::TokenRequest;
pub use crate::request::credentials::Credentials;
pub use crate::secret::ClientSecret;
pub use crate::secret::generated::GeneratedSecret;
pub use crate::secret::hash::{MAX_PBKDF2_ITERATIONS, SecretHash, SecretHashError};
pub use crate::secret::shown::Shown;
