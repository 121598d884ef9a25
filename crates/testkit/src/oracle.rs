//! The oracle: a second implementation of the decision whether a request gets a token, by other means than
//! the issuer's.
//!
//! The property tests over generated requests (`crates/issuer/tests/oracle.rs`) and the fuzz targets
//! (`fuzz/`) share it.

mod bound;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{
    ApiId, ApiRecord, ApiScope, Authority, Body, Bound, ClientId, ClientRecord, Config, GeneratedSecret,
    IssuerKeys, MAX_BODY, Platform, Request, ScopeToken, SecretHash, SignatureAlgorithm, StoredSecret,
    TrustedIssuer, TrustedIssuerId,
};
use serde_json::{Value, json};

use crate::audit_log::logged;
use crate::clients::MemoryClients;
use crate::crypto::{TestCrypto, signing_key};
use crate::mint::{Kind, Mint};
use crate::moment::{NOW, moment};
use crate::others::public_key;
use crate::second_reading::{is_right, strictly};

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// The grants in the client's record.
const GRANTED: [(&str, &[&str]); 4] = [
    ("https://a/", &["write", "read", "retired"]),
    ("https://b/", &["read"]),
    ("c", &["read", "write"]),
    ("https://gone/", &["read"]),
];

/// The scopes in the records of the APIs.
const DEFINED: [(&str, &[&str]); 4] = [
    ("https://a/", &["read", "write", "admin"]),
    ("https://b/", &["read", "write"]),
    ("c", &["read", "write"]),
    ("https://foreign/", &["read"]),
];

/// The scopes of the client at `api`, stated a third time. `None` for an API that it does not have.
fn has(api: &str) -> Option<&'static [&'static str]> {
    match api {
        "https://a/" | "c" => Some(&["read", "write"]),
        "https://b/" => Some(&["read"]),
        _ => None,
    }
}

/// The other clients, and whether each trusts ours. One has the ID of an API.
const PEERS: [(&str, bool); 3] = [("peer", true), ("stranger", false), ("https://b/", true)];

/// The scopes with the same meaning at each audience.
const OF_THE_ISSUER: [&str; 4] = ["openid", "email", "profile", "groups"];

/// A client with six secrets that a person chose, none of which the requests have.
const SLOW: &str = "slow";

/// The most slow hashes that a request may cost.
const SLOW_HASHES: u32 = 4;

/// A client without secrets, which is a workload of another issuer. It has the same grants as `app`.
const JOB: &str = "job";

/// The issuer of that workload's tokens.
const PLATFORM: &str = "https://id.example/";

/// The type of an assertion.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The prefix of a scope that names a client as audience. The client's ID follows.
const PEER_SCOPE: &str = "audience:server:client_id:";

/// An issuer with the client `app`, and the answers that it must give.
pub struct Oracle {
    /// One issuer for each profile.
    authorities: [Authority<MemoryClients, TestCrypto>; 2],
    /// The same with dex's profile, where every client must get tokens that DPoP binds.
    bound: Authority<MemoryClients, TestCrypto>,
    crypto: TestCrypto,
}

/// A secret with a slow hash that no secret of a request has.
fn chosen(id: &str, expires: Option<u64>) -> StoredSecret {
    let hash = SecretHash::Pbkdf2 { iterations: 1, salt: vec![1; 16], derived: [7; 32] };
    StoredSecret { id: id.to_owned(), created: 0, expires, hash }
}

