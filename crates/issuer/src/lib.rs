//! The issuer: everything an RFC speaks of, and nothing else.
//!
//! Bytes come in as a [`Request`] and leave as a [`Response`]; in between stands one path in one
//! direction: [`TokenRequest`] → [`AuthenticatedClient`] → [`Grant`] → signed token. Each step consumes
//! the last, so that there is no way to a token that leaves one out.
//!
//! This crate knows no runtime, clock, random source, environment or logger. What lies outside and can
//! fail is asked through the traits of [`ports`]; what is merely a fact is passed in as a [`Moment`];
//! what happened is returned as an [`Event`] for the host to write.

mod accept;
mod api;
mod arrival;
mod authenticate;
mod authority;
mod authorization;
mod brake;
mod breaker;
mod client;
mod clients;
mod config;
mod cors;
mod count;
mod credentials;
mod detail;
mod duration;
mod entitlement;
mod error;
mod error_code;
mod event;
mod form;
mod grant;
mod http;
mod inspection;
mod introspect;
mod issuer_url;
mod json;
mod keys;
mod memory;
mod metadata;
pub mod ports;
mod record;
mod request;
mod revocations;
mod revoke;
mod scope;
mod secret;
mod shown;
mod signed_metadata;
mod slow_hash;
mod target;
mod token;
mod trail;
mod verify;

pub use api::{API_KV_PREFIX, ApiId, ApiIdError, ApiRecord, ApiScope};
pub use arrival::Arrival;
pub use authenticate::{AuthenticatedClient, MAX_SLOW_HASHES};
pub use authority::{Authority, Outcome};
pub use brake::Limit;
pub use client::{
    ClientId, ClientIdError, ClientRecord, Introspect, KV_PREFIX, MAX_CLAIMS, RESERVED_CLAIMS,
    SHORTEST_KV_CACHE, StoredSecret, check_claims,
};
pub use config::{
    Config, ConfigErrors, ConfigMistake, DEFAULT_CLIENT_CACHE, DEFAULT_STALE_IF_ERROR, GrantType,
    SIGNING_KEY_PREFIX, TokenProfile, setting,
};
pub use count::{COUNTED, Count};
pub use credentials::{AuthorizationFlaw, ClientSecret, Credentials};
pub use duration::{Lifetime, LifetimeError};
pub use error::{TokenError, Unavailable};
pub use error_code::ErrorCode;
pub use event::{Decision, Event};
pub use form::{FormError, decode as form_decode};
pub use grant::Grant;
pub use http::{Body, LIMITS, MAX_BODY, Request, Response};
pub use issuer_url::{Issuer, IssuerError};
pub use keys::{Algorithm, KeyError, SigningKey, SigningKeys};
pub use metadata::DOCUMENT_MAX_AGE;
pub use ports::{Moment, NoBrake};
pub use record::{Object, RecordError};
pub use request::TokenRequest;
pub use scope::{Scope, ScopeError, ScopeToken};
pub use secret::{GeneratedSecret, MAX_PBKDF2_ITERATIONS, SecretHash, SecretHashError};
pub use shown::Shown;
pub use token::{client_of_subject, subject};
