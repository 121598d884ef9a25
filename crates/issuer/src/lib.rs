//! The issuer: everything an RFC speaks of, and nothing else.
//!
//! Bytes come in as a [`Request`] and leave as a [`Response`]; in between stands one path in one
//! direction: [`TokenRequest`] → [`AuthenticatedClient`] → [`Grant`] → signed token. Each step consumes
//! the last, so that there is no way to a token that leaves one out.
//!
//! This crate knows no runtime, clock, random source, environment or logger. What lies outside and can
//! fail is asked through the traits of [`ports`]; what is merely a fact is passed in as a [`Moment`];
//! what happened is returned as an [`Event`] for the host to write.

mod authenticate;
mod authority;
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

pub use crate::authenticate::brake::Limit;
pub use crate::authenticate::{AuthenticatedClient, MAX_SLOW_HASHES};
pub use crate::authority::{Authority, Outcome};
pub use crate::config::{
    Config, ConfigErrors, ConfigMistake, DEFAULT_CLIENT_CACHE, DEFAULT_STALE_IF_ERROR, GrantType,
    SIGNING_KEY_PREFIX, TokenProfile, setting,
};
pub use crate::discovery::metadata::DOCUMENT_MAX_AGE;
pub use crate::error::code::ErrorCode;
pub use crate::error::{TokenError, Unavailable};
pub use crate::grammar::duration::{Lifetime, LifetimeError};
pub use crate::grammar::form::{FormError, decode as form_decode};
pub use crate::grammar::issuer_url::{Issuer, IssuerError};
pub use crate::grammar::scope::{Scope, ScopeError, ScopeToken};
pub use crate::grant::Grant;
pub use crate::http::arrival::Arrival;
pub use crate::http::response::{Body, LIMITS, MAX_BODY, Request, Response};
pub use crate::jose::signing_key::{Algorithm, KeyError, SigningKey, SigningKeys};
pub use crate::log::count::{COUNTED, Count};
pub use crate::log::event::{Decision, Event};
pub use crate::mint::{client_of_subject, subject};
pub use crate::ports::{Moment, NoBrake};
pub use crate::records::api::{API_KV_PREFIX, ApiId, ApiIdError, ApiRecord, ApiScope};
pub use crate::records::client::{
    ClientId, ClientIdError, ClientRecord, Introspect, KV_PREFIX, MAX_CLAIMS, RESERVED_CLAIMS,
    SHORTEST_KV_CACHE, StoredSecret, check_claims,
};
pub use crate::records::schema::{Object, RecordError};
pub use crate::request::TokenRequest;
pub use crate::request::credentials::{AuthorizationFlaw, ClientSecret, Credentials};
pub use crate::secret::hash::{GeneratedSecret, MAX_PBKDF2_ITERATIONS, SecretHash, SecretHashError};
pub use crate::secret::shown::Shown;
