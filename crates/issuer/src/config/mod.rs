//! The configuration: it reads variables into a type that is always valid, or reports every error at once.

pub(crate) mod errors;
pub(crate) mod grant_type;
pub(crate) mod origins;
pub(crate) mod profile;
pub(crate) mod variables;

use crate::config::errors::ConfigErrors;
use crate::config::grant_type::GrantType;
use crate::config::origins::{AllowedHeaders, AllowedOrigins, Cors};
use crate::config::profile::TokenProfile;
use crate::config::variables::{
    DEFAULT_STALE_IF_ERROR, ErrorCollector, LONGEST_STALE, SIGNING_KEY_PREFIX, VARIABLES, setting,
};
use crate::grammar::duration::Lifetime;
use crate::grammar::issuer_url::Issuer;
use crate::jose::key_set::SigningKeys;
use crate::jose::signature_algorithm::SignatureAlgorithm;

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
    /// Whether DPoP proofs need a nonce (`DPOP_NONCE`).
    pub(crate) needs_dpop_nonce: bool,
    /// The base URL of the endpoints where clients present certificates (`MTLS_HOST`).
    pub(crate) mtls_base: Option<String>,
    /// Whether only what the FAPI 2.0 security profile allows is served (`FAPI`).
    pub(crate) fapi: bool,
    /// Whether issued tokens are counted instead of logged (`LOG_ISSUED`).
    counts_issued: bool,
    /// Whether records may be kept in the cache of a location (`LOCATION_CACHE`).
    pub(crate) location_cache: bool,
}

