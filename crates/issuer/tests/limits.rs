//! Parts of a request above their limits: a host may cut them, and the answer stays the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::collections::BTreeSet;

use edgemint_issuer::{
    Arrival, Authority, Body, ClientId, ClientRecord, Config, GeneratedSecret, LIMITS, Request, StoredSecret,
};
use edgemint_testkit::{MemoryClients, TestCrypto, moment, signing_key};

type Issuer = Authority<MemoryClients, TestCrypto>;

const PAGE: &str = "https://app.example.com";

/// An issuer with the client `app`, which allows pages of one origin. If `longest`, that origin has the
/// maximum length, and the issuer's own origin is longer.
fn issuer(longest: bool) -> (Issuer, GeneratedSecret, String) {
    let secret = GeneratedSecret::from_random(&[9; 32]);
    let mut record = ClientRecord::new(ClientId::parse("app").unwrap(), "");
    record.secrets.push(StoredSecret { id: "s1".into(), created: 0, expires: None, hash: secret.hash() });
    let mut clients = MemoryClients::default();
    clients.add(&record);
    let origin =
        if longest { format!("{PAGE}{}", "a".repeat(limit("origin") - PAGE.len())) } else { PAGE.into() };
    let own = if longest {
        format!("https://{}", "a".repeat(limit("origin") - 7))
    } else {
        "https://tokens.example.com".into()
    };
    let key = signing_key("EdDSA", &[]);
    let config = Config::parse([
        ("ISSUER", own.as_str()),
        ("GRANT_TYPES", "client_credentials"),
        ("CORS_ALLOWED_ORIGINS", origin.as_str()),
        ("SIGNING_KEY_A", key.as_str()),
    ]);
    (Authority::new(config.unwrap(), clients, TestCrypto::default(), [0; 32]), secret, origin)
}

fn limit(name: &str) -> usize {
    LIMITS.iter().find(|(known, _)| *known == name).unwrap().1
}

/// The entity tag of the keys.
fn tag(issuer: &Issuer) -> String {
    let keys = Parts::new("GET", "/keys", None).ask(issuer, false).0;
    format!("\"{}\"", keys.split_once("ETag\", \"\\\"").unwrap().1.split_once("\\\"").unwrap().0)
}

/// The same as `cut` in `src/entry.js`.
fn cut(text: &str, longest: usize) -> &str {
    text.get(..=longest).unwrap_or(text)
}

/// A method, a URL and headers in the order of [`LIMITS`], and a body.
struct Parts {
    texts: Vec<Option<String>>,
    body: String,
}

impl Parts {
    fn new(method: &str, path: &str, secret: Option<&GeneratedSecret>) -> Self {
        let body = secret.map_or_else(String::new, |secret| {
            format!("grant_type=client_credentials&client_id=app&client_secret={}", secret.expose())
        });
        let mut parts = Self { texts: vec![None; LIMITS.len() - 1], body };
        parts.set("method", method);
        parts.set("url", &format!("https://tokens.example.com{path}"));
        parts.set("content-type", "application/x-www-form-urlencoded");
        parts
    }

    fn set(&mut self, name: &str, text: &str) {
        let index = LIMITS.iter().position(|(known, _)| *known == name).unwrap();
        self.texts[index] = Some(text.to_owned());
    }

    /// Response and event, for the complete parts or for the parts that a host passes on.
    fn ask(&self, issuer: &Issuer, is_cut: bool) -> (String, String, u16) {
        let texts: Vec<Option<&str>> = self
            .texts
            .iter()
            .zip(LIMITS)
            .map(|(text, (_, longest))| {
                text.as_deref().map(|text| if is_cut { cut(text, longest) } else { text })
            })
            .collect();
        let (arrival, path) = Arrival::of(texts[1].unwrap());
        let request = Request {
            method: texts[0].unwrap(),
            path,
            authorization: texts[2],
            accept: texts[3],
            content_type: texts[4],
            origin: texts[5],
            if_none_match: texts[6],
            dpop: texts[7],
            arrival: Arrival { address: texts[8], country: texts[9], ray: texts[10], ..arrival },
            certificate: texts[11],
            body: Body::Whole(self.body.as_bytes()),
        };
        let outcome = pollster::block_on(issuer.handle(&request, &moment()));
        let event = outcome.event.map(|event| event.line()).unwrap_or_default();
        let status = outcome.response.status;
        (format!("{:?}", outcome.response), event, status)
    }
}

