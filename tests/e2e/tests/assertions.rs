//! Assertions in workerd: used once in all isolates, and by keys that are fetched from servers of all kinds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, and say where"
)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use edgemint_e2e::{Bare, now, send};
use edgemint_testkit::{Kind, Mint, cast, public_key, signing_key};
use serde_json::{Value, json};

const ISSUER: &str = "http://127.0.0.1:8787";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The isolates, which know the clients of the vectors.
fn isolates() -> &'static Bare {
    static BARE: OnceLock<Bare> = OnceLock::new();
    BARE.get_or_init(|| {
        let vars = BTreeMap::from([
            ("ISSUER".to_owned(), ISSUER.to_owned()),
            ("GRANT_TYPES".to_owned(), "client_credentials".to_owned()),
            ("SIGNING_KEY_A".to_owned(), signing_key("ES256", &[])),
        ]);
        let bare = Bare::start_with_replay(&vars);
        for client in cast() {
            bare.put(&client.id.kv_key(), &client.to_json());
        }
        bare
    })
}

/// Sends `assertion` to the isolate at `url`. Returns the status and the reason for it.
fn ask(url: &str, assertion: &str, network: usize) -> (u16, String) {
    let headers = BTreeMap::from([
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ("cf-connecting-ip".to_owned(), format!("2001:db8:1:{network:x}::1")),
    ]);
    let form =
        format!("grant_type=client_credentials&client_assertion_type={TYPE}&client_assertion={assertion}");
    let answer = send("POST", &format!("{url}/token"), &headers, form.into_bytes());
    (answer.status, answer.body)
}

fn own(header: Value, claims: Value) -> String {
    Mint::of(Kind::Client, header, claims).token(ISSUER, now())
}

#[test]
fn a_hundred_identical_assertions_in_several_isolates_yield_one_token() {
    let urls = isolates().urls();
    assert!(urls.len() >= 3, "{urls:?}");
    let assertion = own(json!({}), json!({}));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let asking: Vec<_> = (0..100)
            .map(|i| {
                let (url, assertion) = (&urls[i % urls.len()], &assertion);
                scope.spawn(move || ask(url, assertion, i).0)
            })
            .collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let with = |status| statuses.iter().filter(|known| **known == status).count();
    assert_eq!((with(200), with(401)), (1, 99), "{statuses:?}");
    // Other assertions work in each isolate.
    for url in &urls {
        assert_eq!(ask(url, &own(json!({}), json!({})), 101).0, 200);
    }
}

/// A server on this machine that answers by the path of the request. Returns its port.
fn keys_server() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream));
            }
        });
        port
    })
}

fn serve(mut stream: TcpStream) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let key = || public_key("signer-ES256", &[("kid", "es256".into())]);
    let set = |keys: Vec<Value>| json!({ "keys": keys }).to_string();
    let (status, head, body) = match path {
        "/right" => ("200 OK", "", set(vec![key()])),
        "/redirect" => ("302 Found", "Location: /right\r\n", String::new()),
        "/error" => ("500 Error", "", set(vec![key()])),
        "/huge" => ("200 OK", "", format!("{}{}", set(vec![key()]), " ".repeat(70_000))),
        "/many" => ("200 OK", "", set(vec![json!({ "kty": "EC", "kid": "x" }); 1_500])),
        "/private" => ("200 OK", "", set(vec![edgemint_testkit::private_key("signer-ES256")])),
        "/text" => ("200 OK", "", "hello".to_owned()),
        // Never answers. The connection ends with the Worker's.
        "/slow" => {
            let _ = stream.read(&mut [0; 16]);
            return;
        }
        _ => ("404 Not Found", "", String::new()),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]
fn keys_are_fetched_and_hostile_servers_harm_no_one() {
    let (bare, port) = (isolates(), keys_server());
    for (i, (path, expected)) in [
        ("right", 200),
        ("redirect", 503),
        ("error", 503),
        ("huge", 503),
        ("many", 401),
        ("private", 401),
        ("text", 503),
        ("absent", 503),
        ("slow", 503),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("remote-{path}");
        let record = json!({
            "v": 3, "id": id, "name": "", "public": false, "disabled": false, "secrets": [], "groups": [],
            "trusted_peers": [], "token_lifetime": null, "revision": 1,
            "jwks_uri": format!("http://127.0.0.1:{port}/{path}"),
        });
        bare.put(&format!("client:{id}"), &record.to_string());
        let began = Instant::now();
        let (status, body) = ask(&bare.url(), &own(json!({}), json!({ "iss": id, "sub": id })), 200 + i);
        assert_eq!(status, expected, "{path}: {body}");
        assert!(began.elapsed().as_secs() < 10, "{path} took {:?}", began.elapsed());
    }
    assert!(bare.log_comes_to_contain("keys_unavailable"));
    assert_eq!(ask(&bare.url(), &own(json!({}), json!({})), 300).0, 200, "others are served");
}
