//! Reads each variable of a deployment, within its bounds.

use std::fmt;
use std::ops::RangeInclusive;

use crate::config::errors::ConfigError;
use crate::config::grant_type::{GRANTS_OF_DEX, GrantType};
use crate::grammar::duration::Lifetime;
use crate::grammar::issuer_url::Issuer;
use crate::grammar::list::list;
use crate::jose::algorithm::Algorithm;
use crate::jose::key_set::SigningKeys;
use crate::jose::signing_key::{KeyError, SigningKey};

/// The shortest time for which KV caches a record at a location, at the time of writing.
pub const SHORTEST_KV_CACHE: Lifetime = Lifetime::from_seconds(30);

/// The variables that a deployment may set, in addition to its signing keys ([`SIGNING_KEY_PREFIX`]).
pub const VARIABLES: [&str; 16] = [
    "ISSUER",
    "GRANT_TYPES",
    "CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT",
    "TOKEN_PROFILE",
    "TOKEN_LIFETIME",
    "MAX_TOKEN_LIFETIME",
    "CLIENT_CACHE",
    "STALE_IF_ERROR",
    "CORS_ALLOWED_ORIGINS",
    "CORS_ALLOWED_HEADERS",
    "SIGNING_ALG",
    "DPOP_NONCE",
    "MTLS_HOST",
    "FAPI",
    "LOG_ISSUED",
    "LOCATION_CACHE",
];

/// The prefix of the name of every secret that holds a signing key.
pub const SIGNING_KEY_PREFIX: &str = "SIGNING_KEY_";

/// How long a client record may be served from memory and from KV's cache, when `CLIENT_CACHE` is not set.
pub const DEFAULT_CLIENT_CACHE: Lifetime = Lifetime::from_seconds(60);

/// How much longer a record may be served from memory while the store fails, when `STALE_IF_ERROR` is not
/// set.
pub const DEFAULT_STALE_IF_ERROR: Lifetime = Lifetime::from_seconds(600);

/// The longest `STALE_IF_ERROR`.
pub(crate) const LONGEST_STALE: Lifetime = Lifetime::from_seconds(24 * 3600);

/// Collects errors, so that one does not hide the next.
#[derive(Default)]
pub(crate) struct ErrorCollector(pub(super) Vec<ConfigError>);

impl ErrorCollector {
    pub(super) fn add(&mut self, name: &str, message: impl fmt::Display) {
        self.0.push(ConfigError { name: name.to_owned(), message: message.to_string() });
    }

    pub(super) fn ok<T, E: fmt::Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(name, error)).ok()
    }
}

