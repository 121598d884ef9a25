//! The Worker under attack and during outages: each fault is provoked in workerd.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and has no host that gives it the time"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edgemint_e2e::{Bare, State, comes_true, now, send, serve, wait_for_the_clock};
use edgemint_testkit::{Answer, cast, signing_key};
use serde_json::Value;
use xtask::Variant;

const SECRET: &str = "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";
const IMPORTED: &str = "ZXhhbXBsZS1hcHAtc2VjcmV0";

/// A hanging call takes ten minutes. The Worker gives up after two seconds, and a busy machine may need more time.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(60);

fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let key = signing_key("ES256", &[]);
    let base = [
        ("ISSUER", "https://tokens.example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
    ];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The Worker with the stand-in, which has the clients of the vectors. Records in memory are never fresh.
fn bare(with_rate_limits: bool) -> Bare {
    let bare = Bare::start(Variant::Release, &variables(&[("CLIENT_CACHE", "0")]), with_rate_limits);
    for client in cast() {
        bare.put(&client.id.kv_key(), &client.to_json());
    }
    bare
}

fn post(url: &str, more: &[(&str, &str)], form: &str) -> Answer {
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let headers = more.iter().chain([&form_type]).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    send("POST", url, &headers, form.as_bytes().to_vec())
}

fn form(client: &str, secret: &str) -> String {
    format!("grant_type=client_credentials&client_id={client}&client_secret={secret}")
}

fn token(url: &str, client: &str, secret: &str) -> Answer {
    post(&format!("{url}/token"), &[], &form(client, secret))
}

/// The form in which the client `test` introspects its own token.
fn question(bare: &Bare) -> String {
    let answer = token(&bare.url(), "test", SECRET);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    format!("{}&token={}", form("test", SECRET), body["access_token"].as_str().unwrap())
}

/// Checks for a 503 that tells the client when to retry, and nothing internal.
fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(
        answer.body,
        r#"{"error":"temporarily_unavailable","error_description":"The service is temporarily unavailable."}"#
    );
}

#[test]
fn while_kv_throws_who_was_seen_is_served_and_nobody_is_told_401() {
    let bare = bare(false);
    let about = question(&bare);
    bare.fault("throw");
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
    assert!(bare.log_comes_to_contain("the store could not be asked for client test"), "it is logged");
    is_unavailable(&token(&bare.url(), "no-groups", SECRET));
    is_unavailable(&token(&bare.url(), "nobody", "x"));
    is_unavailable(&post(&format!("{}/token/introspect", bare.url()), &[], &about));
    is_unavailable(&post(&format!("{}/token/revoke", bare.url()), &[], &about));
    bare.fault("none");
    assert_eq!(token(&bare.url(), "no-groups", SECRET).status, 200, "recovery is immediate");
    let answer = post(&format!("{}/token/introspect", bare.url()), &[], &about);
    assert!(answer.body.contains("\"active\":true"), "{}", answer.body);
    assert_eq!(token(&bare.url(), "nobody", "x").status, 401);
}

#[test]
fn while_kv_hangs_nobody_waits_long_and_who_was_seen_does_not_wait() {
    let bare = bare(false);
    let about = question(&bare);
    bare.fault("hang");
    let begun = Instant::now();
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
    let waited = begun.elapsed();
    assert!((Duration::from_millis(1500)..GIVEN_UP_WITHIN).contains(&waited), "{waited:?}");
    assert!(bare.log_comes_to_contain("KV did not answer within 2 s"));
    let begun = Instant::now();
    for _ in 0..5 {
        assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
    }
    let five = begun.elapsed();
    assert!(five < waited, "the outage is cached: one took {waited:?}, then five {five:?}");
    let begun = Instant::now();
    is_unavailable(&token(&bare.url(), "no-groups", SECRET));
    is_unavailable(&post(&format!("{}/token/introspect", bare.url()), &[], &about));
    is_unavailable(&post(&format!("{}/token/revoke", bare.url()), &[], &about));
    assert!(begun.elapsed() < 6 * waited, "one took {waited:?}, then three {:?}", begun.elapsed());
    bare.fault("none");
    assert_eq!(token(&bare.url(), "no-groups", SECRET).status, 200);
    let answer = post(&format!("{}/token/introspect", bare.url()), &[], &about);
    assert!(answer.body.contains("\"active\":true"), "{}", answer.body);
}