impl Default for Oracle {
    fn default() -> Self {
        let id = |text: &str| ClientId::parse(text).unwrap();
        let mut record = ClientRecord::new(id("app"), "App");
        let hash = Self::secret().hash();
        record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash });
        let scopes = |names: &[&str]| names.iter().map(|name| ScopeToken::parse(name).unwrap()).collect();
        for (api, granted) in GRANTED {
            record.grants.insert(ApiId::parse(api).unwrap(), scopes(granted));
        }
        record.secrets.push(chosen("expired", Some(0)));
        let (mut clients, mut bound) = (MemoryClients::default(), Vec::new());
        clients.add(&record);
        bound.push(record.clone());
        let rule = json!({ "id": "r", "issuer": PLATFORM, "claims": { "tenant": "acme" }, "created": 0, "expires": null });
        record.identities.push(serde_json::from_value(rule).unwrap());
        record.secrets.clear();
        record.id = id(JOB);
        clients.add(&record);
        bound.push(record.clone());
        let jwks = json!({ "keys": [public_key("platform-ES256", &[("kid", "p-es256".into())])] });
        let platform = TrustedIssuerId::parse(PLATFORM).unwrap();
        let mut platform = TrustedIssuer::new(platform, "Platform", Platform::Custom, IssuerKeys::Jwks(jwks));
        platform.algs = vec![SignatureAlgorithm::Es256];
        clients.add_issuer(&platform);
        let mut record = ClientRecord::new(id(SLOW), "Slow");
        record.secrets = ["1", "2", "3", "4", "5", "6"].map(|name| chosen(name, None)).into();
        record.secrets.push(chosen("expired", Some(0)));
        clients.add(&record);
        (record.id, record.disabled) = (id("disabled"), true);
        clients.add(&record);
        for (peer, trusts) in PEERS {
            let mut record = ClientRecord::new(id(peer), "Peer");
            record.trusted_peers.extend(trusts.then(|| id("app")));
            clients.add(&record);
        }
        for (api, defined) in DEFINED {
            let mut record = ApiRecord::new(ApiId::parse(api).unwrap(), "API");
            let defined: Vec<ScopeToken> = scopes(defined);
            record.scopes =
                defined.into_iter().map(|name| ApiScope { name, description: String::new() }).collect();
            clients.add_api(&record);
        }
        let key = signing_key("EdDSA", &[]);
        let crypto = TestCrypto::default();
        let authority = |profile: &str, clients: &MemoryClients| {
            let variables = [
                ("ISSUER", "https://example.com"),
                ("GRANT_TYPES", "client_credentials"),
                ("CORS_ALLOWED_ORIGINS", "https://app.example"),
                ("TOKEN_PROFILE", profile),
                ("SIGNING_KEY_A", &key),
            ];
            let config = Config::parse(variables).unwrap();
            Authority::new(config, clients.clone(), crypto.clone(), [0; 32])
        };
        let authorities = ["dex", "rfc9068"].map(|profile| authority(profile, &clients));
        for record in &mut bound {
            record.bound = Some(Bound::Dpop);
            clients.add(record);
        }
        let bound = authority("dex", &clients);
        Self { authorities, bound, crypto }
    }
}

impl Oracle {
    /// The secret of `app`.
    pub fn secret() -> GeneratedSecret {
        GeneratedSecret::from_random(&[9; 32])
    }