/// Beginnings, fillers and ends of a part that is cut. Each of them means something at some endpoint if the
/// rest is ignored.
fn meanings(name: &str, tag: &str) -> (Vec<String>, &'static [char], Vec<String>) {
    let (begins, fills, ends): (&[&str], &[char], &[&str]) = match name {
        "method" => (&["", "POST", "GET", "OPTIONS"], &['X', ' '], &["", "POST", "GET"]),
        "url" => (
            &[
                "https://tokens.example.com/",
                "https://tokens.example.com/token",
                "https://tokens.example.com/token?",
                "http://localhost:1/keys#",
                "http://tokens.example.com/keys?",
            ],
            &['/', 'a', '%'],
            &["", "/token", "?a", "/keys"],
        ),
        "authorization" => {
            (&["", "Basic YXBwOng=", "Basic", "basic YXBwOng"], &[' ', 'A'], &["", "=", " YXBwOng="])
        }
        "accept" => (
            &["", "text/html", "application/json"],
            &[' ', ',', ';'],
            &["", "text/html", ",text/html", ",application/token-introspection+jwt", "*/*"],
        ),
        "content-type" => (
            &["", "application/x-www-form-urlencoded", "text/plain"],
            &[' ', ';', 'a'],
            &["", "application/x-www-form-urlencoded"],
        ),
        "origin" => (
            &["", "https://", "https://app.example.com", "null"],
            &['a', ' '],
            &["", "https://app.example.com"],
        ),
        "if-none-match" => (&["", "*", "{tag}"], &[' ', ',', 'a'], &["", "*", "{tag}", "W/{tag}"]),
        "dpop" => (&["", "e30.e30.", "a,"], &['A', ' ', '.'], &["", "A", ","]),
        // A report that is valid with white space after it.
        "certificate" => (&["", "{}", "{"], &[' ', 'a'], &["", "}"]),
        "cf-connecting-ip" => {
            (&["", "203.0.113.9", "2001:db8::", "::ffff:"], &[' ', '0', ':'], &["", "203.0.113.9", "1"])
        }
        "cf-ipcountry" => (&["", "D", "DE"], &['E', ' '], &[""]),
        "cf-ray" => (&["", "8f2a-FRA"], &['a', ' '], &["", "-FRA"]),
        _ => unreachable!("{name}"),
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| text.replace("{tag}", tag)).collect();
    (owned(begins), fills, owned(ends))
}

#[test]
fn what_is_cut_behind_its_limit_gets_the_same_answer_and_the_same_line_of_the_log() {
    let (mut tried, mut statuses) = (0, BTreeSet::new());
    for longest in [false, true] {
        let (issuer, _, _) = issuer(longest);
        // A wrong secret, because a refusal also shows that it was read, and needs no signature.
        let secret = GeneratedSecret::from_random(&[8; 32]);
        let tag = tag(&issuer);
        for (name, limit) in
            LIMITS.into_iter().filter(|(name, _)| *name != "body" && (!longest || *name == "origin"))
        {
            let (begins, fills, ends) = meanings(name, &tag);
            let texts = begins.iter().flat_map(|begin| {
                ends.iter().flat_map(move |end| fills.iter().map(move |fill| (begin, *fill, end)))
            });
            for (begin, fill, end) in texts {
                let Some(length) = (limit + 1).checked_sub(begin.len() + end.len()) else { continue };
                let kept = format!("{begin}{}{end}", fill.to_string().repeat(length));
                for more in ["x", ",x", "\u{e9}"] {
                    for (method, path) in [
                        ("POST", "/token"),
                        ("POST", "/token/introspect"),
                        ("GET", "/keys"),
                        ("GET", "/auth"),
                        ("OPTIONS", "/token"),
                    ] {
                        let mut parts = Parts::new(method, path, (method == "POST").then_some(&secret));
                        parts.set(name, &format!("{kept}{more}"));
                        let (whole, cut) = (parts.ask(&issuer, false), parts.ask(&issuer, true));
                        assert_eq!(whole, cut, "{method} {path} with {name}: {kept}{more}");
                        tried += 1;
                        statuses.insert(whole.2);
                    }
                }
            }
        }
    }
    assert!(tried > 2_000, "{tried}");
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [200, 204, 400, 401, 404, 405]);
}