#[test]
fn one_bad_record_hurts_its_client_alone() {
    let bare = bare(false);
    let other = cast().into_iter().find(|client| client.id.as_str() == "no-groups").unwrap().to_json();
    let deep = format!("{}{}", "[".repeat(60_000), "]".repeat(60_000));
    // KV accepts values of up to 25 MiB, and values that are not UTF-8.
    let huge = format!(r#"{{"v":1,"id":"test","name":"{}"}}"#, "x".repeat(25 << 20));
    for garbage in ["", "garbage", "\u{0}", r#"{"v":3,"id":"test"}"#, &other, &deep, &huge] {
        bare.put("client:test", garbage);
        let answer = token(&bare.url(), "test", SECRET);
        assert_eq!(answer.status, 500, "{garbage:.40}: {}", answer.body);
        assert!(answer.body.contains("server_error"));
        assert_eq!(token(&bare.url(), "no-groups", SECRET).status, 200, "{garbage:.40}");
        // It does not hurt a client that names the bad one either: only that request fails, and requests for other
        // audiences work.
        let named = form("no-groups", SECRET) + "&scope=audience:server:client_id:test";
        assert_eq!(
            post(&format!("{}/token", bare.url()), &[], &named).status,
            500,
            "no other record replaces it"
        );
        assert_eq!(token(&bare.url(), "no-groups", SECRET).status, 200, "{garbage:.40}");
    }
    let whole = cast().into_iter().find(|client| client.id.as_str() == "test").unwrap().to_json();
    bare.put("client:test", &whole);
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200, "a fixed record works at once");
}

#[test]
fn a_request_that_waits_while_another_one_panics_gets_an_answer_and_the_next_is_served() {
    let bare = Bare::start(Variant::ProvokePanic, &variables(&[("CLIENT_CACHE", "0")]), false);
    for client in cast() {
        bare.put(&client.id.kv_key(), &client.to_json());
    }
    bare.fault("hang");
    let waiting = {
        let url = bare.url();
        std::thread::spawn(move || token(&url, "test", SECRET))
    };
    assert!(comes_true(|| bare.asked() > 0), "the request never reached KV");
    let panicked = send("GET", &format!("{}/panic", bare.url()), &BTreeMap::new(), Vec::new());
    assert_eq!(panicked.status, 500);
    bare.fault("none");
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200, "a new instance serves");
    // Its instance is gone, and with it all that the request had reached.
    let answer = waiting.join().unwrap();
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.body.contains("server_error"), "{}", answer.body);
}

#[test]
fn who_was_disabled_is_not_served_from_memory_nor_anybody_where_that_is_switched_off() {
    let bare = bare(false);
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
    let mut disabled = cast().into_iter().find(|client| client.id.as_str() == "test").unwrap();
    disabled.disabled = true;
    bare.put("client:test", &disabled.to_json());
    assert_eq!(token(&bare.url(), "test", SECRET).status, 401);
    bare.fault("throw");
    is_unavailable(&token(&bare.url(), "test", SECRET));

    let vars = variables(&[("CLIENT_CACHE", "0"), ("STALE_IF_ERROR", "0")]);
    let bare = Bare::start(Variant::Release, &vars, false);
    bare.put(
        "client:test",
        &cast().into_iter().find(|client| client.id.as_str() == "test").unwrap().to_json(),
    );
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
    bare.fault("throw");
    is_unavailable(&token(&bare.url(), "test", SECRET));
    bare.fault("none");
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
}

#[test]
fn a_limiter_that_fails_or_hangs_brakes_nobody() {
    let bare = bare(true);
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
    let asked = bare.asked();
    assert_eq!(token(&bare.url(), "test", SECRET).status, 200);
    assert_eq!(bare.asked(), asked + 1, "a right generated secret takes only one call, to KV");
    assert_eq!(token(&bare.url(), "test", "wrong").status, 401);
    assert_eq!(bare.asked(), asked + 4, "a wrong secret takes calls to KV and to both limits");
    bare.fault("throw");
    for _ in 0..3 {
        assert_eq!(token(&bare.url(), "test", "wrong").status, 401);
    }
    assert!(bare.log_comes_to_contain("the rate limit could not be asked: CLIENT_BRAKE failed"));
    bare.fault("hang");
    let begun = Instant::now();
    assert_eq!(token(&bare.url(), "test", "wrong").status, 401);
    assert!(begun.elapsed() < GIVEN_UP_WITHIN, "{:?}", begun.elapsed());
    assert!(bare.log_comes_to_contain("CLIENT_BRAKE did not answer"));
}

