//! The configuration: variables as text in, a type that cannot be wrong out, every mistake at once.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::grammar::duration::Lifetime;
use crate::grammar::issuer_url::Issuer;
use crate::http::cors::{AllowedHeaders, AllowedOrigins, Cors};
use crate::jose::signing_key::{Algorithm, KeyError, SigningKey, SigningKeys};
use crate::records::client::SHORTEST_KV_CACHE;

/// What the name of every secret that holds a signing key begins with.
pub const SIGNING_KEY_PREFIX: &str = "SIGNING_KEY_";

/// How long a client record may be served from memory and from KV's cache, when `CLIENT_CACHE` is not set.
pub const DEFAULT_CLIENT_CACHE: Lifetime = Lifetime::from_seconds(60);

/// For how long longer a record may be served from memory while the store fails, when `STALE_IF_ERROR` is not set.
pub const DEFAULT_STALE_IF_ERROR: Lifetime = Lifetime::from_seconds(600);

/// The longest `STALE_IF_ERROR`.
const LONGEST_STALE: Lifetime = Lifetime::from_seconds(24 * 3600);

/// A grant that edgemint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// RFC 6749 §4.4.
    ClientCredentials,
}

impl GrantType {
    /// The value of `grant_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// Grants that a dex configuration may list and that edgemint does not have: accepted, not served.
const GRANTS_OF_DEX: [&str; 6] = [
    "authorization_code",
    "refresh_token",
    "implicit",
    "password",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

/// What tokens look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenProfile {
    /// As dex makes them.
    Dex,
    /// JWT access tokens of RFC 9068.
    Rfc9068,
}

impl TokenProfile {
    /// The value of `TOKEN_PROFILE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dex => "dex",
            Self::Rfc9068 => "rfc9068",
        }
    }

    /// The value of `token_type` in the answer, in the spelling of dex and of RFC 6750 §4: it is compared without
    /// case (RFC 6749 §5.1).
    pub(crate) fn token_type(self) -> &'static str {
        match self {
            Self::Dex => "bearer",
            Self::Rfc9068 => "Bearer",
        }
    }
}

/// The configuration of a deployment.
#[derive(Debug)]
pub struct Config {
    pub(crate) issuer: Issuer,
    pub(crate) grants: Vec<GrantType>,
    pub(crate) profile: TokenProfile,
    pub(crate) token_lifetime: Lifetime,
    pub(crate) max_token_lifetime: Lifetime,
    pub(crate) client_cache: Lifetime,
    pub(crate) stale_if_error: Lifetime,
    pub(crate) cors: Cors,
    pub(crate) keys: SigningKeys,
}

/// One mistake: which variable, and what is wrong with it. Never shows a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMistake {
    /// The variable or secret.
    pub name: String,
    /// What is wrong and what it should be; reads on after the name.
    pub mend: String,
}

/// Every mistake of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigMistake>);

impl ConfigErrors {
    /// The mistakes; at least one.
    pub fn mistakes(&self) -> &[ConfigMistake] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            let separator = if i > 0 { "; " } else { "" };
            write!(f, "{separator}{} {}", mistake.name, mistake.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects mistakes, so that one does not hide the next.
#[derive(Default)]
struct Mistakes(Vec<ConfigMistake>);

impl Mistakes {
    fn add(&mut self, name: &str, mend: impl fmt::Display) {
        self.0.push(ConfigMistake { name: name.to_owned(), mend: mend.to_string() });
    }

    fn ok<T, E: fmt::Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(name, error)).ok()
    }
}