/// A variable or secret without what tools put around it: white space, such as a line break at the end, and
/// the byte order mark that PowerShell adds in a pipe.
pub fn setting(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

impl ErrorCollector {
    /// Opt-in, as in dex. `GRANT_TYPES` lists exactly what is served. Without it, the flag decides.
    pub(super) fn grants(&mut self, listed: Option<&str>, by_default: Option<&str>) -> Vec<GrantType> {
        let by_default = match by_default.map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => {
                self.add("CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT", "must be true or false");
                false
            }
        };
        let Some(listed) = listed.filter(|text| list(text).next().is_some()) else {
            return if by_default { vec![GrantType::ClientCredentials] } else { Vec::new() };
        };
        for name in list(listed) {
            if GrantType::named(name).is_none() && !GRANTS_OF_DEX.contains(&name) {
                self.add(
                    "GRANT_TYPES",
                    "lists a grant that is not known: client_credentials and \
                     urn:ietf:params:oauth:grant-type:jwt-bearer are served",
                );
                break;
            }
        }
        GrantType::ALL.into_iter().filter(|grant| list(listed).any(|name| name == grant.name())).collect()
    }

    pub(super) fn lifetime(
        &mut self,
        name: &str,
        value: Option<&str>,
        default: Lifetime,
        bounds: RangeInclusive<Lifetime>,
    ) -> Lifetime {
        let Some(value) = value else { return default };
        match self.ok(name, Lifetime::parse(value).map_err(|error| format!("is {error}"))) {
            Some(lifetime) if bounds.contains(&lifetime) => lifetime,
            Some(_) => {
                self.add(name, format_args!("must be from {} to {}", bounds.start(), bounds.end()));
                default
            }
            None => default,
        }
    }

    pub(super) fn client_cache(&mut self, value: Option<&str>) -> Lifetime {
        let hour = Lifetime::from_seconds(3600);
        if value == Some("0") {
            return Lifetime::from_seconds(0);
        }
        self.lifetime("CLIENT_CACHE", value, DEFAULT_CLIENT_CACHE, SHORTEST_KV_CACHE..=hour)
    }

    pub(super) fn algorithm(&mut self, name: &str) -> Option<Algorithm> {
        let known = Algorithm::named(name);
        if known.is_none() {
            self.add("SIGNING_ALG", "must be ES256, RS256 or EdDSA");
        }
        known
    }

    /// The base URL of the endpoints at `host`, where clients present certificates.
    pub(super) fn mtls_base(&mut self, host: Option<&str>, path: &str) -> Option<String> {
        let host = host?;
        match Issuer::parse(&format!("https://{host}")) {
            Ok(base) if base.path().is_empty() && base.base() == base.as_str() => {
                Some(format!("{}{path}", base.base()))
            }
            Ok(_) | Err(_) => {
                self.add(
                    "MTLS_HOST",
                    "must be a host, as in mtls.tokens.example.com, without https:// and path",
                );
                None
            }
        }
    }

    /// Whether a switch is set to `on`.
    pub(super) fn switch(&mut self, name: &str, value: Option<&str>, [on, off]: [&str; 2]) -> bool {
        match value {
            Some(value) if value == on => true,
            None => false,
            Some(value) if value == off => false,
            Some(_) => {
                self.add(name, format_args!("must be {on} or {off}"));
                false
            }
        }
    }

    /// Whether records may be kept in the cache of a location: unless the variable is `off`, or the Worker is at
    /// `workers.dev`. Cloudflare does not say which Workers of other accounts share a cache there.
    pub(super) fn location_cache(&mut self, value: Option<&str>, issuer: Option<&Issuer>) -> bool {
        let is_off = self.switch("LOCATION_CACHE", value, ["off", "on"]);
        !is_off && !issuer.is_some_and(Issuer::is_at_workers_dev)
    }

    /// The rules of the FAPI 2.0 profile for what else the deployment configures (§5.3.2.1, §5.4.1).
    pub(super) fn fapi(&mut self, grants: &[GrantType], keys: &SigningKeys) {
        if grants.contains(&GrantType::JwtBearer) {
            self.add(
                "GRANT_TYPES",
                "lists urn:ietf:params:oauth:grant-type:jwt-bearer, which FAPI=on does not allow",
            );
        }
        for key in keys.all().filter(|key| key.alg() == Algorithm::Rs256) {
            self.add(
                key.name(),
                "is a key for RS256, which FAPI=on does not allow: make one with `edgemint key generate --alg ES256`",
            );
        }
    }

    pub(super) fn keys<'a>(
        &mut self,
        alg: Option<Algorithm>,
        secrets: impl Iterator<Item = &'a (&'a str, &'a str)>,
    ) -> SigningKeys {
        let mut keys: Vec<SigningKey> = Vec::new();
        let mut any = false;
        for (name, jwk) in secrets {
            any = true;
            let Some(key) = self.ok(name, SigningKey::parse(name, jwk)) else { continue };
            if keys.iter().any(|known| known.kid() == key.kid()) {
                self.add(name, KeyError::RepeatedKeyId);
            } else {
                keys.push(key);
            }
        }
        if !any {
            self.add(
                "SIGNING_KEY_<NAME>",
                "is missing: set at least one such secret to what `edgemint key generate` prints",
            );
        }
        SigningKeys::new(keys, alg)
    }
}