#[test]
fn plain_http_is_refused_unless_it_stays_on_this_machine() {
    let bare = bare(false);
    let (url, remote) = (format!("{}/token", bare.url()), ("host", "tokens.example.com"));
    let network = ("cf-connecting-ip", "203.0.113.9");
    let answer = post(&url, &[remote, network], &form("test", SECRET));
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.body, r#"{"error":"invalid_request","error_description":"Only https is served."}"#);
    assert!(bare.log_comes_to_contain("\"reason\":\"plain_http\""));
    let log = bare.log().join("\n");
    assert!(log.contains("203.0.113.9") && log.contains("rotate-secret"), "{log}");
    assert!(log.contains("\"client\":\"test\""), "the operator must know whose secret to replace: {log}");
    assert!(!log.contains(SECRET), "{log}");
    let headers = BTreeMap::from([("host".to_owned(), "tokens.example.com".to_owned())]);
    assert_eq!(send("GET", &format!("{}/keys", bare.url()), &headers, Vec::new()).status, 400);

    let secure = ("x-forwarded-proto", "https");
    let answer = post(&url, &[remote, secure], &form("test", SECRET));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let answer = post(&url, &[], &form("test", SECRET));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.headers.contains_key("strict-transport-security"), "not sent over http");
    for path in ["/", "/keys", "/healthz", "/.well-known/openid-configuration", "/else"] {
        let answer = send("GET", &format!("{}{path}", bare.url()), &BTreeMap::new(), Vec::new());
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        for name in ["server", "x-powered-by", "via"] {
            assert!(!answer.headers.contains_key(name), "{path} has {name}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_sign_serves_no_token() {
    let ahead = signing_key("ES256", &[("nbf", (now() + 3600).into())]);
    for (more, logged) in [
        (("SIGNING_KEY_A", "{\"kty\":"), "SIGNING_KEY_A"),
        (
            ("SIGNING_KEY_A", ahead.as_str()),
            "no signing key is active: no SIGNING_KEY_<NAME> is for SIGNING_ALG",
        ),
        (("STALE_IF_ERROR", "25h"), "STALE_IF_ERROR must be from 0s to 24h"),
    ] {
        let bare = Bare::start(Variant::Release, &variables(&[more]), false);
        for client in cast() {
            bare.put(&client.id.kv_key(), &client.to_json());
        }
        is_unavailable(&token(&bare.url(), "test", SECRET));
        let answer = send("GET", &format!("{}/healthz", bare.url()), &BTreeMap::new(), Vec::new());
        assert_eq!((answer.status, answer.headers["x-content-type-options"].as_str()), (503, "nosniff"));
        assert!(bare.log_comes_to_contain(logged), "{logged} is not in {}", bare.log().join("\n"));
    }
}

/// The real rate limits start a new count with each minute of the clock.
const WINDOW: u64 = 60;

/// The answers to guesses, and then to the right secrets.
struct Guessed {
    /// For each endpoint: the statuses, and the last answer.
    tried: Vec<(&'static str, Vec<u16>, Answer)>,
    generated: Answer,
    slow_in_the_network: Answer,
    slow_in_another: Answer,
}

#[test]
fn guessing_is_braked_by_the_real_rate_limits_and_nobody_is_locked_out() {
    let state = State::seeded();
    let server = serve(&state, &variables(&[]), Variant::Release);
    // Each try uses other networks, for which nothing has been counted yet.
    let guess = |time: u64| {
        let ask = |path: &str, client: &str, secret: &str, from: &str| {
            let url = server.base_url() + path;
            post(&url, &[("cf-connecting-ip", from)], &(form(client, secret) + "&token=x"))
        };
        let [one, two] = [1, 2].map(|host| format!("203.0.{time}.{host}"));
        let network = |last: &str| format!("2001:db8:{time}:{last}");
        let tried = [
            ("/token", "test", &one),
            ("/token/introspect", "nobody", &two),
            ("/token/revoke", "example-app", &network(":1")),
        ];
        let tried = tried.map(|(path, client, from)| {
            let statuses = (0..30).map(|_| ask(path, client, "wrong", from).status).collect();
            (path, statuses, ask(path, client, "wrong", from))
        });
        Guessed {
            tried: tried.into(),
            generated: ask("/token", "test", SECRET, &one),
            slow_in_the_network: ask("/token", "example-app", IMPORTED, &network(":2")),
            slow_in_another: ask("/token", "example-app", IMPORTED, &network("1::1")),
        }
    };
    let guessed = within_a_window(guess).expect("a hundred requests take less than a minute");
    assert!(server.log_comes_to_contain("\"reason\":\"braked_client\""));
    for (path, tried, last) in guessed.tried {
        let (few, many) = tried.split_at(20);
        let braked = few.iter().all(|status| *status == 401) && many.iter().all(|status| *status == 429);
        assert!(braked, "{path}: {tried:?}");
        assert_eq!(
            (last.headers["retry-after"].as_str(), last.headers["cache-control"].as_str()),
            ("60", "no-store")
        );
    }
    assert_eq!(guessed.generated.status, 200, "a generated secret, rate-limited network");
    assert_eq!(guessed.slow_in_the_network.status, 429, "a slow hash, rate-limited network");
    assert_eq!(guessed.slow_in_another.status, 200, "another network");
}

/// The result of `work` if it finished within one window. Otherwise tries again, up to five times.
fn within_a_window<T>(mut work: impl FnMut(u64) -> T) -> Option<T> {
    (1..=5).find_map(|time| {
        let window = now() / WINDOW;
        let done = work(time);
        if now() / WINDOW == window {
            return Some(done);
        }
        // Retries at once after the first try, which may have begun late in a window. Later tries wait for a new one.
        wait_for_the_clock((now() / WINDOW + u64::from(time > 1)) * WINDOW);
        None
    })
}