impl Config {
    /// Reads the variables and secrets of a deployment; names that are not edgemint's are left alone, and
    /// an empty value is an absent one. What surrounds a value is not part of it ([`setting`]).
    ///
    /// ```
    /// # use edgemint_issuer::Config;
    /// let errors = Config::parse([("ISSUER", "http://example.com")]).unwrap_err();
    /// let names: Vec<_> = errors.mistakes().iter().map(|mistake| mistake.name.as_str()).collect();
    /// assert_eq!(names, ["ISSUER", "SIGNING_KEY_<NAME>"]);
    /// ```
    ///
    /// # Errors
    ///
    /// Every mistake there is, by variable.
    pub fn parse<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ConfigErrors> {
        let variables: Vec<(&str, &str)> = variables
            .into_iter()
            .map(|(name, value)| (name, setting(value)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let get = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let mut wrong = Mistakes::default();

        let issuer = match get("ISSUER") {
            Some(url) => wrong.ok("ISSUER", Issuer::parse(url)),
            None => {
                wrong.add("ISSUER", "is missing: set it to the URL that clients reach this Worker under");
                None
            }
        };
        let grants = wrong.grants(get("GRANT_TYPES"), get("CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT"));
        let profile = match get("TOKEN_PROFILE") {
            None | Some("dex") => TokenProfile::Dex,
            Some("rfc9068") => TokenProfile::Rfc9068,
            Some(_) => {
                wrong.add("TOKEN_PROFILE", "must be dex or rfc9068");
                TokenProfile::Dex
            }
        };
        let (shortest, longest) = (Lifetime::SHORTEST_OF_TOKENS, Lifetime::LONGEST_OF_TOKENS);
        let max_token_lifetime =
            wrong.lifetime("MAX_TOKEN_LIFETIME", get("MAX_TOKEN_LIFETIME"), longest, shortest..=longest);
        let ten_minutes = Lifetime::from_seconds(600).min(max_token_lifetime);
        let token_lifetime = wrong.lifetime(
            "TOKEN_LIFETIME",
            get("TOKEN_LIFETIME"),
            ten_minutes,
            shortest..=max_token_lifetime,
        );
        let client_cache = wrong.client_cache(get("CLIENT_CACHE"));
        let none = Lifetime::from_seconds(0);
        let stale_if_error = wrong.lifetime(
            "STALE_IF_ERROR",
            get("STALE_IF_ERROR"),
            DEFAULT_STALE_IF_ERROR,
            none..=LONGEST_STALE,
        );
        let origins = AllowedOrigins::parse(get("CORS_ALLOWED_ORIGINS").unwrap_or_default());
        let origins = wrong.ok("CORS_ALLOWED_ORIGINS", origins);
        let headers = AllowedHeaders::parse(get("CORS_ALLOWED_HEADERS").unwrap_or_default());
        let headers = wrong.ok("CORS_ALLOWED_HEADERS", headers);
        let alg = get("SIGNING_ALG").and_then(|name| wrong.algorithm(name));
        let keys = wrong.keys(alg, variables.iter().filter(|(name, _)| name.starts_with(SIGNING_KEY_PREFIX)));

        match (issuer, origins, headers) {
            (Some(issuer), Some(origins), Some(headers)) if wrong.0.is_empty() => Ok(Self {
                cors: Cors::new(origins, headers, &issuer),
                issuer,
                grants,
                profile,
                token_lifetime,
                max_token_lifetime,
                client_cache,
                stale_if_error,
                keys,
            }),
            _ => Err(ConfigErrors(wrong.0)),
        }
    }

    /// Whether `grant` is served.
    pub fn serves(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// How long a client record may be served from memory and from KV's cache.
    pub fn client_cache(&self) -> Lifetime {
        self.client_cache
    }

    /// The issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The signing keys.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }
}

/// A variable or secret without what tools put around it: white space, such as a line break at the end, and the byte
/// order mark that PowerShell puts before what it pipes.
pub fn setting(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// The items of a list that commas or spaces separate.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\n', '\r']).filter(|item| !item.is_empty())
}

impl Mistakes {
    /// Opt-in, as in dex: `GRANT_TYPES` says exactly what is served; without it the flag decides.
    fn grants(&mut self, listed: Option<&str>, by_default: Option<&str>) -> Vec<GrantType> {
        let by_default = match by_default.map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => {
                self.add("CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT", "must be true or false");
                false
            }
        };
        let all = [GrantType::ClientCredentials];
        let Some(listed) = listed.filter(|text| list(text).next().is_some()) else {
            return if by_default { all.to_vec() } else { Vec::new() };
        };
        for name in list(listed) {
            if !all.iter().any(|grant| grant.name() == name) && !GRANTS_OF_DEX.contains(&name) {
                self.add(
                    "GRANT_TYPES",
                    "lists a grant that is not known: client_credentials is the one that is served",
                );
                break;
            }
        }
        all.into_iter().filter(|grant| list(listed).any(|name| name == grant.name())).collect()
    }

    fn lifetime(
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

    fn client_cache(&mut self, value: Option<&str>) -> Lifetime {
        let hour = Lifetime::from_seconds(3600);
        if value == Some("0") {
            return Lifetime::from_seconds(0);
        }
        self.lifetime("CLIENT_CACHE", value, DEFAULT_CLIENT_CACHE, SHORTEST_KV_CACHE..=hour)
    }

    fn algorithm(&mut self, name: &str) -> Option<Algorithm> {
        let known = Algorithm::named(name);
        if known.is_none() {
            self.add("SIGNING_ALG", "must be ES256, RS256 or EdDSA");
        }
        known
    }

    fn keys<'a>(
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

    fn parse(more: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let base = [("ISSUER", "https://example.com"), ("SIGNING_KEY_A", KEY)];
        let base = base.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
        Config::parse(base.chain(more).copied())
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let config = parse(&[]).unwrap();
        assert_eq!(config.token_lifetime.to_string(), "10m");
        assert_eq!(config.max_token_lifetime.to_string(), "24h");
        assert_eq!(config.client_cache.to_string(), "1m");
        assert_eq!(config.stale_if_error.to_string(), "10m");
        assert!(!config.serves(GrantType::ClientCredentials), "the grant is opt-in");
    }

    #[test]
    fn the_grant_is_served_when_it_is_listed_or_on_by_default() {
        const FLAG: &str = "CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT";
        for (variables, served) in [
            (&[("GRANT_TYPES", "client_credentials")][..], true),
            (&[("GRANT_TYPES", "authorization_code, client_credentials")], true),
            (&[("GRANT_TYPES", "authorization_code refresh_token"), (FLAG, "true")], false),
            (&[("GRANT_TYPES", ""), (FLAG, "true")], true),
            (&[("GRANT_TYPES", " , "), (FLAG, "true")], true),
            (&[(FLAG, "TRUE")], true),
            (&[(FLAG, "false")], false),
            (&[(FLAG, "")], false),
        ] {
            assert_eq!(
                parse(variables).unwrap().serves(GrantType::ClientCredentials),
                served,
                "{variables:?}"
            );
        }
    }

    #[test]
    fn every_mistake_is_reported_at_once_and_by_name() {
        let mistaken = [
            ("ISSUER", "http://example.com"),
            ("GRANT_TYPES", "client_credential"),
            ("CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT", "perhaps"),
            ("TOKEN_PROFILE", "jwt"),
            ("TOKEN_LIFETIME", "29s"),
            ("MAX_TOKEN_LIFETIME", "25h"),
            ("CLIENT_CACHE", "10s"),
            ("STALE_IF_ERROR", "25h"),
            ("CORS_ALLOWED_ORIGINS", "https://example.com/path"),
            ("CORS_ALLOWED_HEADERS", "X-Request-ID:"),
            ("SIGNING_ALG", "HS256"),
            ("SIGNING_KEY_A", "hunter2"),
        ];
        let errors = parse(&mistaken).unwrap_err();
        for (name, _) in mistaken {
            assert_eq!(errors.mistakes().iter().filter(|m| m.name == name).count(), 1, "{name}: {errors}");
        }
        assert!(!errors.to_string().contains("hunter2"));
    }

    #[test]
    fn a_byte_order_mark_and_white_space_around_a_value_are_not_part_of_it() {
        let all = [
            ("ISSUER", "https://tokens.example.com/"),
            ("GRANT_TYPES", "client_credentials"),
            ("CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT", "true"),
            ("TOKEN_PROFILE", "rfc9068"),
            ("TOKEN_LIFETIME", "5m"),
            ("MAX_TOKEN_LIFETIME", "1h"),
            ("CLIENT_CACHE", "0"),
            ("STALE_IF_ERROR", "0"),
            ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
            ("CORS_ALLOWED_HEADERS", "X-Request-ID"),
            ("SIGNING_ALG", "EdDSA"),
            ("SIGNING_KEY_A", KEY),
        ];
        let plain = format!("{:?}", Config::parse(all).unwrap());
        for around in ["\u{feff}{}", "\u{feff}{}\r\n", " \u{feff} {} ", "{}\u{feff}", "\u{feff}\u{feff}{}"] {
            for (name, value) in all {
                let surrounded = around.replace("{}", value);
                let given =
                    all.map(|(other, v)| (other, if other == name { surrounded.as_str() } else { v }));
                let config = Config::parse(given).unwrap_or_else(|error| panic!("{around:?}: {error}"));
                assert_eq!(format!("{config:?}"), plain, "{name} as {around:?}");
            }
        }
        // It is nothing but a mark: as good as empty.
        assert!(parse(&[("TOKEN_LIFETIME", "\u{feff}\n")]).is_ok());
    }

    #[test]
    fn what_is_required_is_missed() {
        let errors = Config::parse([("ISSUER", ""), ("OTHER", "x")]).unwrap_err();
        let names: Vec<_> = errors.mistakes().iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["ISSUER", "SIGNING_KEY_<NAME>"]);
    }

    #[test]
    fn two_keys_with_one_kid_are_a_mistake() {
        let errors = parse(&[("SIGNING_KEY_A", KEY), ("SIGNING_KEY_B", KEY)]).unwrap_err();
        assert_eq!(errors.mistakes().len(), 1);
        assert_eq!(errors.mistakes()[0].name, "SIGNING_KEY_B");
    }

    #[test]
    fn the_default_lifetime_stays_below_the_longest() {
        assert_eq!(parse(&[("MAX_TOKEN_LIFETIME", "5m")]).unwrap().token_lifetime.to_string(), "5m");
        assert!(parse(&[("MAX_TOKEN_LIFETIME", "5m"), ("TOKEN_LIFETIME", "6m")]).is_err());
        assert_eq!(parse(&[("CLIENT_CACHE", "0")]).unwrap().client_cache.seconds(), 0);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(name in "(ISSUER|GRANT_TYPES|TOKEN_LIFETIME|CLIENT_CACHE|CORS_ALLOWED_ORIGINS|CORS_ALLOWED_HEADERS|SIGNING_KEY_A)", value in ".*") {
            let _ = parse(&[(&name, &value)]);
        }
    }
}