    /// The identity token of the client `job`, which it may use more than once.
    pub fn identity() -> &'static str {
        static TOKEN: LazyLock<String> = LazyLock::new(|| {
            let mint = Mint::of(Kind::Custom, json!({}), json!({})).with_key("platform-ES256");
            mint.token("https://example.com", NOW)
        });
        &TOKEN
    }

    /// The parameters with which the client `job` authenticates.
    pub fn assertion() -> String {
        format!(
            "client_id={JOB}&client_assertion_type={ASSERTION_TYPE}&client_assertion={}",
            Self::identity()
        )
    }

    /// Posts a form to the token endpoint. Returns the status and the body.
    ///
    /// # Panics
    ///
    /// Same as [`Oracle::post_from`].
    pub fn post(&self, authorization: Option<&str>, form: &[u8]) -> (u16, String) {
        self.post_from(None, authorization, form)
    }

    /// Posts a form from a web page of `origin`, or from no web page. Returns the status and the body.
    ///
    /// # Panics
    ///
    /// When the answer has a token, but origin, credentials, APIs or scope are wrong. When all of them are
    /// right, but the answer has no token. When a token has an API as audience and a scope that is not
    /// granted there. When the answer lacks a part that every answer has.
    pub fn post_from(&self, origin: Option<&str>, authorization: Option<&str>, form: &[u8]) -> (u16, String) {
        let (status, answer) = self.send(origin, authorization, FORM, form);
        let shown = || format!("{origin:?} {authorization:?} {}", String::from_utf8_lossy(form));
        let token = answer.contains("access_token");
        let welcome =
            origin.is_none_or(|origin| ["https://app.example", "https://example.com"].contains(&origin));
        assert_eq!(status == 200, token, "{} got {status} {answer}", shown());
        assert_eq!(status == 413, welcome && form.len() > MAX_BODY, "{} bytes got {status}", form.len());
        assert_eq!(token, welcome && is_to_be_granted(authorization, form), "{} got {answer}", shown());
        // The answer to a foreign page may only name the page's origin.
        assert_eq!(
            answer.contains("Requests from web pages of this origin"),
            !welcome,
            "{} got {answer}",
            shown()
        );
        if token {
            check_audience(&answer, form);
        }
        (status, answer)
    }

    /// Posts any body of any type. Returns the status and the body.
    ///
    /// # Panics
    ///
    /// When the answer lacks a part that every answer has, or cost slow hashes that could not let the client in.
    pub fn ask(&self, authorization: Option<&str>, content_type: &str, body: &[u8]) -> (u16, String) {
        self.send(None, authorization, content_type, body)
    }

    fn send(
        &self,
        origin: Option<&str>,
        authorization: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> (u16, String) {
        let request = Request {
            method: "POST",
            path: "/token",
            authorization,
            content_type: Some(content_type),
            origin,
            body: if body.len() > MAX_BODY { Body::TooLarge } else { Body::Whole(body) },
            ..Request::default()
        };
        let answers = self.authorities.each_ref().map(|authority| {
            self.crypto.slow_hashes.set(0);
            let outcome = pollster::block_on(authority.handle(&request, &moment()));
            let response = outcome.response;
            let header = |name: &str| {
                response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
            };
            let known: &[u16] = if body.len() > MAX_BODY { &[400, 413] } else { &[200, 400, 401] };
            assert!(known.contains(&response.status), "{}", response.status);
            assert_eq!(header("Cache-Control").as_deref(), Some("no-store"));
            assert_eq!(header("Pragma").as_deref(), Some("no-cache"));
            let challenged = header("WWW-Authenticate").is_some();
            assert_eq!(challenged, response.status == 401 && authorization.is_some());
            let event = outcome.event.expect("every decision is logged");
            let hashes = self.crypto.slow_hashes.get();
            assert!(hashes <= SLOW_HASHES, "a request costs {hashes} slow hashes");
            // No other client has a secret whose slow hash could let it in.
            let client = logged(&event)["client"].clone();
            assert!(hashes == 0 || client == SLOW, "{hashes} slow hashes for {client}");
            (response.status, response.body.into_owned())
        });
        let [(status, answer), (other_status, other)] = answers;
        assert_eq!(status, other_status, "the profiles differ: {answer} {other}");
        if status == 200 {
            check_audience(&other, body);
        } else {
            assert_eq!(answer, other, "the profiles differ");
        }
        self.check_bound(&request, status, &answer);
        (status, answer)
    }
}