impl Config {
    /// Reads the variables and secrets of a deployment. Ignores names that are not edgemint's. An empty value
    /// counts as absent. White space and byte order marks around a value are not part of it ([`setting`]).
    ///
    /// ```
    /// # use edgemint_issuer::Config;
    /// let errors = Config::parse([("ISSUER", "http://example.com")]).unwrap_err();
    /// let names: Vec<_> = errors.all().iter().map(|error| error.name.as_str()).collect();
    /// assert_eq!(names, ["ISSUER", "SIGNING_KEY_<NAME>"]);
    /// ```
    ///
    /// # Errors
    ///
    /// All errors, by variable.
    pub fn parse<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ConfigErrors> {
        let variables: Vec<(&str, &str)> = variables
            .into_iter()
            .map(|(name, value)| (name, setting(value)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let get = |wanted: &str| {
            debug_assert!(VARIABLES.contains(&wanted), "{wanted} is not in VARIABLES");
            variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
        };
        let mut errors = ErrorCollector::default();

        let issuer = match get("ISSUER") {
            Some(url) => errors.ok("ISSUER", Issuer::parse(url)),
            None => {
                errors.add("ISSUER", "is missing: set it to the URL at which clients reach this Worker");
                None
            }
        };
        let grants = errors.grants(get("GRANT_TYPES"), get("CLIENT_CREDENTIAL_GRANT_ENABLED_BY_DEFAULT"));
        let profile = match get("TOKEN_PROFILE") {
            None | Some("dex") => TokenProfile::Dex,
            Some("rfc9068") => TokenProfile::Rfc9068,
            Some(_) => {
                errors.add("TOKEN_PROFILE", "must be dex or rfc9068");
                TokenProfile::Dex
            }
        };
        let (shortest, longest) = (Lifetime::SHORTEST_OF_TOKENS, Lifetime::LONGEST_OF_TOKENS);
        let max_token_lifetime =
            errors.lifetime("MAX_TOKEN_LIFETIME", get("MAX_TOKEN_LIFETIME"), longest, shortest..=longest);
        let ten_minutes = Lifetime::from_seconds(600).min(max_token_lifetime);
        let token_lifetime = errors.lifetime(
            "TOKEN_LIFETIME",
            get("TOKEN_LIFETIME"),
            ten_minutes,
            shortest..=max_token_lifetime,
        );
        let client_cache = errors.client_cache(get("CLIENT_CACHE"));
        let none = Lifetime::from_seconds(0);
        let stale_if_error = errors.lifetime(
            "STALE_IF_ERROR",
            get("STALE_IF_ERROR"),
            DEFAULT_STALE_IF_ERROR,
            none..=LONGEST_STALE,
        );
        let origins = AllowedOrigins::parse(get("CORS_ALLOWED_ORIGINS").unwrap_or_default());
        let origins = errors.ok("CORS_ALLOWED_ORIGINS", origins);
        let headers = AllowedHeaders::parse(get("CORS_ALLOWED_HEADERS").unwrap_or_default());
        let headers = errors.ok("CORS_ALLOWED_HEADERS", headers);
        let alg = get("SIGNING_ALG").and_then(|name| errors.algorithm(name));
        let keys =
            errors.keys(alg, variables.iter().filter(|(name, _)| name.starts_with(SIGNING_KEY_PREFIX)));

        let needs_dpop_nonce = errors.switch("DPOP_NONCE", get("DPOP_NONCE"), ["required", "off"]);
        let path = issuer.as_ref().map_or("", Issuer::path);
        let mtls_base = errors.mtls_base(get("MTLS_HOST"), path);
        let fapi = errors.switch("FAPI", get("FAPI"), ["on", "off"]);
        if fapi {
            errors.fapi(&grants, &keys);
        }
        let counts_issued = errors.switch("LOG_ISSUED", get("LOG_ISSUED"), ["counted", "all"]);
        let location_cache = errors.location_cache(get("LOCATION_CACHE"), issuer.as_ref());

        match (issuer, origins, headers) {
            (Some(issuer), Some(origins), Some(headers)) if errors.0.is_empty() => Ok(Self {
                cors: Cors::new(origins, headers, &issuer),
                issuer,
                grants,
                profile,
                token_lifetime,
                max_token_lifetime,
                client_cache,
                stale_if_error,
                keys,
                needs_dpop_nonce,
                mtls_base,
                fapi,
                counts_issued,
                location_cache: location_cache && client_cache.seconds() > 0,
            }),
            _ => Err(ConfigErrors(errors.0)),
        }
    }

    /// Whether `grant` is served.
    pub fn serves(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// The algorithms that the assertions of clients may have.
    pub(crate) fn assertion_algorithms(&self) -> &'static [SignatureAlgorithm] {
        if self.fapi { &SignatureAlgorithm::OF_FAPI } else { &SignatureAlgorithm::OF_CLIENTS }
    }

    /// Whether the host must have a shared memory of used assertions. With `FAPI=on`, no assertion may be used
    /// twice, and one instance does not see what another one saw.
    pub fn needs_replay(&self) -> bool {
        self.fapi
    }

    /// Whether the host counts issued tokens in a [`Tally`](crate::Tally) instead of logging each one.
    pub fn counts_issued(&self) -> bool {
        self.counts_issued
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
    fn the_location_cache_is_on_unless_it_is_switched_off_or_shared_with_strangers() {
        let uses = |more: &[(&str, &str)]| parse(more).unwrap().location_cache;
        assert!(uses(&[]) && uses(&[("LOCATION_CACHE", "on")]));
        assert!(!uses(&[("LOCATION_CACHE", "off")]) && !uses(&[("CLIENT_CACHE", "0")]));
        for (host, expected) in [
            ("workers.dev", false),
            ("tokens.example.workers.dev", false),
            ("Tokens.Example.Workers.DEV:443/path", false),
            ("tokens.example.workers.dev./", false),
            ("notworkers.dev", true),
            ("workers.dev.example.com", true),
            ("tokens.example.com/workers.dev", true),
        ] {
            let issuer = format!("https://{host}");
            assert_eq!(uses(&[("ISSUER", &issuer), ("LOCATION_CACHE", "on")]), expected, "{host}");
        }
        assert!(uses(&[("ISSUER", "http://[::1]:8787")]));
        assert_eq!(parse(&[("LOCATION_CACHE", "yes")]).unwrap_err().all()[0].name, "LOCATION_CACHE");
    }

    #[test]
    fn every_error_is_reported_at_once_and_by_name() {
        let wrong = [
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
            ("DPOP_NONCE", "on"),
            ("MTLS_HOST", "https://mtls.example.com"),
            ("FAPI", "yes"),
            ("LOG_ISSUED", "none"),
            ("LOCATION_CACHE", "yes"),
            ("SIGNING_KEY_A", "hunter2"),
        ];
        let errors = parse(&wrong).unwrap_err();
        for (name, _) in wrong {
            assert_eq!(errors.all().iter().filter(|error| error.name == name).count(), 1, "{name}: {errors}");
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
            ("DPOP_NONCE", "required"),
            ("MTLS_HOST", "mtls.example.com"),
            ("FAPI", "on"),
            ("LOG_ISSUED", "counted"),
            ("LOCATION_CACHE", "off"),
            ("SIGNING_KEY_A", KEY),
        ];
        assert_eq!(all.len(), VARIABLES.len() + 1, "every variable, and a key");
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
        // A value of only a mark and white space counts as empty.
        assert!(parse(&[("TOKEN_LIFETIME", "\u{feff}\n")]).is_ok());
    }

    #[test]
    fn the_host_for_certificates_is_only_a_host() {
        let base = |host| {
            let config = parse(&[("ISSUER", "https://example.com/a"), ("MTLS_HOST", host)]);
            config.map(|config| config.mtls_base).ok()
        };
        for host in ["mtls.example.com", "mtls.example.com:8443"] {
            assert_eq!(base(host), Some(Some(format!("https://{host}/a"))), "{host}");
        }
        assert_eq!(base(""), Some(None));
        for other in
            ["mtls.example.com/", "mtls.example.com/a", "https://mtls.example.com", "a b", "a?b", "a#b"]
        {
            assert_eq!(base(other), None, "{other}");
        }
    }

    #[test]
    fn a_switch_has_two_values() {
        for (name, on, off) in [("DPOP_NONCE", "required", "off"), ("FAPI", "on", "off")] {
            let is_on = |value| {
                let config = parse(&[(name, value)]).ok()?;
                Some(if name == "FAPI" { config.fapi } else { config.needs_dpop_nonce })
            };
            assert_eq!([is_on(on), is_on(off), is_on("")], [Some(true), Some(false), Some(false)], "{name}");
            assert_eq!([is_on("true"), is_on("ON")], [None, None], "{name}");
        }
    }

    #[test]
    fn fapi_allows_neither_a_grant_nor_a_key_of_less_security() {
        let rsa = edgemint_testkit::signing_key("RS256", &[]);
        for (name, value) in
            [("GRANT_TYPES", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("SIGNING_KEY_B", rsa.as_str())]
        {
            assert!(parse(&[(name, value)]).is_ok(), "{name}");
            let errors = parse(&[("FAPI", "on"), (name, value)]).unwrap_err();
            assert_eq!(errors.all().iter().map(|error| error.name.as_str()).collect::<Vec<_>>(), [name]);
        }
        let allowed = [("FAPI", "on"), ("GRANT_TYPES", "client_credentials")];
        assert!(parse(&allowed).unwrap().serves(GrantType::ClientCredentials));
    }

    #[test]
    fn only_fapi_needs_a_shared_memory_of_assertions() {
        let key = KEY.replace("{", "{\"kid\":\"a\",");
        let variables = [("FAPI", "on"), ("TOKEN_PROFILE", "rfc9068"), ("SIGNING_KEY_A", key.as_str())];
        assert!(parse(&variables).unwrap().needs_replay());
        assert!(!parse(&[]).unwrap().needs_replay());
    }

    #[test]
    fn what_is_required_is_missed() {
        let errors = Config::parse([("ISSUER", ""), ("OTHER", "x")]).unwrap_err();
        let names: Vec<_> = errors.all().iter().map(|error| error.name.as_str()).collect();
        assert_eq!(names, ["ISSUER", "SIGNING_KEY_<NAME>"]);
    }

    #[test]
    fn two_keys_with_one_kid_are_an_error() {
        let errors = parse(&[("SIGNING_KEY_A", KEY), ("SIGNING_KEY_B", KEY)]).unwrap_err();
        assert_eq!(errors.all().len(), 1);
        assert_eq!(errors.all()[0].name, "SIGNING_KEY_B");
    }

    #[test]
    fn the_default_lifetime_stays_below_the_longest() {
        assert_eq!(parse(&[("MAX_TOKEN_LIFETIME", "5m")]).unwrap().token_lifetime.to_string(), "5m");
        assert!(parse(&[("MAX_TOKEN_LIFETIME", "5m"), ("TOKEN_LIFETIME", "6m")]).is_err());
        assert_eq!(parse(&[("CLIENT_CACHE", "0")]).unwrap().client_cache.seconds(), 0);
        assert_eq!(parse(&[("STALE_IF_ERROR", "24h")]).unwrap().stale_if_error.seconds(), 86_400);
        for name in ["TOKEN_LIFETIME", "MAX_TOKEN_LIFETIME"] {
            assert!(parse(&[(name, "24h")]).is_ok() && parse(&[(name, "86401s")]).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(name in "(ISSUER|GRANT_TYPES|TOKEN_LIFETIME|CLIENT_CACHE|CORS_ALLOWED_ORIGINS|CORS_ALLOWED_HEADERS|SIGNING_KEY_A)", value in ".*") {
            let _ = parse(&[(&name, &value)]);
        }
    }
}