#[test]
fn a_part_as_long_as_its_limit_is_looked_at_and_a_longer_one_is_not() {
    let (issuer, secret, longest_origin) = issuer(true);
    let tag = tag(&issuer);
    let pad = |text: &str, name: &str, more: usize| {
        format!("{text}{}", " ".repeat(limit(name) - text.len() + more))
    };
    let query = |more: usize| {
        format!("{}{}", "https://tokens.example.com/keys?", "a".repeat(limit("url") - 32 + more))
    };
    let path = |more: usize| format!("https://tokens.example.com/{}", "a".repeat(limit("url") - 27 + more));
    for (name, method, at, text, expected) in [
        ("method", "OPTIONS", "/token", "OPTIONS".to_owned(), 204),
        ("method", "OPTIONS", "/token", "OPTIONSX".to_owned(), 405),
        ("url", "GET", "", query(0), 200),
        ("url", "GET", "", query(1), 200),
        ("url", "GET", "", path(0), 404),
        ("url", "GET", "", path(1), 404),
        ("accept", "GET", "/auth", pad("text/html", "accept", 0), 400),
        ("accept", "GET", "/auth", pad("text/html", "accept", 1), 400),
        ("content-type", "POST", "/token", pad("application/x-www-form-urlencoded;", "content-type", 0), 200),
        ("content-type", "POST", "/token", pad("application/x-www-form-urlencoded;", "content-type", 1), 400),
        ("origin", "POST", "/token", longest_origin.clone(), 200),
        ("origin", "POST", "/token", longest_origin + "a", 400),
        ("if-none-match", "GET", "/keys", pad(&tag, "if-none-match", 0), 304),
        ("if-none-match", "GET", "/keys", pad(&tag, "if-none-match", 1), 200),
    ] {
        let mut parts = Parts::new(method, at, (method == "POST").then_some(&secret));
        parts.set(name, &text);
        for is_cut in [false, true] {
            let (response, _, status) = parts.ask(&issuer, is_cut);
            assert_eq!(status, expected, "{name} {}: {response}", text.len());
            if name == "accept" {
                assert_eq!(response.contains("<!doctype html>"), text.len() <= limit("accept"), "{response}");
            }
        }
    }
    for (more, reason) in [(0, "wrong_secret"), (1, "malformed_authorization")] {
        let mut parts = Parts::new("POST", "/token", None);
        parts.body = "grant_type=client_credentials".to_owned();
        parts.set("authorization", &pad("Basic YXBwOndyb25n", "authorization", more));
        for is_cut in [false, true] {
            let event = parts.ask(&issuer, is_cut).1;
            assert!(event.contains(reason), "{event}");
        }
    }
}

#[test]
fn the_longest_of_what_the_network_says_of_a_request_is_logged_and_nothing_longer() {
    let (issuer, _, _) = issuer(false);
    let address = "2001:0db8:0000:0000:0000:0000:255.255.255.255";
    assert_eq!(address.len(), limit("cf-connecting-ip"));
    for (more, logged) in [("", true), ("5", false)] {
        let mut parts = Parts::new("POST", "/token", None);
        parts.set("cf-connecting-ip", &format!("{address}{more}"));
        parts.set("cf-ipcountry", &format!("DE{more}"));
        parts.set("cf-ray", &format!("{}{more}", "a".repeat(limit("cf-ray"))));
        let event: serde_json::Value = serde_json::from_str(&parts.ask(&issuer, true).1).unwrap();
        for (member, value) in
            [("network", "2001:db8::/64"), ("country", "DE"), ("ray", &"a".repeat(limit("cf-ray")))]
        {
            assert_eq!(event[member].as_str(), logged.then_some(value), "{member}");
        }
    }
}