/// The claims of the access token in an answer.
fn claims_of(answer: &Value) -> Value {
    let claims = answer["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// Compares the access token of `answer` with the APIs that it is for.
///
/// # Panics
///
/// When it names an API that `app` does not have, or that `form` does not name. When it has a scope that is
/// not granted at each API of its audience.
fn check_audience(answer: &str, form: &[u8]) {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let claims = claims_of(&answer);
    assert!(claims["cnf"].is_null(), "nobody asked for a bound token: {claims}");
    let form: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
    let names = |wanted: &[&str], api: &str| {
        form.iter().any(|(name, value)| wanted.contains(&name.as_str()) && value == api)
    };
    let owner = if names(&["client_assertion"], Oracle::identity()) { JOB } else { "app" };
    let sub = if owner == JOB { "CgNqb2I" } else { "CgNhcHA" };
    let is_for_apis =
        ["resource", "audience"].iter().any(|name| form.iter().any(|(n, v)| n == name && !v.is_empty()));
    let scopes = answer["scope"].as_str().unwrap_or_default().split(' ').filter(|scope| !scope.is_empty());
    let of_apis: Vec<&str> = scopes
        .clone()
        .filter(|scope| !OF_THE_ISSUER.contains(scope) && !scope.starts_with(PEER_SCOPE))
        .collect();
    let audience = claims["aud"].as_array().cloned().unwrap_or_else(|| vec![claims["aud"].clone()]);
    for audience in audience.iter().map(|name| name.as_str().unwrap()) {
        let asked_as_client = scopes.clone().any(|scope| scope.strip_prefix(PEER_SCOPE) == Some(audience));
        let is_target = names(&["resource", "audience"], audience);
        // Besides APIs, a token names only the requesting client, and only when the client asked for that.
        let is_own = audience == owner && (asked_as_client || (!is_for_apis && claims["sub"] == sub));
        let is_default = audience == "https://example.com" && !is_for_apis && claims["sub"] == owner;
        assert!(
            is_target || is_own || is_default || (asked_as_client && !is_for_apis),
            "{claims} for {audience}"
        );
        if DEFINED.iter().any(|(api, _)| *api == audience) {
            let granted = has(audience).filter(|_| is_target).unwrap_or_default();
            assert!(of_apis.iter().all(|scope| granted.contains(scope)), "{claims} at {audience}");
        }
    }
    // The token and the answer have the same scope.
    assert!(claims["scope"].is_null() || claims["scope"] == answer["scope"], "{claims} {answer}");
}

/// Whether a form with this `Authorization` must get a token.
fn is_to_be_granted(authorization: Option<&str>, form: &[u8]) -> bool {
    let Some(parameters) = strictly(form) else { return false };
    let values = |name: &str| {
        let named = parameters.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let asserted = [values("client_assertion"), values("client_assertion_type")];
    if asserted.iter().any(|values| !values.is_empty()) {
        return authorization.is_none()
            && values("client_secret").is_empty()
            && asserted == [[Oracle::identity()], [ASSERTION_TYPE]]
            && values("client_id") == [JOB]
            && is_served(&parameters, JOB);
    }
    let proven = match authorization {
        Some(header) => {
            let named = values("client_id");
            values("client_secret").is_empty()
                && named.iter().all(|id| *id == "app")
                && is_right(header, "app", Oracle::secret().expose())
        }
        None => values("client_id") == ["app"] && values("client_secret") == [Oracle::secret().expose()],
    };
    proven && is_served(&parameters, "app")
}

/// Whether the grant, the nonce, the APIs and the scopes of a request by `client` are right.
fn is_served(parameters: &[(String, String)], client: &str) -> bool {
    let values = |name: &str| {
        let named = parameters.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    values("grant_type") == ["client_credentials"]
        && values("nonce").iter().all(|nonce| nonce.chars().count() <= 512)
        && may(parameters, values("scope").first().copied(), client)
}

/// Whether `client` may have the requested APIs and scopes.
fn may(parameters: &[(String, String)], scope: Option<&str>, client: &str) -> bool {
    let is_target = |name: &str| ["resource", "audience"].contains(&name);
    let targets: Vec<_> = parameters.iter().filter(|(name, _)| is_target(name)).collect();
    // The one API of ours that is not a URI.
    let well_formed = targets.iter().all(|(name, value)| name == "audience" || value != "c");
    let Some(at) = targets.iter().map(|(_, value)| has(value)).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let granted = match scope {
        None => at.iter().all(|scopes| *scopes == at[0]),
        Some(words) => words.split(' ').all(|word| match word.strip_prefix(PEER_SCOPE) {
            Some(own) if own == client => true,
            // A token for an API names no other client. The peers trust only `app`.
            Some("peer" | "https://b/") if client == "app" => at.is_empty(),
            _ if OF_THE_ISSUER.contains(&word) => true,
            _ => !at.is_empty() && at.iter().all(|scopes| scopes.contains(&word)),
        }),
    };
    well_formed && granted && targets.len() <= 8
}
