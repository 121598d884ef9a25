//! Web pages: a request from a page of a foreign origin costs its visitor nothing, and the issuer almost
//! nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::cell::Cell;
use std::rc::Rc;

use edgemint_issuer::ports::{ApiStore, ClientStore, RateLimit, RevocationStore};
use edgemint_issuer::{
    ApiId, Arrival, Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret, Limit, Request,
    StoredSecret, Unavailable,
};
use edgemint_testkit::{MemoryClients, TestCrypto, logged, moment, signing_key};
use serde_json::Value;

/// A store, and a limit of three failures, that count the calls.
#[derive(Default, Clone)]
struct Counting {
    clients: MemoryClients,
    reads: Rc<Cell<u32>>,
    limited: Rc<Cell<u32>>,
}

edgemint_testkit::store_without_issuers!(Counting);
edgemint_testkit::store_without_location!(Counting);

impl RateLimit for Counting {
    async fn allow(&self, _: Limit, _: &str) -> Result<bool, Unavailable> {
        self.limited.set(self.limited.get() + 1);
        Ok(self.limited.get() <= 3)
    }
}

impl ClientStore for Counting {
    async fn find(&self, id: &ClientId) -> Result<Option<String>, Unavailable> {
        self.reads.set(self.reads.get() + 1);
        self.clients.find(id).await
    }
}

impl ApiStore for Counting {
    async fn find_api(&self, id: &ApiId) -> Result<Option<String>, Unavailable> {
        self.reads.set(self.reads.get() + 1);
        self.clients.find_api(id).await
    }
}

impl RevocationStore for Counting {
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        self.reads.set(self.reads.get() + 1);
        self.clients.is_revoked(jti).await
    }

    async fn revoke(&self, jti: &str, until: u64) -> Result<(), Unavailable> {
        self.reads.set(self.reads.get() + 1);
        self.clients.revoke(jti, until).await
    }
}

struct World {
    authority: Authority<Counting, TestCrypto, Counting>,
    counting: Counting,
    secret: GeneratedSecret,
}

impl World {
    /// An issuer with the client `app`, which allows pages of `origins`.
    fn new(origins: &str) -> Self {
        let secret = GeneratedSecret::from_random(&[9; 32]);
        let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "");
        record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash: secret.hash() });
        let mut counting = Counting::default();
        counting.clients.add(&record);
        let key = signing_key("EdDSA", &[]);
        let config = Config::parse([
            ("ISSUER", "https://Tokens.example.com:443/dex/"),
            ("GRANT_TYPES", "client_credentials"),
            ("CORS_ALLOWED_ORIGINS", origins),
            ("SIGNING_KEY_A", &key),
        ]);
        let authority = Authority::new(config.unwrap(), counting.clone(), TestCrypto::default(), [0; 32]);
        Self { authority: authority.with_rate_limit(counting.clone()), counting, secret }
    }

    /// Status, headers, body and event of a form with this secret from a page of `origin`.
    fn post(&self, path: &str, origin: Option<&str>, secret: &str) -> (u16, String, String, Value) {
        let body = format!("grant_type=client_credentials&token=x&client_id=app&client_secret={secret}");
        let request = Request {
            method: "POST",
            path,
            content_type: Some("application/x-www-form-urlencoded"),
            origin,
            body: Body::Whole(body.as_bytes()),
            arrival: Arrival { address: Some("203.0.113.9"), ..Arrival::default() },
            ..Request::default()
        };
        let outcome = pollster::block_on(self.authority.handle(&request, &moment()));
        let headers = format!("{:?}", outcome.response.headers);
        let event = logged(outcome.event.as_ref());
        (outcome.response.status, headers, outcome.response.body.into_owned(), event)
    }
}

const PATHS: [&str; 3] = ["/dex/token", "/dex/token/introspect", "/dex/token/revoke"];

#[test]
fn a_page_of_a_foreign_origin_is_refused_before_anything_is_counted_or_asked() {
    for origins in ["", "https://app.example.com"] {
        for origin in
            ["https://evil.example", "null", "https://app.example.com/", "HTTPS://app.example.com", "", "*"]
        {
            let world = World::new(origins);
            for path in PATHS {
                for secret in ["wrong", world.secret.expose()] {
                    let (status, headers, body, event) = world.post(path, Some(origin), secret);
                    assert_eq!(status, 400, "{origin} at {path}: {body}");
                    assert!(body.contains("\"error\":\"invalid_request\""), "{body}");
                    assert!(!headers.contains("Access-Control") && headers.contains("no-store"), "{headers}");
                    assert_eq!(
                        (&event["reason"], &event["client"]),
                        (&"foreign_origin".into(), &"app".into())
                    );
                }
            }
            assert_eq!((world.counting.reads.get(), world.counting.limited.get()), (0, 0), "{origin}");
        }
    }
}

#[test]
fn a_web_page_cannot_use_up_the_limit_of_its_visitors_network() {
    let world = World::new("https://app.example.com");
    for _ in 0..300 {
        for path in PATHS {
            assert_eq!(world.post(path, Some("https://evil.example"), "wrong").0, 400);
        }
    }
    assert_eq!(world.post("/dex/token", None, "wrong").0, 401, "the first failure that counts");
    assert_eq!(world.post("/dex/token", None, world.secret.expose()).0, 200);
}

#[test]
fn an_allowed_page_asks_for_tokens_and_only_the_issuers_own_page_asks_about_them() {
    let own = "https://tokens.example.com";
    for (origins, origin, allowed) in [
        ("", own, [true, true, true]),
        ("https://app.example.com", own, [true, true, true]),
        ("https://app.example.com", "https://app.example.com", [true, false, false]),
        ("chrome-extension://abc, https://app.example.com", "chrome-extension://abc", [true, false, false]),
        ("*", "https://anything.example", [true, false, false]),
        ("*", "null", [true, false, false]),
    ] {
        let world = World::new(origins);
        for (path, allowed) in PATHS.into_iter().zip(allowed) {
            let (status, _, body, _) = world.post(path, Some(origin), world.secret.expose());
            assert_eq!(status == 200, allowed, "{origins}: {origin} at {path}: {status} {body}");
        }
    }
}

#[test]
fn an_endpoint_without_credentials_answers_pages_of_every_origin_alike() {
    let world = World::new("https://app.example.com");
    for path in ["/dex/auth", "/dex/keys", "/dex/healthz", "/dex/.well-known/openid-configuration"] {
        let answer = world.post(path, None, "");
        let (status, _, body, event) = world.post(path, Some("https://evil.example"), "");
        assert_eq!((status, body, event), (answer.0, answer.2, answer.3), "{path}");
    }
}

#[test]
fn the_log_says_how_to_allow_an_origin_that_can_be_allowed() {
    let world = World::new("");
    let detail =
        |path, origin| world.post(path, Some(origin), "wrong").3["detail"].as_str().unwrap().to_owned();
    let said = detail("/dex/token", "https://docs.example.com");
    assert!(said.contains("https://docs.example.com") && said.contains("CORS_ALLOWED_ORIGINS"), "{said}");
    for (path, origin) in [("/dex/token", "null"), ("/dex/token/revoke", "https://docs.example.com")] {
        let said = detail(path, origin);
        assert!(said.contains(origin) && said.contains("from a server") && !said.contains("CORS"), "{said}");
    }
}
